#include "journal/journal.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "journal/errc.h"
#include "journal/event_reader.h"
#include "journal/lmdb_store.h"
#include "journal/memory_store.h"
#include "journal/sealed.h"

namespace evergate::journal {
namespace {

constexpr std::string_view meta_boot = "boot";

// Changes when the machine itself has been restarted; what was not synced may then be missing or torn.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

// True when the store was last used in this boot or was closed cleanly. Leaves this boot's mark.
base::result<bool> trusted(store& over) {
  const auto now = boot_id();
  auto txn = over.write();
  if (!txn) return std::unexpected(txn.error());
  const auto book = get_sealed(**txn, table::meta, meta_ledger);
  if (!book) return std::unexpected(book.error());
  ledger known;
  if (*book && !decode(**book, known)) return damaged(table::meta, meta_ledger, "value is malformed");
  const auto boot = get_sealed(**txn, table::meta, meta_boot);
  if (!boot) return std::unexpected(boot.error());
  const bool same = !*book || known.clean != 0 || (*boot && **boot == now && !now.empty());
  if (*boot && **boot == now) return same;
  if (auto put = put_sealed(**txn, table::meta, meta_boot, now); !put) return std::unexpected(put.error());
  if (auto done = (*txn)->commit(); !done) return std::unexpected(done.error());
  return same;
}

}  // namespace

journal::journal(journal_options options, base::logger& log, std::unique_ptr<store> over)
    : options_(std::move(options)),
      log_(log),
      store_(std::move(over)),
      mirror_(*store_, options_.document_bytes_max),
      ring_(options_.ring_bytes_max),
      core_(*store_, mirror_, ring_, options_),
      inbox_(options_.queue_items_max, options_.queue_bytes_max) {
  keeper_ = std::make_unique<checkpoint_keeper>(
      mirror_, options_.checkpoint_level, options_.checkpoint_queue_bytes_max, [this] { inbox_.wake(); });
}

base::result<std::unique_ptr<journal>> journal::open(journal_options options, base::logger& log) {
  if (auto valid = validate(options); !valid) return std::unexpected(valid.error());
  if (options.storage == storage_kind::memory) {
    return open_over(std::make_unique<memory_store>(), std::move(options), log);
  }
  auto lock = directory_lock::take(options.directory);
  if (!lock) return std::unexpected(lock.error());
  auto opened = lmdb_store::open(options.directory, {.map_bytes = options.map_bytes,
                                                     .map_bytes_max = options.map_bytes_max,
                                                     .readers_max = options.readers_max,
                                                     .read_only = false});
  if (!opened) return std::unexpected(opened.error());
  const auto place = options.directory.string();
  const auto known = trusted(**opened);
  if (!known) return base::fail(known.error(), place);
  std::unique_ptr<journal> made(new journal(std::move(options), log, std::move(*opened)));
  made->lock_ = std::move(*lock);
  if (!*known)
    log.warn("journal.verify", {{"directory", place}, {"why", "the machine went down without a clean stop"}});
  if (auto recovered = made->recover(!*known); !recovered) return base::fail(recovered.error(), place);
  return made;
}

base::result<std::unique_ptr<journal>> journal::open_over(std::unique_ptr<store> over,
                                                          journal_options options, base::logger& log) {
  if (options.storage != storage_kind::memory) options.storage = storage_kind::memory;
  if (auto valid = validate(options); !valid) return std::unexpected(valid.error());
  std::unique_ptr<journal> made(new journal(std::move(options), log, std::move(over)));
  if (auto recovered = made->recover(false); !recovered) return std::unexpected(recovered.error());
  return made;
}

journal::~journal() {
  stop();
}

base::result<void> journal::recover(bool verify_all) {
  if (auto recovered = core_.recover(verify_all); !recovered) return recovered;
  last_guild_ns_ = base::boot_clock::now().time_since_epoch().count();
  head_ = core_.state().book.head;
  publish_state(true);
  return {};
}

void journal::start(std::vector<flow::commit_listener*> listeners) {
  listeners_ = std::move(listeners);
  running_ = true;
  keeper_->start();
  thread_ = std::thread([this] { run(); });
}

void journal::stop() {
  {
    const std::scoped_lock lock(stop_mutex_);
    if (!running_) return;
    stopping_ = true;
    stop_by_ = base::boot_clock::now() + options_.stop_wait;
  }
  inbox_.close();
  stop_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  running_ = false;
}

bool journal::append(std::unique_ptr<flow::event_batch>& batch) {
  const std::size_t weight = batch->bytes() + batch->counters.size() * sizeof(flow::counter_row);
  if (inbox_.try_put(batch, weight)) return true;
  // The writer tells of room when it finds the mark; the second try closes the moment in between.
  refused_.store(true);
  if (inbox_.try_put(batch, weight)) return true;
  refusals_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void journal::change(flow::consumer_change change) {
  bool wake = false;
  {
    const std::scoped_lock lock(change_mutex_);
    wake = waiting_.empty() || change.done || waiting_.size() >= options_.changes_max;
    if (waiting_.empty()) waiting_since_ = base::boot_clock::now();
    waiting_.add(std::move(change));
  }
  if (wake) inbox_.wake();
}

base::instant journal::wake_at() const {
  const auto now = base::boot_clock::now();
  if (core_.unfinished()) return now;
  const std::scoped_lock lock(change_mutex_);
  if (waiting_.empty()) return now + base::seconds(1);
  if (!waiting_.done.empty() || waiting_.size() >= options_.changes_max) return now;
  return waiting_since_ + options_.cursor_interval;
}

void journal::take_changes(round& work, bool all) {
  const auto now = base::boot_clock::now();
  const std::scoped_lock lock(change_mutex_);
  if (waiting_.empty()) return;
  const bool due = all || !work.batches.empty() || !waiting_.done.empty() ||
                   waiting_.size() >= options_.changes_max ||
                   now >= waiting_since_ + options_.cursor_interval;
  if (due) work.changes = std::exchange(waiting_, {});
}

void journal::run() {
  auto tidy_at = base::boot_clock::now() + base::seconds(1);
  std::vector<std::unique_ptr<flow::event_batch>> taken;
  std::size_t next = 0;
  for (bool open = true; open;) {
    if (next == taken.size()) {
      next = 0;
      open = inbox_.take(taken, wake_at());
      if (refused_.exchange(false)) {
        for (auto* const listener : listeners_) listener->on_room();
      }
    }
    round work;
    for (std::size_t bytes = 0; next < taken.size() && bytes < options_.round_bytes_max; ++next) {
      bytes += taken[next]->bytes();
      work.batches.push_back(std::move(taken[next]));
    }
    take_changes(work, !open);
    work.checkpoints = keeper_->take();
    const auto now = base::boot_clock::now();
    const bool tidy = now >= tidy_at;
    if (work.empty() && !tidy && !core_.unfinished()) continue;
    if (tidy) tidy_at = now + base::seconds(1);
    if (!process(work)) break;
  }
  finish();
}

bool journal::process(round& work) {
  core_.prepare(work);
  if (!repeat([&] { return core_.write(work, base::unix_time_ms()); })) return false;
  if (options_.durability == durability_kind::power && !repeat([&] { return store_->sync(); })) return false;
  announce(work);
  return true;
}

bool journal::repeat(const std::function<base::result<void>()>& write) {
  auto delay = options_.retry_min;
  bool stalled = false;
  for (;;) {
    const auto done = write();
    if (done) break;
    if (done.error().code == errc::grow) continue;
    if (!stalled) {
      stalled = true;
      const auto why = done.error().text();
      {
        const std::scoped_lock lock(state_mutex_);
        status_.stalled = true;
        status_.last_error = why;
      }
      log_.error("journal.stalled", {{"why", why}});
      for (auto* const listener : listeners_) listener->on_stalled(why);
    }
    std::unique_lock lock(stop_mutex_);
    stop_changed_.wait_for(lock, delay, [this] { return stopping_ && base::boot_clock::now() >= stop_by_; });
    if (stopping_ && base::boot_clock::now() >= stop_by_) {
      gave_up_ = true;
      return false;
    }
    delay = std::min(delay * 2, options_.retry_max);
  }
  if (stalled) {
    {
      const std::scoped_lock lock(state_mutex_);
      status_.stalled = false;
    }
    log_.info("journal.writing_again");
    for (auto* const listener : listeners_) listener->on_room();
  }
  return true;
}

void journal::announce(round& work) {
  if (work.guild_arrived) last_guild_ns_ = base::boot_clock::now().time_since_epoch().count();
  for (const auto& what : work.failures) note_error(what);
  const auto checkpoints = work.checkpoints.size();
  const bool rows = !work.batches.empty() || !work.changes.empty();
  const bool ready_changed = work.ready_changed;
  const auto done = core_.settle(work);
  head_.store(done->head.value, std::memory_order_release);
  publish_state(ready_changed);
  {
    const std::scoped_lock lock(state_mutex_);
    ++status_.commits;
    status_.checkpoints += checkpoints;
  }
  keeper_->ask(work.requests);
  if (rows) {
    for (auto* const listener : listeners_) listener->on_commit(done);
  }
  for (auto& call : work.changes.done) call();
}

void journal::publish_state(bool ready_changed) {
  const auto& state = core_.state();
  lost_before_.store(state.book.lost_before, std::memory_order_release);
  const auto started = state.started.find(state.book.newest_count);
  all_started_ = started != state.started.end() && started->second.find('\0') == std::string::npos;
  const auto awaiting = mirror_.awaiting();
  const auto& index = std::as_const(mirror_).index();
  const std::scoped_lock lock(state_mutex_);
  status_.book = state.book;
  status_.guilds = index.size();
  status_.guilds_awaiting = awaiting;
  if (ready_changed) ready_ = std::make_shared<const std::string>(state.ready);
  const auto& gaps = core_.gaps();
  if (gaps_.size() != gaps.size() || (!gaps.empty() && gaps_.back().offset != gaps.back().offset)) {
    gaps_.assign(gaps.begin(), gaps.end());
  }
}

void journal::note_error(std::string what) {
  log_.warn("journal.problem", {{"what", what}});
  const std::scoped_lock lock(state_mutex_);
  status_.last_error = std::move(what);
}

void journal::finish() {
  keeper_->stop();
  if (gave_up_) {
    log_.error("journal.given_up", {{"why", "the store could not be written before the end of stop_wait"}});
    return;
  }
  if (auto closed = core_.close(); !closed) note_error(closed.error().text());
}

base::result<std::vector<flow::stored_session>> journal::stored_sessions() {
  auto view = store_->read();
  if (!view) return std::unexpected(view.error());
  return journal_core::sessions_in(**view);
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
  auto found = event_reader(**view).read(after.value, bytes_hint);
  if (!found) return std::unexpected(found.error());
  auto batch = std::move(*found);
  if (batch == nullptr) return nullptr;
  // Written, but not yet announced (durability = power syncs in between).
  while (!batch->rows.empty() && batch->rows.back().offset.value > head) batch->rows.pop_back();
  if (batch->rows.empty()) return nullptr;
  return batch;
}

base::result<std::vector<flow::guild_entry>> journal::guilds(proto::shard_key lane, flow::offset as_of) {
  return mirror_.guilds(lane, as_of.value);
}

base::result<bool> journal::guild(proto::snowflake id, flow::offset as_of, std::string& out) {
  const auto image = mirror_.load(id, as_of.value);
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
