#include "journal/journal.h"

#include <algorithm>
#include <utility>

#include "base/thread_name.h"
#include "flow/intake.h"
#include "journal/errc.h"

namespace evergate::journal {

journal::~journal() {
  stop();
}

void journal::start(std::vector<flow::commit_listener*> listeners) {
  listeners_ = std::move(listeners);
  running_ = true;
  keeper_->start();
  thread_ = std::thread([this] {
    base::name_thread("journal");
    run();
  });
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
    take_gaps(work);
    tell_broken();
    work.checkpoints = keeper_->take();
    const auto now = base::boot_clock::now();
    const bool tidy = now >= tidy_at;
    if (work.empty() && !tidy && !core_.unfinished()) continue;
    if (tidy) tidy_at = now + base::seconds(1);
    if (!process(work)) break;
  }
  finish();
}

void journal::take_gaps(round& work) {
  std::vector<flow::gap_record> gaps;
  {
    const std::scoped_lock lock(state_mutex_);
    gaps = std::exchange(gaps_waiting_, {});
  }
  if (gaps.empty()) return;
  auto batch = std::make_unique<flow::event_batch>();
  for (auto& gap : gaps) {
    gap.shard = {0, 0};  // of our own: no session of Discord's was lost
    gap.time_ms = base::unix_time_ms();
    flow::append_gap(gap, *batch);
  }
  work.batches.push_back(std::move(batch));
}

void journal::tell_broken() {
  std::string broken;
  {
    const std::scoped_lock lock(state_mutex_);
    broken = broken_;
  }
  if (broken.empty() || std::exchange(broken_told_, true)) return;
  if (home_) home_->suspect();
  log_.error("journal.broken", {{"why", broken}});
  for (auto* const listener : listeners_) listener->on_broken(broken);
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
    note_broken(done.error());
    tell_broken();
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
    // What is broken stays so: no use in waiting for it.
    const auto over = [this] { return stopping_ && (broken_told_ || base::boot_clock::now() >= stop_by_); };
    stop_changed_.wait_for(lock, delay, over);
    if (over()) {
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
  if (work.guilds_expected) last_guild_ns_ = base::boot_clock::now().time_since_epoch().count();
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
  for (auto& call : work.changes.done) call();  // first: who is woken by the commit asks what they noted
  if (rows) {
    for (auto* const listener : listeners_) listener->on_commit(done);
  }
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
  if (auto closed = core_.close(); !closed) return note_error(closed.error().text());
  if (home_) home_->left_cleanly();
}

}  // namespace evergate::journal
