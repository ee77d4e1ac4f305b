// What an earlier run has left of fleets and reshardings, sorted: which fleet serves, which sessions are
// whose, and whether a resharding goes on. Pure; start-up only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/cutover.h"
#include "control/resharder.h"
#include "flow/journal.h"

namespace evergate::control {

/// The names of what is kept (flow::control_record).
namespace reshard_records {
inline constexpr const char* task = "reshard";       ///< what is being done
inline constexpr const char* last = "reshard-last";  ///< the newest receipt
inline constexpr const char* fleet = "fleet";        ///< the fleet that serves since the last resharding
}  // namespace reshard_records

/// `{"ended_ms":…,"cause":…,"abort_cause":…,"receipt":{…}}`; `now_ms`: wall time.
[[nodiscard]] std::string receipt_record(const reshard_task& task, const receipt& what, std::int64_t now_ms);
/// `total`: the option shards.total at that time.
[[nodiscard]] flow::control_record fleet_record(const fleet_shape& serving, std::uint32_t total);

struct left_behind {
  fleet_shape serving;                                 ///< no count: as the options or Discord say
  std::vector<flow::stored_session> serving_sessions;  ///< with their plain keys, as those below
  std::optional<reshard_task> task;                    ///< its cuts had begun: it goes on
  cutover_remains remains;                             ///< without the guilds
  std::int64_t left = 0;                               ///< guilds that were not where they are to be
  std::vector<flow::stored_session> new_sessions;
  bool given_up = false;                      ///< one that was being prepared
  bool completed = false;                     ///< one that had only old shards left to close
  std::string last;                           ///< the newest receipt
  std::vector<flow::control_record> records;  ///< to be kept
  std::vector<flow::session_record> ended;    ///< sessions that nobody takes over
};

/// `total`: the option shards.total. A count that it names counts when it was changed since the last
/// resharding.
[[nodiscard]] left_behind what_was_left(const std::map<std::string, std::string>& records,
                                        std::vector<flow::stored_session> stored, std::uint32_t total,
                                        std::int64_t now_ms);

}  // namespace evergate::control
