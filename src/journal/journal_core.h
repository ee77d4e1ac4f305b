// The journal without threads, clocks and files: rounds over a store. prepare() gives offsets and adds the
// journal's own rows; write() puts everything into one transaction and may be repeated; settle() tells what
// was committed. Owned by the journal (or a simulation), used on one thread. Derives the right to say
// "committed".
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "flow/journal.h"
#include "journal/batch_ring.h"
#include "journal/core_state.h"
#include "journal/mirror.h"
#include "journal/retention.h"
#include "journal/round.h"

namespace evergate::journal {

class journal_core : private flow::commit_authority {
 public:
  journal_core(store& to, mirror& guilds, batch_ring& ring, const journal_options& options);

  /// Reads the store and rebuilds the index. `verify_all` reads every value and its checksum: for a start
  /// after the machine itself went down.
  [[nodiscard]] base::result<void> recover(bool verify_all);

  void prepare(round& work);
  /// One transaction. On an error nothing has changed and the call may be repeated.
  [[nodiscard]] base::result<void> write(round& work, std::int64_t time_ms);
  /// After write() (and the store's sync, where wanted): publishes the batches and says what is committed.
  [[nodiscard]] std::shared_ptr<const flow::commit> settle(round& work);
  /// True while eviction has more to do than one round may, or GAP records of its own to append now.
  [[nodiscard]] bool unfinished() const noexcept { return evicting_ || gaps_due(); }
  /// True while there are such records to append, now or later: rounds go on, once a second at least.
  [[nodiscard]] bool owes_gaps() const noexcept { return !lost_.empty(); }
  /// Leaves the mark of a clean stop.
  [[nodiscard]] base::result<void> close();

  [[nodiscard]] const core_state& state() const noexcept { return state_; }
  [[nodiscard]] const std::deque<gap_entry>& gaps() const noexcept { return gaps_; }
  /// See flow::event_source. Any thread.
  [[nodiscard]] flow::offset recent_after() const noexcept { return {recent_after_.load()}; }

  /// Live sessions with their committed sequences, read from `view`. Any thread.
  [[nodiscard]] static base::result<std::vector<flow::stored_session>> sessions_in(snapshot& view);
  [[nodiscard]] static base::result<std::map<std::string, std::string>> records_in(snapshot& view);
  [[nodiscard]] static base::result<flow::stored_consumers> consumers_in(snapshot& view);

 private:
  [[nodiscard]] base::result<void> load_ledger(snapshot& view);
  [[nodiscard]] base::result<void> load_small(snapshot& view, table_sums& seen);
  [[nodiscard]] base::result<void> load_versions(snapshot& view, table_sums& seen);
  [[nodiscard]] base::result<void> check_sums(snapshot& view, table_sums& seen) const;
  [[nodiscard]] base::result<void> load_rows(snapshot& view);
  [[nodiscard]] base::result<void> check_newest(snapshot& view) const;
  [[nodiscard]] base::result<void> find_recent(snapshot& view);
  [[nodiscard]] base::result<void> verify(snapshot& view) const;

  [[nodiscard]] bool gaps_due() const noexcept;
  void add_gaps(round& work);
  [[nodiscard]] base::result<void> put_blobs(transaction& txn, round& work, ledger& book,
                                             std::int64_t time_ms) const;
  [[nodiscard]] base::result<void> put_sessions(transaction& txn, const round& work, ledger& book) const;
  [[nodiscard]] base::result<void> put_changes(transaction& txn, const round& work, ledger& book) const;
  [[nodiscard]] base::result<void> put_users(transaction& txn, const round& work, ledger& book) const;
  [[nodiscard]] base::result<void> put_checkpoints(transaction& txn, const round& work, std::uint64_t keep,
                                                   eviction& out, ledger& book) const;
  /// `lost`: what is to be told then, beside what this round tells.
  [[nodiscard]] base::result<void> put_losses(transaction& txn, const round& work, const losses& lost,
                                              ledger& book) const;
  void apply_to_index(const round& work, const eviction& gone, std::uint64_t keep);
  void ask_checkpoints(round& work, const eviction& gone);
  /// What guilds are kept for: the slowest consumer's position; without consumers a little behind the head,
  /// for one that is just beginning.
  [[nodiscard]] std::uint64_t kept_from(const ledger& book) const;
  void note_recent(std::int64_t time_ms);

  store& store_;
  mirror& mirror_;
  batch_ring& ring_;
  const journal_options& options_;
  core_state state_;
  retention retention_;
  std::deque<gap_entry> gaps_;
  std::set<proto::snowflake> asked_;  ///< guilds whose urgent checkpoint is under way
  bool evicting_ = false;
  losses lost_;               ///< without a GAP record yet; the store has them too
  std::int64_t time_ms_ = 0;  ///< of the newest round written
  struct head_sample {
    std::int64_t time_ms = 0;
    std::uint64_t head = 0;
  };
  std::deque<head_sample> recent_;  ///< of the last seconds, two a second
  std::atomic<std::uint64_t> recent_after_{0};
  std::int64_t sample_time_ms_ = 0;
  std::uint64_t sample_ = 0;      ///< head at the sample time
  std::uint64_t sample_old_ = 0;  ///< head at the one before
};

}  // namespace evergate::journal
