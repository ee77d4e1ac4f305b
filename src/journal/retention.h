// Makes room: evicts blobs from the tails of the classes when the journal is past max_events, max_bytes or
// max_age. First what every consumer has acknowledged, oldest first; then unacknowledged ephemeral events,
// then messages, then state. A state blob goes only when each guild with rows in it has a version that holds
// them; until then the versions are asked for. Works inside the round's transaction, at most evict_blobs_max
// blobs a round. Pure but for the store.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "journal/checkpoint.h"
#include "journal/core_state.h"
#include "journal/event_blob.h"
#include "journal/guild_index.h"
#include "journal/journal_options.h"
#include "journal/losses.h"
#include "journal/records.h"
#include "journal/store.h"

namespace evergate::journal {

/// What one run did, to be carried over to the index once the transaction is committed.
struct eviction {
  std::vector<proto::snowflake> touched;    ///< guilds with rows in what was evicted
  std::vector<proto::snowflake> forgotten;  ///< gone for every reader
  std::vector<std::pair<proto::snowflake, std::uint64_t>> versions_dropped;
  std::vector<checkpoint_request> wanted;  ///< versions that the eviction of state waits for
  bool more = false;                       ///< stopped at evict_blobs_max: there is more to evict
  std::uint64_t state_evicted_to = 0;      ///< first offset of the newest state blob evicted, 0 for none
  std::vector<std::string> failures;       ///< damaged blobs that were thrown away
  losses lost;                             ///< what consumers had not had
};

class retention {
 public:
  retention(const journal_options& options, const guild_index& guilds) : options_(options), guilds_(guilds) {}

  /// Evicts what is over the bounds. `acknowledged`: see core_state, of these consumers.
  /// `keep`: guilds are kept as of this and later; at or before what is acknowledged of state.
  /// `fresh`: first offset of the round, of whose rows the index knows nothing yet: its state stays.
  [[nodiscard]] base::result<eviction> run(transaction& txn, ledger& book, const per_class& acknowledged,
                                           const consumer_map& consumers, std::uint64_t keep,
                                           std::uint64_t fresh, std::int64_t time_ms);

 private:
  struct tail {
    bool there = false;
    blob_header header;
    std::uint64_t bytes = 0;
    bool blocked = false;  ///< state that waits for versions
    bool damaged = false;  ///< its header cannot be read: thrown away without asking
  };
  using tails = std::array<tail, proto::event_class_count>;

  [[nodiscard]] base::result<void> look(transaction& txn, tails& all, std::size_t which) const;
  [[nodiscard]] bool over(const ledger& book) const noexcept;
  [[nodiscard]] bool aged(const tail& one, std::int64_t time_ms) const noexcept;
  [[nodiscard]] std::optional<std::size_t> choose(const tails& all, const ledger& book,
                                                  const per_class& acknowledged, std::int64_t time_ms) const;
  /// Which class of unacknowledged events gives way.
  [[nodiscard]] std::optional<std::size_t> overflow(const tails& all, const ledger& book,
                                                    std::int64_t time_ms) const;
  /// False (and `wanted` filled) when guilds are not covered yet.
  [[nodiscard]] base::result<bool> release_state(transaction& txn, const tail& one, ledger& book,
                                                 std::uint64_t acknowledged, std::uint64_t keep,
                                                 eviction& out);
  /// How far unacknowledged state is given up at once: in large steps, so that a guild is written once for
  /// many blobs.
  [[nodiscard]] base::result<std::uint64_t> reach(transaction& txn, std::uint64_t first) const;
  [[nodiscard]] base::result<void> ask_ahead(transaction& txn, std::uint64_t first, std::uint64_t keep,
                                             eviction& out) const;
  [[nodiscard]] base::result<void> drop_versions(transaction& txn,
                                                 const std::vector<proto::snowflake>& guilds,
                                                 std::uint64_t keep, ledger& book, eviction& out) const;
  void count(ledger& book, std::size_t which, const tail& one, std::uint64_t acknowledged) const;
  /// Before an unacknowledged blob is removed: whose events they were.
  [[nodiscard]] base::result<void> note_lost(transaction& txn, std::size_t which, const tail& one,
                                             const consumer_map& consumers, std::int64_t time_ms,
                                             losses& out) const;

  const journal_options& options_;
  const guild_index& guilds_;
  std::uint64_t goal_ = 0;  ///< unacknowledged state is given up to here
};

/// The guilds whose mirror depends on this state blob.
[[nodiscard]] std::vector<proto::snowflake> guilds_in(const blob_view& blob);

}  // namespace evergate::journal
