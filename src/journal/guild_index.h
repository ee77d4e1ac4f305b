// What the mirror holds in memory of each guild: which versions are stored, in which state blobs the rows
// since then lie, and when the guild was awaited, there, down or gone. About 200 bytes a guild plus 8 for
// each pending blob, which retention bounds. Written by the journal's thread, read by any: the owner locks.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "journal/event_blob.h"
#include "journal/records.h"
#include "proto/snowflake.h"

namespace evergate::journal {

struct guild_version {
  std::uint64_t as_of = 0;
  guild_state state = guild_state::unknown;
  std::uint32_t raw_bytes = 0;
};

struct guild_entry_state {
  struct transition {
    std::uint64_t offset = 0;
    guild_state state = guild_state::unknown;
  };
  std::vector<transition> history;      ///< ascending; the last one is how things are
  std::vector<guild_version> versions;  ///< ascending
  std::vector<std::uint64_t> pending;   ///< first offsets of state blobs, ascending, past the oldest version
  std::uint64_t newest_row = 0;         ///< offset of the last row or counter noted
  std::uint64_t pending_bytes = 0;      ///< since the newest version
  std::uint32_t pending_blobs = 0;      ///< since the newest version
  std::uint32_t document_bytes = 0;     ///< about the size of the document
  bool reconcile = false;
  bool queued = false;  ///< the keeper has been asked

  [[nodiscard]] guild_state state() const noexcept {
    return history.empty() ? guild_state::unknown : history.back().state;
  }
  [[nodiscard]] guild_state state_at(std::uint64_t as_of) const noexcept;
  /// Newest version at or before `as_of`.
  [[nodiscard]] const guild_version* version_at(std::uint64_t as_of) const noexcept;
};

class guild_index {
 public:
  [[nodiscard]] const guild_entry_state* find(proto::snowflake guild) const;
  [[nodiscard]] guild_entry_state* find(proto::snowflake guild);
  [[nodiscard]] std::size_t size() const noexcept { return guilds_.size(); }
  [[nodiscard]] std::uint64_t awaiting() const noexcept { return awaiting_; }

  template <class Use>
  void each(Use&& use) const {
    for (const auto& [id, entry] : guilds_) use(id, entry);
  }
  template <class Use>
  void each(Use&& use) {
    for (auto& [id, entry] : guilds_) use(id, entry);
  }

  /// A version found in the store, while the index is rebuilt (ascending by as_of).
  void load(proto::snowflake guild, const guild_version& version, bool reconcile);
  /// A row of the mirror (or a counter) in the state blob that starts at `blob`. Rows at or before the
  /// version that `keep_from` needs are known already and skipped.
  void note(proto::snowflake guild, std::uint64_t blob, std::uint64_t offset, std::uint64_t bytes,
            guild_effect effect, bool whole, std::uint64_t keep_from);
  /// A guild that a READY listed; changes nothing for one that is known and not gone.
  void await(proto::snowflake guild, std::uint64_t blob, std::uint64_t offset, std::uint64_t keep_from);

  /// Which of the guild's versions are not needed once `added` is stored too: all before the newest at or
  /// before `keep_from`, and between that and the newest.
  [[nodiscard]] std::vector<std::uint64_t> superseded(proto::snowflake guild,
                                                      std::optional<std::uint64_t> added,
                                                      std::uint64_t keep_from) const;
  void add_version(proto::snowflake guild, const guild_version& version);
  void drop_version(proto::snowflake guild, std::uint64_t as_of);
  /// True when every reader has seen it go: nothing of it need be kept.
  [[nodiscard]] bool gone(proto::snowflake guild, std::uint64_t keep_from) const;
  /// Forgets what lies before the version needed for `keep_from`.
  void trim(proto::snowflake guild, std::uint64_t keep_from);
  /// True when everything of the guild up to `offset` is in a version that serves `keep_from`, or no longer
  /// matters.
  [[nodiscard]] bool covered(proto::snowflake guild, std::uint64_t offset, std::uint64_t keep_from) const;
  /// Pending blobs that begin at or before `first` have been evicted.
  void drop_blobs(proto::snowflake guild, std::uint64_t first);
  /// The guild cannot be made from what is stored: it counts as down until its next GUILD_CREATE.
  void mark_unavailable(proto::snowflake guild, std::uint64_t offset);
  void forget(proto::snowflake guild);

 private:
  guild_entry_state& entry(proto::snowflake guild) { return guilds_[guild]; }
  void move(guild_entry_state& at, std::uint64_t offset, guild_state state);
  static void insert(guild_entry_state& at, std::uint64_t offset, guild_state state);

  std::unordered_map<proto::snowflake, guild_entry_state> guilds_;
  std::uint64_t awaiting_ = 0;
};

}  // namespace evergate::journal
