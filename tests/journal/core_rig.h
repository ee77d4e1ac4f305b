// A journal core over memory, driven round by round: no threads, no clock, no files. And batches made by
// hand.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/intake.h"
#include "journal/checkpoint.h"
#include "journal/journal_core.h"
#include "journal/memory_store.h"

namespace evergate::journal::test {

constexpr proto::snowflake g1 = 1ULL << 22;
constexpr proto::snowflake g2 = 2ULL << 22;

class batch_maker {
 public:
  batch_maker& event(proto::event_type type, proto::snowflake guild, std::string_view d,
                     std::uint32_t seq = 0) {
    auto& row = flow::append_row(*batch_, type, {}, d);
    row.guild = guild;
    row.seq = seq;
    row.shard = shard_.id;
    row.shard_count = shard_.count;
    return *this;
  }
  batch_maker& message(proto::snowflake guild, proto::snowflake channel, proto::snowflake message, int added,
                       std::string_view d = "{}") {
    event(proto::event_type::message_create, guild, d);
    flow::counter_row counter;
    counter.offset.value = batch_->rows.size() - 1;
    counter.guild = guild;
    counter.channel = channel;
    counter.message = message;
    counter.added = added;
    counter.added_total = added > 0 ? added : 0;
    batch_->counters.push_back(counter);
    return *this;
  }
  batch_maker& ready(std::string_view d) {
    event(proto::event_type::session_started, 0, d);
    return *this;
  }
  batch_maker& gap(std::string_view cause = "invalid_session") {
    flow::gap_record record;
    record.shard = {shard_.id, shard_.count};
    record.session_id = "lost";
    record.cause = cause;
    flow::append_gap(record, *batch_);
    return *this;
  }
  batch_maker& progress(std::int64_t seq) {
    batch_->progress.push_back({{shard_.id, shard_.count}, seq});
    return *this;
  }
  batch_maker& session(std::string_view id, std::int64_t seq) {
    batch_->sessions.push_back({{shard_.id, shard_.count}, std::string(id), "wss://resume", seq});
    return *this;
  }
  batch_maker& on(std::uint16_t id, std::uint16_t count) {
    shard_ = {id, count};
    return *this;
  }
  [[nodiscard]] std::unique_ptr<flow::event_batch> done() {
    return std::exchange(batch_, std::make_unique<flow::event_batch>());
  }

 private:
  struct {
    std::uint16_t id = 0;
    std::uint16_t count = 1;
  } shard_;
  std::unique_ptr<flow::event_batch> batch_ = std::make_unique<flow::event_batch>();
};

inline flow::consumer_change cursor_at(std::uint64_t cursor, const std::string& name = "main") {
  flow::consumer_change change;
  change.consumers.push_back({name, 0, {{1, {{cursor}}}}});
  return change;
}

class core_rig {
 public:
  explicit core_rig(journal_options with = {},
                    std::shared_ptr<memory_image> over = std::make_shared<memory_image>())
      : options(std::move(with)),
        image(std::move(over)),
        store(image),
        guilds(store, options.document_bytes_max),
        ring(options.ring_bytes_max),
        core(store, guilds, ring, options) {}

  base::result<void> recover() { return core.recover(true); }

  std::shared_ptr<const flow::commit> run(round& work) {
    core.prepare(work);
    const auto wrote = core.write(work, time_ms);
    if (!wrote) {
      error = wrote.error();
      return nullptr;
    }
    for (const auto& one : work.requests) requests.push_back(one);
    for (const auto& one : work.failures) failures.push_back(one);
    return core.settle(work);
  }
  std::shared_ptr<const flow::commit> commit(std::unique_ptr<flow::event_batch> batch) {
    round work;
    work.batches.push_back(std::move(batch));
    return run(work);
  }
  void change(flow::consumer_change what) {
    round work;
    work.changes.add(std::move(what));
    run(work);
  }
  /// Makes the versions that were asked for and stores them; returns how many.
  std::size_t keep() {
    round work;
    for (const auto& one : std::exchange(requests, {}))
      work.checkpoints.push_back(make_checkpoint(guilds, one, 1));
    const auto count = work.checkpoints.size();
    run(work);
    return count;
  }
  /// A version of `guild` as of now, whether or not it is due.
  void keep(proto::snowflake guild) {
    round work;
    work.checkpoints.push_back(make_checkpoint(guilds, {guild, head(), false}, 1));
    run(work);
  }
  [[nodiscard]] std::uint64_t head() const { return core.state().book.head; }
  /// The guild's document, "" when it is not shown.
  [[nodiscard]] std::string shown(proto::snowflake guild, std::uint64_t as_of) {
    auto image_of = guilds.load(guild, as_of);
    if (!image_of) return "error: " + image_of.error().text();
    if (image_of->state != guild_state::available || !image_of->document.present()) return {};
    std::string out;
    image_of->document.write(out);
    return out;
  }

  journal_options options;
  std::shared_ptr<memory_image> image;
  memory_store store;
  mirror guilds;
  batch_ring ring;
  journal_core core;
  std::int64_t time_ms = 1'700'000'000'000;
  std::vector<checkpoint_request> requests;
  std::vector<std::string> failures;
  base::error error;
};

/// What the index holds of a guild, for messages.
inline std::string told(core_rig& rig, proto::snowflake guild) {
  const auto* const entry = std::as_const(rig.guilds).index().find(guild);
  if (entry == nullptr) return "unknown guild";
  std::string out = "versions";
  for (const auto& one : entry->versions) out += " " + std::to_string(one.as_of);
  out += " pending";
  for (const auto one : entry->pending) out += " " + std::to_string(one);
  out += " history";
  for (const auto& one : entry->history)
    out += " " + std::to_string(one.offset) + "=" + std::to_string(static_cast<int>(one.state));
  return out + " floor " + std::to_string(rig.core.state().book.mirror_floor);
}

}  // namespace evergate::journal::test
