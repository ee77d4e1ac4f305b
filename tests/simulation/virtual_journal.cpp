#include "virtual_journal.h"

#include <algorithm>
#include <utility>

#include "journal/errc.h"
#include "journal/event_reader.h"
#include "journal/stretches.h"

namespace evergate::simulation {

virtual_journal::virtual_journal(timeline& time, trace& log, virtual_disk& disk,
                                 const virtual_journal_options& options, std::uint64_t seed)
    : time_(time),
      log_(log),
      disk_(disk),
      options_(options),
      chance_(seed),
      store_(disk.image),
      mirror_(store_, options_.core.document_bytes_max),
      ring_(options_.core.ring_bytes_max),
      core_(store_, mirror_, ring_, options_.core) {}

void virtual_journal::start(std::vector<flow::commit_listener*> listeners) {
  listeners_ = std::move(listeners);
  head_.value = core_.state().book.head;
  last_guild_ = time_.now();
  publish();
  if (core_.owes_gaps()) wake();
}

void virtual_journal::publish() {
  const auto& state = core_.state();
  lost_before_.value = state.book.lost_before;
  ready_ = state.ready;
  const auto started = state.started.find(state.book.newest_count);
  all_started_ = started != state.started.end() && started->second.find('\0') == std::string::npos;
}

base::nanoseconds virtual_journal::about(base::nanoseconds span) {
  return base::nanoseconds(chance_.below(2 * static_cast<std::uint64_t>(span.count()) + 1));
}

bool virtual_journal::append(std::unique_ptr<flow::event_batch>& batch) {
  const auto bytes = batch->bytes();
  if (waiting_.size() >= options_.core.queue_items_max ||
      (!waiting_.empty() && waiting_bytes_ + bytes > options_.core.queue_bytes_max)) {
    refused_ = true;
    log_.mark("journal full");
    return false;
  }
  waiting_bytes_ += bytes;
  waiting_.push_back(std::move(batch));
  wake();
  return true;
}

void virtual_journal::change(flow::consumer_change change) {
  if (changes_.empty()) changes_since_ = time_.now();
  changes_.add(std::move(change));
  wake();
}

void virtual_journal::wake() {
  if (in_flight_) return;
  const bool soon =
      !waiting_.empty() || !changes_.done.empty() || !checkpoints_.empty() || core_.unfinished();
  wake_at(soon ? time_.now() : changes_since_ + options_.core.cursor_interval);
}

void virtual_journal::wake_at(base::instant when) {
  time_.cancel(round_);
  round_ = time_.at(when, "journal round", [this] {
    round_ = 0;
    begin_round();
  });
}

journal::round virtual_journal::take_round() {
  journal::round work;
  for (std::size_t bytes = 0; !waiting_.empty() && bytes < options_.core.round_bytes_max;) {
    bytes += waiting_.front()->bytes();
    waiting_bytes_ -= waiting_.front()->bytes();
    work.batches.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  work.changes = std::exchange(changes_, {});
  work.checkpoints = std::exchange(checkpoints_, {});
  return work;
}

void virtual_journal::begin_round() {
  in_flight_ = std::make_unique<journal::round>(take_round());
  written_ = false;
  if (std::exchange(refused_, false)) {
    time_.soon("journal room", [this] {
      for (auto* const one : listeners_) one->on_room();
    });
  }
  core_.prepare(*in_flight_);
  time_.in(about(options_.commit + disk_.slow), "journal commit", [this] { write(); });
}

void virtual_journal::write() {
  const auto unix_ms = time_.unix_ms();
  const auto done = core_.write(*in_flight_, unix_ms);
  if (!done) {
    log_.say("journal error", done.error().text());
    if (!std::exchange(stalled_, true)) {
      retry_ = options_.core.retry_min;
      for (auto* const one : listeners_) one->on_stalled(done.error().text());
    }
    time_.in(retry_, "journal commit again", [this] { write(); });
    retry_ = std::min(retry_ * 2, options_.core.retry_max);
    return;
  }
  written_ = true;
  if (disk_.on_committed) disk_.on_committed(*in_flight_, unix_ms);
  log_.mark("journal committed", {static_cast<std::int64_t>(in_flight_->last)});
  time_.in(about(options_.announce), "journal announce", [this] { announce(); });
}

void virtual_journal::announce() {
  if (std::exchange(stalled_, false)) {
    for (auto* const one : listeners_) one->on_room();
  }
  if (in_flight_->guilds_expected) last_guild_ = time_.now();
  const bool rows = !in_flight_->batches.empty() || !in_flight_->changes.empty();
  const auto done = core_.settle(*in_flight_);
  head_ = done->head;
  publish();
  ask(in_flight_->requests);
  auto told = std::exchange(in_flight_->changes.done, {});
  in_flight_.reset();
  for (auto& call : told) call();
  if (rows) {
    for (auto* const one : listeners_) one->on_commit(done);
  }
  if (!waiting_.empty() || !changes_.empty() || !checkpoints_.empty() || core_.unfinished()) {
    wake();
  } else if (core_.owes_gaps()) {
    wake_at(time_.now() + base::seconds(1));  // as the daemon's, which does something each second
  }
}

void virtual_journal::ask(const std::vector<journal::checkpoint_request>& wanted) {
  for (const auto& one : wanted) {
    time_.in(about(base::milliseconds(20)), "journal keeper", [this, one] {
      checkpoints_.push_back(journal::make_checkpoint(mirror_, one, options_.core.checkpoint_level));
      wake();
    });
  }
}

bool virtual_journal::stop() {
  // As the daemon's own stop, but without its patience: what waits is written at once, or not at all.
  time_.cancel(round_);
  while (in_flight_ || !waiting_.empty() || !changes_.empty()) {
    if (!in_flight_) {
      in_flight_ = std::make_unique<journal::round>(take_round());
      written_ = false;
      core_.prepare(*in_flight_);
    }
    if (!written_) {
      if (!core_.write(*in_flight_, time_.unix_ms())) return false;
      if (disk_.on_committed) disk_.on_committed(*in_flight_, time_.unix_ms());
    }
    const auto told = core_.settle(*in_flight_);
    in_flight_.reset();
  }
  const auto closed = core_.close();
  log_.mark(closed ? "journal closed" : "journal not closed");
  return closed.has_value();
}

base::result<std::vector<flow::stored_session>> virtual_journal::stored_sessions() {
  auto view = store_.read();
  if (!view) return std::unexpected(view.error());
  return journal::journal_core::sessions_in(**view);
}

base::result<std::map<std::string, std::string>> virtual_journal::stored_records() {
  auto view = store_.read();
  if (!view) return std::unexpected(view.error());
  return journal::journal_core::records_in(**view);
}

base::result<flow::stored_consumers> virtual_journal::stored() {
  auto view = store_.read();
  if (!view) return std::unexpected(view.error());
  return journal::journal_core::consumers_in(**view);
}

base::result<void> virtual_journal::stretches(proto::event_class of, flow::offset after, flow::offset upto,
                                              const std::function<bool(const flow::stretch&)>& each) {
  auto view = store_.read();
  if (!view) return std::unexpected(view.error());
  return journal::stretches_in(**view, of, after, upto, each);
}

base::result<flow::batch_ptr> virtual_journal::read_after(flow::offset after, std::size_t bytes_hint) {
  if (after >= head_) return nullptr;
  auto recent = ring_.after(after.value);
  if (recent.known) return std::move(recent.batch);
  auto view = store_.read();
  if (!view) return std::unexpected(view.error());
  auto found = journal::event_reader(**view).read(after.value, bytes_hint);
  if (!found) return std::unexpected(found.error());
  auto batch = std::move(*found);
  if (batch == nullptr) return nullptr;
  while (!batch->rows.empty() && batch->rows.back().offset > head_) batch->rows.pop_back();
  if (batch->rows.empty()) return nullptr;
  return batch;
}

base::result<std::vector<flow::guild_entry>> virtual_journal::guilds(proto::shard_key lane,
                                                                     flow::offset as_of) {
  return mirror_.guilds(lane, as_of.value);
}

base::result<bool> virtual_journal::guild(proto::snowflake id, flow::offset as_of, std::string& out) {
  auto image = mirror_.load(id, as_of.value);
  if (!image) return std::unexpected(image.error());
  if (image->state != journal::guild_state::available || !image->document.present()) return false;
  image->document.write(out);
  return true;
}

bool virtual_journal::complete() const {
  if (!all_started_) return false;
  return mirror_.awaiting() == 0 || time_.now() - last_guild_ >= options_.core.guild_wait;
}

}  // namespace evergate::simulation
