// The reading side of the journal: for any thread.
#include <fmt/format.h>

#include "journal/errc.h"
#include "journal/event_reader.h"
#include "journal/journal.h"
#include "journal/stretches.h"

namespace evergate::journal {

base::result<std::vector<flow::stored_session>> journal::stored_sessions() {
  auto view = store_->read();
  if (!view) return std::unexpected(view.error());
  return journal_core::sessions_in(**view);
}

base::result<std::map<std::string, std::string>> journal::stored_records() {
  auto view = store_->read();
  if (!view) return std::unexpected(view.error());
  return journal_core::records_in(**view);
}

base::result<flow::stored_consumers> journal::stored() {
  auto view = store_->read();
  if (!view) return std::unexpected(view.error());
  return journal_core::consumers_in(**view);
}

base::result<flow::batch_ptr> journal::read_after(flow::offset after, std::size_t bytes_hint) {
  const auto head = head_.load(std::memory_order_acquire);
  if (after.value >= head) return nullptr;
  auto recent = ring_.after(after.value);
  if (recent.known) return std::move(recent.batch);
  auto view = store_->read();
  if (!view) return std::unexpected(view.error());
  event_reader reader(**view);
  auto found = reader.read(after.value, bytes_hint);
  if (!found) {
    note_broken(found.error());
    return std::unexpected(found.error());
  }
  for (const auto& one : reader.damage()) note_damage(one);
  auto batch = std::move(*found);
  if (batch == nullptr) return nullptr;
  // Written, but not yet announced (durability = power syncs in between).
  while (!batch->rows.empty() && batch->rows.back().offset.value > head) batch->rows.pop_back();
  if (batch->rows.empty()) return nullptr;
  return batch;
}

base::result<void> journal::stretches(proto::event_class of, flow::offset after, flow::offset upto,
                                      const std::function<bool(const flow::stretch&)>& each) {
  auto view = store_->read();
  if (!view) return std::unexpected(view.error());
  return stretches_in(**view, of, after, upto, each);
}

// The rows are missing for readers, as evicted ones are, and a GAP record will say so.
void journal::note_damage(const damaged_events& one) {
  {
    const std::scoped_lock lock(state_mutex_);
    if (damage_known_.size() >= damage_known_max) damage_known_.clear();
    if (!damage_known_.emplace(one.retention, one.first).second) return;
    ++status_.damaged;
    status_.last_error = one.found;
    gaps_waiting_.push_back({.cause = fmt::format("damaged {}-{}", one.first, one.last)});
  }
  log_.error("journal.damaged_events", {{"first", one.first}, {"last", one.last}, {"found", one.found}});
  inbox_.wake();
}

void journal::note_damaged_guild(proto::snowflake id, const base::error& why) {
  const auto head = head_.load(std::memory_order_acquire);
  {
    const std::scoped_lock lock(state_mutex_);
    if (guilds_damaged_.size() >= damage_known_max) guilds_damaged_.clear();
    if (!guilds_damaged_.insert(id).second) return;
    ++status_.damaged;
    status_.last_error = why.text();
  }
  log_.error("journal.damaged_guild", {{"guild", id}, {"found", why.text()}});
  keeper_->ask({{id, head, true}});
}

void journal::note_broken(const base::error& why) {
  if (why.code != errc::damaged) return;
  {
    const std::scoped_lock lock(state_mutex_);
    if (!broken_.empty()) return;
    broken_ = status_.last_error = why.text();
  }
  inbox_.wake();
}

base::result<std::vector<flow::guild_entry>> journal::guilds(proto::shard_key lane, flow::offset as_of) {
  return mirror_.guilds(lane, as_of.value);
}

base::result<bool> journal::guild(proto::snowflake id, flow::offset as_of, std::string& out) {
  auto image = mirror_.load(id, as_of.value);
  if (!image && image.error().code == errc::damaged) {
    // Never shown: the guild is down for bots until Discord sends it again, and durably so.
    note_damaged_guild(id, image.error());
    return false;
  }
  if (!image) return std::unexpected(image.error());
  if (image->state != guild_state::available || !image->document.present()) return false;
  image->document.write(out);
  return true;
}

base::result<std::string> journal::ready() {
  std::shared_ptr<const std::string> known;
  {
    const std::scoped_lock lock(state_mutex_);
    known = ready_;
  }
  return *known;
}

bool journal::complete() const {
  if (!all_started_) return false;
  const base::nanoseconds last(last_guild_ns_.load());
  return mirror_.awaiting() == 0 || base::boot_clock::now().time_since_epoch() - last >= options_.guild_wait;
}

journal_status journal::status() const {
  journal_status out;
  {
    const std::scoped_lock lock(state_mutex_);
    out = status_;
  }
  out.ring_bytes = ring_.bytes();
  out.checkpoints_waiting = keeper_->waiting();
  out.refused = refusals_.load(std::memory_order_relaxed);
  return out;
}

std::vector<gap_entry> journal::gaps() const {
  const std::scoped_lock lock(state_mutex_);
  return gaps_;
}

}  // namespace evergate::journal
