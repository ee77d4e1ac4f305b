// The first half of a round: gives offsets, says what each row does to the mirror, and puts in the rows that
// the journal makes itself: GUILD_DELETE for guilds that a READY no longer lists, and before a GUILD_CREATE
// that differs from what was known before a gap. Made for one round, on the journal's thread; reads the store
// only to reconcile.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "journal/core_state.h"
#include "journal/mirror.h"
#include "journal/round.h"

namespace evergate::journal {

/// True when the row changes a guild's document or state.
[[nodiscard]] bool concerns_mirror(const flow::event_row& row) noexcept;

/// The guild ids that a READY's d lists; nothing when it has no such list.
[[nodiscard]] std::optional<std::vector<proto::snowflake>> guilds_of_ready(std::string_view d);

/// True when `now` has a member that `known` has not, or otherwise. What only `known` has does not count.
[[nodiscard]] bool user_differs(std::string_view known, std::string_view now) noexcept;

class round_preparer {
 public:
  round_preparer(core_state& state, mirror& guilds, round& out);

  /// Goes through all batches of the round.
  void run();

 private:
  struct known {
    guild_state state = guild_state::unknown;
    bool reconcile = false;
  };

  void take_batch(flow::event_batch& batch);
  void take_sessions(const flow::event_batch& batch);
  void take_row(flow::event_batch& batch, flow::event_row row);
  void push(const flow::event_row& row, guild_effect effect);
  /// A row of the journal's own, routed like another.
  void push_made(flow::event_batch& batch, const flow::event_row& like, proto::event_type type,
                 std::string_view d, guild_effect effect);
  void push_guild_delete(flow::event_batch& batch, const flow::event_row& like, bool unavailable,
                         guild_effect effect);
  void take_account(flow::event_batch& batch, const flow::event_row& row, const std::string& d, bool speaks);
  void push_user_update(flow::event_batch& batch, flow::event_row like, std::string_view user);

  void take_session_started(flow::event_batch& batch, const flow::event_row& row);
  void take_gap(const flow::event_batch& batch, flow::event_row row);
  void take_guild_create(flow::event_batch& batch, flow::event_row row);
  void take_user_update(const flow::event_batch& batch, const flow::event_row& row);
  [[nodiscard]] bool same_as_known(const flow::event_batch& batch, const flow::event_row& row);
  void apply_round(proto::snowflake guild, const flow::event_batch& current, guild_document& to) const;

  [[nodiscard]] known look(proto::snowflake guild) const;
  /// All guilds of the shard that are not gone.
  [[nodiscard]] std::vector<std::pair<proto::snowflake, known>> guilds_of(proto::shard_key shard) const;
  [[nodiscard]] std::uint64_t next_offset() const noexcept { return head_ + 1; }

  core_state& state_;
  mirror& mirror_;
  round& round_;
  std::uint64_t head_;
  std::unordered_map<proto::snowflake, known> changed_;  ///< by this round, over the index
  std::vector<flow::event_row> rows_;                    ///< of the batch being gone through
  std::vector<guild_effect> effects_;
  std::vector<std::uint64_t> offset_of_;  ///< of its rows as they came
  std::size_t batches_done_ = 0;
};

}  // namespace evergate::journal
