// The journal of a simulated daemon: the real core, mirror and ring over a memory image that outlives the
// process, with virtual time in place of threads. What is appended becomes durable at a later moment and is
// told at a later one still; a kill in between loses what it would lose. Owned by the daemon; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "flow/journal.h"
#include "journal/journal_core.h"
#include "journal/memory_store.h"
#include "virtual_time.h"

namespace evergate::simulation {

struct virtual_journal_options {
  journal::journal_options core;
  base::nanoseconds commit{base::milliseconds(2)};             ///< from taking batches to their commit, about
  base::nanoseconds announce{std::chrono::microseconds(200)};  ///< from the commit to telling of it, about
};

/// What outlives the process: the committed data, and how the disk behaves now.
struct virtual_disk {
  std::shared_ptr<journal::memory_image> image = std::make_shared<journal::memory_image>();
  base::nanoseconds slow{0};  ///< each commit takes up to this much longer
  /// Called after each commit that the core made, with the time it gave it.
  std::function<void(const journal::round&, std::int64_t unix_ms)> on_committed;
};

class virtual_journal final : public flow::event_sink,
                              public flow::session_source,
                              public flow::record_source,
                              public flow::event_source,
                              public flow::guild_source,
                              public flow::consumer_store {
 public:
  virtual_journal(timeline& time, trace& log, virtual_disk& disk, const virtual_journal_options& options,
                  std::uint64_t seed);

  [[nodiscard]] base::result<void> recover() { return core_.recover(true); }
  void start(std::vector<flow::commit_listener*> listeners);
  /// What a clean stop leaves: everything waiting is written, with the mark. False when it could not be.
  [[nodiscard]] bool stop();

  [[nodiscard]] bool append(std::unique_ptr<flow::event_batch>& batch) override;
  [[nodiscard]] base::result<std::vector<flow::stored_session>> stored_sessions() override;
  [[nodiscard]] base::result<std::map<std::string, std::string>> stored_records() override;
  [[nodiscard]] flow::offset head() const override { return head_; }
  [[nodiscard]] flow::offset lost_before() const override { return lost_before_; }
  [[nodiscard]] flow::offset recent_after() const override { return core_.recent_after(); }
  [[nodiscard]] base::result<flow::batch_ptr> read_after(flow::offset after, std::size_t bytes_hint) override;
  [[nodiscard]] base::result<std::vector<flow::guild_entry>> guilds(proto::shard_key lane,
                                                                    flow::offset as_of) override;
  [[nodiscard]] base::result<bool> guild(proto::snowflake id, flow::offset as_of, std::string& out) override;
  [[nodiscard]] base::result<std::string> ready() override { return ready_; }
  [[nodiscard]] bool complete() const override;
  [[nodiscard]] base::result<flow::stored_consumers> stored() override;
  void change(flow::consumer_change change) override;
  [[nodiscard]] base::result<void> stretches(proto::event_class of, flow::offset after, flow::offset upto,
                                             const std::function<bool(const flow::stretch&)>& each) override;

  [[nodiscard]] bool idle() const noexcept {
    return waiting_.empty() && changes_.empty() && in_flight_ == nullptr && !core_.owes_gaps();
  }
  /// The bot's own user, once a READY has told.
  [[nodiscard]] proto::snowflake self() const noexcept { return core_.state().book.self; }

 private:
  void wake();
  void wake_at(base::instant when);
  void begin_round();
  [[nodiscard]] journal::round take_round();
  void write();
  void announce();
  void publish();
  void ask(const std::vector<journal::checkpoint_request>& wanted);
  [[nodiscard]] base::nanoseconds about(base::nanoseconds span);

  timeline& time_;
  trace& log_;
  virtual_disk& disk_;
  const virtual_journal_options options_;
  base::rng chance_;
  journal::memory_store store_;
  journal::mirror mirror_;
  journal::batch_ring ring_;
  journal::journal_core core_;
  std::vector<flow::commit_listener*> listeners_;

  std::deque<std::unique_ptr<flow::event_batch>> waiting_;
  std::size_t waiting_bytes_ = 0;
  journal::change_set changes_;
  base::instant changes_since_{};
  std::vector<journal::checkpoint> checkpoints_;
  bool refused_ = false;
  std::unique_ptr<journal::round> in_flight_;
  bool written_ = false;  ///< what is in flight is durable, and not yet told
  bool stalled_ = false;
  base::milliseconds retry_{0};
  ticket round_ = 0;
  base::instant last_guild_{};

  // As told last; the core is ahead of it while a round is in flight.
  flow::offset head_;
  flow::offset lost_before_;
  std::string ready_;
  bool all_started_ = false;
};

}  // namespace evergate::simulation
