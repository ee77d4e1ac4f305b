// Resharding as the library shows it: the plan before, how far it is, and what came of it.
// docs/resharding.md says what happens.
#pragma once

#include <cstdint>
#include <string>

namespace evergate {

/// What a resharding would cost, made before anything is done.
struct resharding_plan {
  std::uint32_t current = 0;                ///< shards that serve
  std::uint32_t target = 0;                 ///< shards that would
  std::uint32_t identifies = 0;             ///< session starts
  std::uint32_t seconds = 0;                ///< until the last new shard has identified, undisturbed
  std::uint32_t remaining_after = 0;        ///< session starts of the day that are left then
  std::uint32_t fullest_percent = 0;        ///< of reshard.guilds_per_shard_max, of the fullest shard now
  std::uint32_t fullest_after_percent = 0;  ///< the same, of the fullest shard then
  std::string cause;                        ///< why it is time; empty = it is not
  std::string refusal;                      ///< why it cannot be done now; empty = it can
  std::string text;                         ///< all of it in one line
};

/// How far a resharding is.
struct resharding_status {
  /// idle, prepare, overlap, cut, drain, back (guilds return to the old fleet) or leave (one fleet is
  /// ending).
  std::string phase = "idle";
  std::uint32_t from = 0;          ///< shards before
  std::uint32_t to = 0;            ///< shards afterwards
  std::int64_t began_ms = 0;       ///< since 1970
  std::string cause;               ///< "asked for", or why it was time
  std::string abort_cause;         ///< why it is being undone; empty = it is not
  std::uint32_t ready_shards = 0;  ///< of the new fleet
  std::uint64_t guilds = 0;        ///< that are to move, as far as they are known
  std::uint64_t guilds_left = 0;   ///< of these, not yet where they are to be
  std::string refusal;             ///< why the last automatic check began nothing though it was time
  /// JSON of the last one that ended: `{"ended_ms":…,"cause":…,"abort_cause":…,"receipt":{…}}`; empty = none.
  std::string last;
};

}  // namespace evergate
