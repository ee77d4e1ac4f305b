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

std::optional<matched_reply> reply_matcher::by_nonce(proto::event_type type, std::string_view d) {
  const bool chunk = type == proto::event_type::guild_members_chunk;
  if (!chunk && type != proto::event_type::rate_limited) return std::nullopt;
  const std::string_view holder = chunk ? d : proto::member(d, "meta");
  const std::string_view value = proto::member(holder, "nonce");
  const auto nonce = proto::plain_string(value);
  if (!nonce || !flow::reply_table::ours(*nonce)) return std::nullopt;
  const auto who = table_.find(*nonce, !chunk || last_chunk(d));
  if (!who) return matched_reply{0, d};
  if (spliced_.capacity() > keep_bytes) spliced_ = {};
  spliced_.clear();
  proto::json_splice splice(d, spliced_);
  if (who->nonce) {
    splice.replace(value, *who->nonce);
  } else {
    splice.replace(proto::member_with_comma(holder, "nonce"), {});
  }
  splice.finish();
  return matched_reply{who->session, spliced_};
}

}  // namespace evergate::pipeline
