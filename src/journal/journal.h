// The durable store of one application: events, sessions, consumers and the guild mirror, behind the
// interfaces of flow/journal.h. Owned by the wiring, which starts it before upstream and stops it after.
// One thread writes (its queue is bounded in batches and bytes), one keeps guild versions; reading is for any
// thread. Bounds: journal_options.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/mailbox.h"
#include "flow/journal.h"
#include "journal/checkpoint_keeper.h"
#include "journal/environment.h"
#include "journal/event_reader.h"
#include "journal/journal_core.h"
#include "journal/journal_options.h"

namespace evergate::journal {

/// For status pages and metrics.
struct journal_status {
  ledger book;                    ///< head, floors, totals and evictions per class, gaps
  std::uint64_t commits = 0;      ///< transactions since the start
  std::uint64_t checkpoints = 0;  ///< guild versions written since the start
  std::uint64_t guilds = 0;
  std::uint64_t guilds_awaiting = 0;
  std::size_t ring_bytes = 0;
  std::size_t checkpoints_waiting = 0;
  std::uint64_t damaged = 0;  ///< stretches of events and guilds found damaged since the start
  std::uint64_t refused = 0;  ///< append() calls that found the queue full
  bool stalled = false;       ///< the store cannot be written now
  std::string last_error;     ///< the newest failure, empty when there was none
};

class journal final : public flow::event_sink,
                      public flow::session_source,
                      public flow::record_source,
                      public flow::event_source,
                      public flow::guild_source,
                      public flow::consumer_store {
 public:
  /// Takes the directory, opens or makes the store and recovers from it. What cannot be trusted is set aside:
  /// then the journal is empty but for GAP records (cause `store_damaged`), or errc::damaged with on_damage =
  /// refuse. Errors are errc of this folder. `log` must outlive the journal.
  [[nodiscard]] static base::result<std::unique_ptr<journal>> open(journal_options options,
                                                                   base::logger& log);
  /// The same over a store of the caller's (tests, simulation).
  [[nodiscard]] static base::result<std::unique_ptr<journal>> open_over(std::unique_ptr<store> over,
                                                                        journal_options options,
                                                                        base::logger& log);
  ~journal() override;
  journal(const journal&) = delete;
  journal& operator=(const journal&) = delete;

  /// Begins to write. The listeners must outlive stop().
  void start(std::vector<flow::commit_listener*> listeners);
  /// Refuses further batches, writes what is waiting, leaves the mark of a clean stop. Gives up after
  /// stop_wait when the store cannot be written. May be called again.
  void stop();

  [[nodiscard]] bool append(std::unique_ptr<flow::event_batch>& batch) override;
  [[nodiscard]] base::result<std::vector<flow::stored_session>> stored_sessions() override;
  [[nodiscard]] base::result<std::map<std::string, std::string>> stored_records() override;
  [[nodiscard]] flow::offset head() const override { return {head_.load(std::memory_order_acquire)}; }
  [[nodiscard]] flow::offset lost_before() const override {
    return {lost_before_.load(std::memory_order_acquire)};
  }
  [[nodiscard]] flow::offset recent_after() const override { return core_.recent_after(); }
  [[nodiscard]] base::result<flow::batch_ptr> read_after(flow::offset after, std::size_t bytes_hint) override;
  [[nodiscard]] base::result<void> stretches(proto::event_class of, flow::offset after, flow::offset upto,
                                             const std::function<bool(const flow::stretch&)>& each) override;
  [[nodiscard]] base::result<std::vector<flow::guild_entry>> guilds(proto::shard_key lane,
                                                                    flow::offset as_of) override;
  [[nodiscard]] base::result<bool> guild(proto::snowflake id, flow::offset as_of, std::string& out) override;
  [[nodiscard]] base::result<std::string> ready() override;
  [[nodiscard]] bool complete() const override;
  [[nodiscard]] base::result<flow::stored_consumers> stored() override;
  void change(flow::consumer_change change) override;

  [[nodiscard]] journal_status status() const;
  /// The newest GAP records, oldest first, at most gaps_max.
  [[nodiscard]] std::vector<gap_entry> gaps() const;

 private:
  journal(journal_options options, base::logger& log, std::unique_ptr<store> over);
  [[nodiscard]] static base::result<std::unique_ptr<journal>> open_in(environment& home,
                                                                      const journal_options& options,
                                                                      base::logger& log);
  [[nodiscard]] base::result<void> recover(bool verify_all);
  [[nodiscard]] base::result<void> write_loss(const std::vector<flow::session_record>& lost);

  void run();
  [[nodiscard]] base::instant wake_at() const;
  void take_changes(round& work, bool all);
  /// False when it was given up at stop.
  [[nodiscard]] bool process(round& work);
  [[nodiscard]] bool repeat(const std::function<base::result<void>()>& write);
  void announce(round& work);
  void publish_state(bool ready_changed);
  void note_error(std::string what);
  void note_damage(const damaged_events& one);
  void note_damaged_guild(proto::snowflake id, const base::error& why);
  void note_broken(const base::error& why);
  /// Takes what readers found damaged since the last round, as GAP records.
  void take_gaps(round& work);
  void tell_broken();
  void finish();

  const journal_options options_;
  base::logger& log_;
  std::unique_ptr<environment> home_;  ///< none over a store of the caller's
  std::unique_ptr<store> store_;
  mirror mirror_;
  batch_ring ring_;
  journal_core core_;
  base::mailbox<std::unique_ptr<flow::event_batch>> inbox_;
  std::unique_ptr<checkpoint_keeper> keeper_;
  std::vector<flow::commit_listener*> listeners_;

  mutable std::mutex change_mutex_;
  change_set waiting_;
  base::instant waiting_since_{};

  std::atomic<std::uint64_t> head_{0};
  std::atomic<std::uint64_t> lost_before_{0};
  std::atomic<bool> refused_{false};
  std::atomic<bool> all_started_{false};
  std::atomic<std::int64_t> last_guild_ns_{0};
  std::atomic<std::uint64_t> refusals_{0};

  mutable std::mutex state_mutex_;  ///< what follows, published by the writer
  journal_status status_;
  std::shared_ptr<const std::string> ready_;
  std::vector<gap_entry> gaps_;
  static constexpr std::size_t damage_known_max = 4096;
  std::set<std::pair<proto::event_class, std::uint64_t>> damage_known_;  ///< class and first offset
  std::set<proto::snowflake> guilds_damaged_;
  std::vector<flow::gap_record> gaps_waiting_;  ///< GAP records of our own, not yet written
  std::string broken_;                          ///< why the store itself cannot be read or written

  std::mutex stop_mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  base::instant stop_by_{};
  bool running_ = false;
  bool gave_up_ = false;
  bool broken_told_ = false;  ///< the journal's thread only
  std::thread thread_;
};

}  // namespace evergate::journal
