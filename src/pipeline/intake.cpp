#include "pipeline/intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "pipeline/self_events.h"
#include "proto/json_view.h"
#include "proto/utf8.h"

namespace evergate::pipeline {
namespace {

using proto::event_type;

constexpr std::uint64_t repairs_told_one_by_one = 100;
constexpr std::size_t scratch_keep_bytes = std::size_t{1} << 20;

flow::event_row& add_row(const proto::envelope& event, std::string_view d, proto::shard_key shard,
                         flow::event_batch& out) {
  base::check(d.size() < std::numeric_limits<std::uint32_t>::max() - out.arena.size() - 256,
              "a batch stays far below 4 GiB");
  flow::event_row& row = flow::append_row(out, event.type, event.t, d);
  row.guild = event.guild;
  row.seq = event.s > 0 ? static_cast<std::uint32_t>(event.s) : 0;
  row.shard = static_cast<std::uint16_t>(shard.id);
  row.shard_count = static_cast<std::uint16_t>(shard.count);
  return row;
}

std::int32_t ids_in(std::string_view d) noexcept {
  std::int32_t out = 0;
  proto::array_cursor ids(proto::member(d, "ids"));
  while (ids.next()) ++out;
  return out;
}

/// What a message event does to the counts of its channel or thread, kept apart from the event. Every
/// MESSAGE_CREATE counts: the few types that Discord does not count (a thread's starter message) are its
/// affair, and libraries count them too.
void add_counter(const proto::envelope& event, std::string_view d, flow::event_batch& out) {
  if (event.guild == 0 || event.channel == 0) return;
  flow::counter_row counter;
  if (event.type == event_type::message_create) {
    counter.message = event.id;
    counter.added = 1;
    counter.added_total = 1;
  } else if (event.type == event_type::message_delete) {
    counter.added = -1;
  } else if (event.type == event_type::message_delete_bulk) {
    counter.added = -ids_in(d);
  } else {
    return;
  }
  counter.offset = flow::offset{out.rows.size() - 1};
  counter.guild = event.guild;
  counter.channel = event.channel;
  out.counters.push_back(counter);
}

}  // namespace

base::result<std::unique_ptr<intake>> intake::make(const intake_options& options,
                                                   flow::reply_table& replies) {
  auto filter = event_filter::make(options.filter);
  if (!filter) return std::unexpected(filter.error());
  return std::unique_ptr<intake>(new intake(std::move(*filter), options, replies));
}

intake::intake(event_filter filter, const intake_options& options, flow::reply_table& replies)
    : filter_(std::move(filter)),
      self_id_(options.self_id),
      log_(options.log),
      decisions_(*options.decisions),
      table_(replies),
      replies_(replies) {}

void intake::add(const proto::envelope& event, proto::shard_key shard, flow::event_batch& out) {
  counters_.received[static_cast<std::size_t>(event.type)].add_one();
  if (event.type == event_type::resumed) return;
  const bool ready = event.type == event_type::ready;
  if (event.t.empty() || event.d.empty() || (ready && !event.d.starts_with('{'))) {
    return counters_.malformed.add_one();
  }
  if (filter_.drops_event(event.type, event.t)) return counters_.dropped_by_event.add_one();
  if (filter_.drops_guild(event.guild)) {
    counters_.dropped_by_guild.add_one();
    return hide_guild(event, shard, out);
  }
  std::string_view d = proto::valid_utf8(event.d) ? event.d : repaired(event);
  if (ready) return add_session(event, d, shard, out);
  if (decisions_.on_event.overridden()) [[unlikely]] {
    const auto kept = decided(event, d, shard);
    if (!kept) return counters_.dropped_by_controller.add_one();
    d = *kept;
  }
  if (const int op = reply_matcher::op_by_guild(event.type)) return add_by_guild(op, event, d, shard, out);
  add_event(event, d, shard, out);
}

std::optional<std::string_view> intake::decided(const proto::envelope& event, std::string_view d,
                                                proto::shard_key shard) {
  const event_question asked{
      .shard = shard.id, .shards = shard.count, .type = event.t, .guild = event.guild, .d = d};
  auto answer = decisions_.on_event.ask(asked, [](const auto&) { return event_answer{}; });
  if (answer.what == event_answer::verdict::drop) return std::nullopt;
  if (answer.what == event_answer::verdict::keep) return d;
  counters_.rewritten.add_one();
  rewritten_ = std::move(answer.d);
  return rewritten_;
}

void intake::add_session(const proto::envelope& event, std::string_view d, proto::shard_key shard,
                         flow::event_batch& out) {
  const proto::snowflake self = proto::snowflake_of(proto::member(proto::member(d, "user"), "id"));
  if (self != 0) self_id_ = self;
  proto::envelope record = event;
  record.type = event_type::session_started;
  record.guild = 0;
  add_row(record, d, shard, out).flags = flow::row_flag::internal;
}

void intake::add_event(const proto::envelope& event, std::string_view d, proto::shard_key shard,
                       flow::event_batch& out) {
  if (const auto replies = replies_.by_nonce(event.type, d); !replies.empty()) {
    return add_replies(event, replies, shard, out);
  }
  flow::event_row& row = add_row(event, d, shard, out);
  if (about_self(event.type, d, self_id_)) row.flags |= flow::row_flag::self;
  if (proto::info_of(event.type).effect == proto::mirror_effect::counter) add_counter(event, d, out);
}

/// One row for each session that has asked; the copies count as records of our own (seq 0).
void intake::add_replies(const proto::envelope& event, std::span<const matched_reply> replies,
                         proto::shard_key shard, flow::event_batch& out) {
  for (const auto& reply : replies) {
    flow::event_row& row = add_row(event, reply.d, shard, out);
    row.flags |= flow::row_flag::reply;
    row.target = reply.target;
    if (&reply != &replies.front()) row.seq = 0;
    (reply.target != 0 ? counters_.replies : counters_.replies_unclaimed).add_one();
  }
}

/// One row for each session that waits for it; the copies count as records of our own (seq 0).
void intake::add_by_guild(int op, const proto::envelope& event, std::string_view d, proto::shard_key shard,
                          flow::event_batch& out) {
  auto who = table_.find_by_guild(op, event.guild);
  flow::event_row& first = add_row(event, d, shard, out);
  first.flags |= flow::row_flag::reply;
  if (!who) return counters_.replies_unclaimed.add_one();
  first.target = who->session;
  counters_.replies.add_one();
  while ((who = table_.find_by_guild(op, event.guild))) {
    flow::event_row& copy = add_row(event, d, shard, out);
    copy.flags |= flow::row_flag::reply;
    copy.target = who->session;
    copy.seq = 0;
    counters_.replies.add_one();
  }
}

/// READY has listed the guild; for the mirror a filtered one is a guild that the bot has left.
void intake::hide_guild(const proto::envelope& event, proto::shard_key shard, flow::event_batch& out) {
  if (event.type != event_type::guild_create && event.type != event_type::guild_delete) return;
  proto::envelope gone = event;
  gone.type = event_type::guild_delete;
  const std::string d = fmt::format(R"({{"id":"{}"}})", event.guild);
  add_row(gone, d, shard, out).flags = flow::row_flag::internal;
}

std::string_view intake::repaired(const proto::envelope& event) {
  const std::string_view d = event.d;
  counters_.repaired.add_one();
  if (repaired_.capacity() > scratch_keep_bytes) repaired_ = {};
  repaired_.clear();
  proto::append_repaired_utf8(d, repaired_);
  const auto times = counters_.repaired.value();
  if (log_ != nullptr && (times <= repairs_told_one_by_one || times % repairs_told_one_by_one == 0)) {
    // The bytes as they came, not the text around them: that is a user's.
    const auto same = std::ranges::mismatch(d, repaired_).in1 - d.begin();
    std::string bytes;
    for (const char c : d.substr(static_cast<std::size_t>(same), 4)) {
      bytes += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    log_->warn("intake.repaired",
               {{"type", event.t}, {"guild", event.guild}, {"at", same}, {"bytes", bytes}, {"times", times}});
  }
  return repaired_;
}

}  // namespace evergate::pipeline
