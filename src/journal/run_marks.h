// What a data directory remembers of the daemon's runs outside the store itself, in `evergate.runs`: whether
// the last run ended cleanly and in which boot, when runs began that ended otherwise, and whether something
// is owed. One line of text, synced at the start and the end of a run. Owned by whoever holds the directory's
// lock; at most `starts_max` starts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace evergate::journal {

struct run_marks {
  static constexpr std::size_t starts_max = 16;

  bool known = false;                ///< there was a readable file
  bool made = false;                 ///< a store has been made here
  bool clean = true;                 ///< the last run stopped as it should
  bool suspect = false;              ///< the last run met an error that only a damaged store explains
  bool gap_owed = false;             ///< a store was set aside and no GAP record says so yet
  std::string boot;                  ///< the machine's boot in which the last run began
  std::vector<std::int64_t> starts;  ///< wall time in ms of the runs since the last clean stop

  /// What the directory remembers; `known` is false when there is nothing, or nothing that can be read.
  [[nodiscard]] static run_marks load(const std::filesystem::path& directory);
  [[nodiscard]] base::result<void> save(const std::filesystem::path& directory) const;

  /// Notes a run that begins, and forgets starts before `since_ms`. Returns how many runs since then ended
  /// without a clean stop.
  std::size_t begin(std::int64_t now_ms, std::int64_t since_ms, std::string boot_now);
  void end_cleanly();
};

/// Changes when the machine itself has been restarted; what was not synced may then be missing or torn.
/// Empty when the system does not say.
[[nodiscard]] std::string boot_id();

}  // namespace evergate::journal
