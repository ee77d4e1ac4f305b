// What a resharding has done, for the operator and for the store: how each guild moved and what became of
// the events meanwhile. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/guild_cut.h"

namespace evergate::control {

struct receipt {
  std::uint32_t from_count = 0;
  std::uint32_t to_count = 0;
  bool aborted = false;
  std::uint64_t guilds_at_event = 0;  ///< moved at a unique event
  std::uint64_t guilds_in_silence = 0;
  std::uint64_t guilds_with_gap = 0;
  std::uint64_t guilds_born = 0;  ///< joined meanwhile: the new fleet's from their first event
  /// Times that a guild which had moved came back, since the session that had it was lost.
  std::uint64_t came_back = 0;
  /// What was let through since the cuts began, whatever its guild: all rows of the two fleets in the journal
  /// but for their own records (READYs, GAPs).
  std::uint64_t delivered_by_old = 0;
  std::uint64_t delivered_by_new = 0;
  cut_counts events;             ///< since then, too
  std::int64_t duration_ms = 0;  ///< from the start of preparing

  [[nodiscard]] std::uint64_t guilds() const noexcept {
    return guilds_at_event + guilds_in_silence + guilds_with_gap + guilds_born;
  }
  /// `{"from":2,"to":3,…}`, one line.
  [[nodiscard]] std::string to_json() const;
  /// What to_json() has written; zeros for what is not there.
  [[nodiscard]] static receipt parse(std::string_view json);
};

}  // namespace evergate::control
