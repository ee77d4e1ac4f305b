#include "pipeline/reply_matcher.h"

#include "proto/json_splice.h"
#include "proto/json_view.h"

namespace evergate::pipeline {
namespace {

/// True unless more chunks of the same request are to come.
bool last_chunk(std::string_view d) noexcept {
  const auto index = proto::integer_of(proto::member(d, "chunk_index"));
  const auto count = proto::integer_of(proto::member(d, "chunk_count"));
  return !index || !count || *index >= *count - 1;
}

}  // namespace

std::span<const matched_reply> reply_matcher::by_nonce(proto::event_type type, std::string_view d) {
  const bool chunk = type == proto::event_type::guild_members_chunk;
  if (!chunk && type != proto::event_type::rate_limited) return {};
  const std::string_view holder = chunk ? d : proto::member(d, "meta");
  const std::string_view value = proto::member(holder, "nonce");
  const auto nonce = proto::plain_string(value);
  if (!nonce || !flow::reply_table::ours(*nonce)) return {};
  found_.clear();
  const auto who = table_.find(*nonce, !chunk || last_chunk(d));
  if (!who) {
    found_.push_back({0, d});
    return found_;
  }
  if (spliced_.size() != who->joined.size() + 1 || spliced_.front().capacity() > keep_bytes) {
    spliced_.assign(who->joined.size() + 1, {});
  }
  const auto give = [&](const flow::reply_table::asker& to, std::string& out) {
    out.clear();
    proto::json_splice splice(d, out);
    if (to.nonce) {
      splice.replace(value, *to.nonce);
    } else {
      splice.replace(proto::member_with_comma(holder, "nonce"), {});
    }
    splice.finish();
    found_.push_back({to.session, out});
  };
  give(who->first, spliced_.front());
  for (std::size_t i = 0; i < who->joined.size(); ++i) give(who->joined[i], spliced_[i + 1]);
  return found_;
}

}  // namespace evergate::pipeline
