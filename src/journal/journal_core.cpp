#include "journal/journal_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/seeded_bug.h"
#include "flow/intake.h"
#include "journal/bytes.h"
#include "journal/index_replay.h"
#include "journal/round_preparer.h"
#include "journal/sealed.h"

namespace evergate::journal {
namespace {

constexpr std::int64_t sample_interval_ms = 10'000;
constexpr std::int64_t sample_recent_ms = 500;

}  // namespace

journal_core::journal_core(store& to, mirror& guilds, batch_ring& ring, const journal_options& options)
    : store_(to),
      mirror_(guilds),
      ring_(ring),
      options_(options),
      retention_(options_, std::as_const(guilds).index()) {}

std::uint64_t journal_core::kept_from(const ledger& book) const {
  return std::max(state_.acknowledged(proto::event_class::state, sample_old_), book.state_lost);
}

bool journal_core::gaps_due() const noexcept {
  const auto interval_ms = std::chrono::milliseconds(options_.gap_interval).count();
  return std::ranges::any_of(lost_ | std::views::values, [&](const loss& one) {
    return time_ms_ >= one.since_ms + interval_ms || time_ms_ < one.since_ms;  // or the clock was set back
  });
}

// Those of consumers come with what they are about, so that one is durable when the other is.
void journal_core::add_gaps(round& work) {
  const bool due = gaps_due();
  if (work.changes.gaps.empty() && !due) return;
  auto batch = std::make_unique<flow::event_batch>();
  for (auto& gap : work.changes.gaps) {
    gap.shard = {0, 0};
    flow::append_gap(gap, *batch);
  }
  if (due) {
    for (const auto& [consumer, what] : std::exchange(lost_, {})) {
      flow::append_gap(gap_of(consumer, what), *batch);
      work.told.push_back(consumer);
    }
  }
  work.batches.push_back(std::move(batch));
}

void journal_core::prepare(round& work) {
  add_gaps(work);
  round_preparer(state_, mirror_, work).run();
  for (const auto& [name, consumer] : work.changes.consumers)
    state_.consumers.insert_or_assign(name, consumer);
  for (const auto& [id, session] : work.changes.sessions) state_.sessions.insert(id);
  for (const auto& id : work.changes.sessions_removed) state_.sessions.erase(id);
}

base::result<void> journal_core::write(round& work, std::int64_t time_ms) {
  if (time_ms - sample_time_ms_ >= sample_interval_ms || time_ms < sample_time_ms_) {
    sample_time_ms_ = time_ms;
    sample_old_ = std::exchange(sample_, state_.book.head);
  }
  auto txn = store_.write();
  if (!txn) return std::unexpected(txn.error());
  ledger book = state_.book;
  book.clean = 0;
  if (work.last >= work.first) book.head = work.last;
  if (auto put = put_blobs(**txn, work, book, time_ms); !put) return put;
  if (base::seeded_bug(base::bug::split_transaction)) {
    std::string early;
    encode(book, early);
    if (auto put = put_sealed(**txn, table::meta, meta_ledger, early); !put) return put;
    if (auto done = (*txn)->commit(); !done) return done;
    txn = store_.write();
    if (!txn) return std::unexpected(txn.error());
  }
  if (auto put = put_sessions(**txn, work, book); !put) return put;
  if (auto put = put_changes(**txn, work, book); !put) return put;
  if (auto put = put_users(**txn, work, book); !put) return put;
  auto gone = retention_.run(**txn, book, state_.acknowledged(book.head), state_.consumers, kept_from(book),
                             work.first, time_ms);
  if (!gone) return std::unexpected(gone.error());
  auto lost = lost_;
  for (const auto& [consumer, what] : gone->lost) lost[consumer].add(what);
  if (auto put = put_losses(**txn, work, lost, book); !put) return put;
  const auto keep = std::max(kept_from(book), book.mirror_floor);
  if (!work.checkpoints.empty()) book.mirror_floor = std::max(book.mirror_floor, keep);
  if (auto put = put_checkpoints(**txn, work, keep, *gone, book); !put) return put;
  std::string text;
  encode(book, text);
  if (auto put = put_sealed(**txn, table::meta, meta_ledger, text); !put) return put;
  {
    const auto lock = mirror_.lock();
    if (auto done = (*txn)->commit(); !done) return done;
    apply_to_index(work, *gone, keep);
    mirror_.set_floor(book.mirror_floor);
    mirror_.set_self(book.self);
  }
  lost_ = std::move(lost);
  time_ms_ = time_ms;
  evicting_ = gone->more;
  state_.book = book;
  note_recent(time_ms);
  ask_checkpoints(work, *gone);
  return {};
}

void journal_core::note_recent(std::int64_t time_ms) {
  if (!recent_.empty() && time_ms < recent_.back().time_ms) recent_.clear();  // the clock was set back
  if (recent_.empty() || time_ms - recent_.back().time_ms >= sample_recent_ms) {
    recent_.push_back({time_ms, state_.book.head});
  }
  while (time_ms - recent_.front().time_ms > flow::event_source::recent_span_ms) {
    recent_after_ = recent_.front().head;
    recent_.pop_front();
  }
}

base::result<void> journal_core::put_blobs(transaction& txn, round& work, ledger& book,
                                           std::int64_t time_ms) const {
  for (std::size_t which = 0; which < work.blobs.size(); ++which) {
    const auto& blob = work.blobs[which];
    if (blob.empty()) continue;
    auto& totals = book.classes[which];
    blob_header header;
    header.retention = static_cast<std::uint8_t>(which);
    header.round_first = work.first;
    header.round_last = work.last;
    header.time_ms = time_ms;
    header.previous = totals.last_blob;
    const auto key = blob_key(static_cast<proto::event_class>(which), blob.first());
    const auto room = txn.reserve(table::events, key, blob.size());
    if (!room) return std::unexpected(room.error());
    blob.write(key, header, *room);
    totals.last_blob = blob.first();
    ++totals.blobs;
    totals.events += blob.rows();
    totals.bytes += blob.size();
  }
  return {};
}

base::result<void> journal_core::put_sessions(transaction& txn, const round& work, ledger& book) const {
  std::set<std::uint32_t> counts;
  for (const auto& shard : work.progressed) counts.insert(shard.count);
  std::string text;
  for (const auto count : counts) {
    text.clear();
    encode(state_.sequences.at(count), text);
    if (auto put = put_sealed(txn, table::sequences, count_key(count), text, book.sums); !put) return put;
  }
  for (const auto& [shard, session] : work.sessions) {
    const auto key = shard_record_key(shard);
    text.clear();
    encode(session, text);
    auto put = session.session_id.empty() ? remove_sealed(txn, table::sessions, key, book.sums)
                                          : put_sealed(txn, table::sessions, key, text, book.sums);
    if (!put) return put;
  }
  for (const auto count : work.started) {
    const auto key = std::string(meta_started) + count_key(count);
    if (auto put = put_sealed(txn, table::meta, key, state_.started.at(count), book.sums); !put) return put;
  }
  for (const auto& [name, value] : work.records) {
    const auto key = std::string(meta_control) + name;
    auto put = value.empty() ? remove_sealed(txn, table::meta, key, book.sums)
                             : put_sealed(txn, table::meta, key, value, book.sums);
    if (!put) return put;
  }
  if (!work.ready_changed) return {};
  return put_sealed(txn, table::meta, meta_ready, state_.ready, book.sums);
}

base::result<void> journal_core::put_changes(transaction& txn, const round& work, ledger& book) const {
  std::string text;
  for (const auto& [name, consumer] : work.changes.consumers) {
    text.clear();
    encode(consumer, text);
    if (auto put = put_sealed(txn, table::consumers, name, text, book.sums); !put) return put;
  }
  for (const auto& [id, session] : work.changes.sessions) {
    text.clear();
    encode(session, text);
    book.next_session_number = std::max(book.next_session_number, session.number + 1);
    if (auto put = put_sealed(txn, table::downstreams, id, text, book.sums); !put) return put;
  }
  for (const auto& id : work.changes.sessions_removed) {
    if (auto removed = remove_sealed(txn, table::downstreams, id, book.sums); !removed) return removed;
  }
  for (const auto& [key, letter] : work.changes.dead_letters) {
    text.clear();
    encode(*letter, text);
    if (auto put = put_sealed(txn, table::dead_letters, dead_letter_text_key(key), text, book.sums); !put)
      return put;
  }
  for (const auto& key : work.changes.dead_letters_removed) {
    auto removed = remove_sealed(txn, table::dead_letters, dead_letter_text_key(key), book.sums);
    if (!removed) return removed;
  }
  return {};
}

base::result<void> journal_core::put_users(transaction& txn, const round& work, ledger& book) const {
  if (work.users.empty()) return {};
  for (const auto& user : work.users) {
    if (auto put = put_sealed(txn, table::users, offset_key(user.offset), user.user, book.sums); !put)
      return put;
  }
  std::vector<std::string> keys;
  {
    auto at = txn.scan(table::users);
    if (!at) return std::unexpected(at.error());
    auto more = (*at)->seek({});
    for (; more && *more; more = (*at)->next()) keys.emplace_back((*at)->key());
    if (!more) return std::unexpected(more.error());
  }
  for (std::size_t i = 0; i + options_.user_updates_max < keys.size(); ++i) {
    if (auto removed = remove_sealed(txn, table::users, keys[i], book.sums); !removed) return removed;
  }
  return {};
}

base::result<void> journal_core::put_checkpoints(transaction& txn, const round& work, std::uint64_t keep,
                                                 eviction& out, ledger& book) const {
  const auto& index = std::as_const(mirror_).index();
  std::string text;
  for (const auto& one : work.checkpoints) {
    // A guild forgotten meanwhile needs no version.
    if (index.find(one.guild) == nullptr ||
        std::ranges::find(out.forgotten, one.guild) != out.forgotten.end())
      continue;
    text.clear();
    encode(version_record{one.state, one.reconcile, one.raw_bytes, one.compressed}, text);
    const auto key = version_key(one.guild, one.as_of);
    if (auto put = put_sealed(txn, table::guilds, key, text, book.sums); !put) return put;
    for (const auto as_of : index.superseded(one.guild, one.as_of, keep)) {
      if (as_of == one.as_of) continue;
      if (auto removed = remove_sealed(txn, table::guilds, version_key(one.guild, as_of), book.sums);
          !removed)
        return removed;
      out.versions_dropped.emplace_back(one.guild, as_of);
    }
  }
  return {};
}

base::result<void> journal_core::put_losses(transaction& txn, const round& work, const losses& lost,
                                            ledger& book) const {
  const auto key_of = [](std::string_view consumer) { return fmt::format("{}{}", meta_lost, consumer); };
  for (const auto& consumer : work.told) {
    if (lost.contains(consumer)) continue;
    auto removed = remove_sealed(txn, table::meta, key_of(consumer), book.sums);
    if (!removed) return removed;
  }
  std::string text;
  for (const auto& [consumer, what] : lost) {
    const auto known = lost_.find(consumer);
    if (known != lost_.end() && known->second == what) continue;
    text.clear();
    encode(what, text);
    if (auto put = put_sealed(txn, table::meta, key_of(consumer), text, book.sums); !put) return put;
  }
  return {};
}

void journal_core::apply_to_index(const round& work, const eviction& gone, std::uint64_t keep) {
  auto& index = mirror_.index();
  const auto& state_blob = work.blobs[static_cast<std::size_t>(proto::event_class::state)];
  const std::uint64_t blob = state_blob.empty() ? 0 : state_blob.first();
  for (const auto& action : work.actions) apply_action(index, action, blob, keep);
  for (const auto& one : work.checkpoints) {
    if (std::ranges::find(gone.forgotten, one.guild) == gone.forgotten.end()) {
      index.add_version(one.guild, {one.as_of, one.state, one.raw_bytes});
      if (!one.failure.empty()) index.mark_unavailable(one.guild, one.as_of);
    }
  }
  for (const auto& [guild, as_of] : gone.versions_dropped) index.drop_version(guild, as_of);
  for (const auto guild : gone.forgotten) index.forget(guild);
  for (const auto guild : gone.touched) {
    index.drop_blobs(guild, gone.state_evicted_to);
    index.trim(guild, keep);
  }
  for (const auto& one : work.checkpoints) index.trim(one.guild, keep);
}

void journal_core::ask_checkpoints(round& work, const eviction& gone) {
  for (const auto& one : work.checkpoints) {
    asked_.erase(one.guild);
    if (!one.failure.empty()) {
      work.failures.push_back(fmt::format("guild {} is held as unavailable: {}", one.guild, one.failure));
    }
  }
  work.failures.insert(work.failures.end(), gone.failures.begin(), gone.failures.end());
  for (const auto& wanted : gone.wanted) {
    if (asked_.insert(wanted.guild).second) work.requests.push_back(wanted);
  }
  auto& index = mirror_.index();
  const auto lock = mirror_.lock();
  for (const auto& action : work.actions) {
    auto* const entry = index.find(action.guild);
    if (entry == nullptr || entry->queued || asked_.contains(action.guild) ||
        action.what != index_action::kind::note)
      continue;
    const auto due = std::max<std::uint64_t>(options_.checkpoint_bytes_min, entry->document_bytes);
    if (entry->pending_bytes < due && entry->pending_blobs < options_.checkpoint_blobs_max) continue;
    if (entry->state() == guild_state::removed) continue;
    entry->queued = true;
    work.requests.push_back({action.guild, state_.book.head, false});
  }
}

std::shared_ptr<const flow::commit> journal_core::settle(round& work) {
  auto done = std::make_shared<flow::commit>();
  done->head = {state_.book.head};
  for (const auto& ended : work.finished) {
    if (ended.seq >= 0) done->progress.push_back({ended.shard, committed(ended.seq)});
    done->progress.push_back({ended.shard, {}});
  }
  for (const auto& shard : work.progressed) {
    const auto seq = state_.sequences.at(shard.count)[shard.id];
    if (seq >= 0) done->progress.push_back({shard, committed(seq)});  // an end has been told above
  }
  for (auto& gap : work.gaps) {
    gaps_.push_back(std::move(gap));
    if (gaps_.size() > options_.gaps_max) gaps_.pop_front();
  }
  for (auto& batch : work.batches) ring_.push(std::shared_ptr<const flow::event_batch>(std::move(batch)));
  return done;
}

base::result<void> journal_core::close() {
  auto txn = store_.write();
  if (!txn) return std::unexpected(txn.error());
  ledger book = state_.book;
  book.clean = 1;
  std::string text;
  encode(book, text);
  if (auto put = put_sealed(**txn, table::meta, meta_ledger, text); !put) return put;
  if (auto done = (*txn)->commit(); !done) return done;
  state_.book = book;
  return store_.sync();
}

}  // namespace evergate::journal
