// What can be set for a named reader of the events (a consumer: production, a staging copy, …). Values with
// the defaults; bounds and the table for operators are in docs/configuration.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace evergate {

/// What happens to events that were sent but not acknowledged when a bot's connection ends uncleanly.
enum class redelivery_policy : std::uint8_t { at_least_once, at_most_once };

/// What a close frame from a bot says of what was sent to it: `sent`, it counts as delivered, save what was
/// sent within close_grace; `acked`, only what was acknowledged counts.
enum class clean_close_policy : std::uint8_t { sent, acked };

/// What acknowledges events: the bot's heartbeats, or only `POST /c/NAME/ack`.
enum class acknowledgement : std::uint8_t { heartbeat, explicit_only };

/// Where a consumer that has never read begins.
struct start_position {
  /// What it is counted from.
  enum class kind : std::uint8_t {
    now,       ///< with what comes next
    earliest,  ///< with the oldest event kept
    offset,    ///< past `value`
    time,      ///< with the first event committed at or after `value`, milliseconds since 1970
  };
  kind what = kind::now;    ///< which of them
  std::uint64_t value = 0;  ///< of offset and time
  /// Both the same.
  bool operator==(const start_position&) const = default;
};

/// What may be set for one consumer.
struct consumer_settings {
  // What it sees.
  std::uint32_t intents = 53'608'447;       ///< at most; what its bots ask for beyond is left out
  std::vector<std::string> events_allow;    ///< names as in `t`; when not empty, no others (see docs)
  std::vector<std::string> events_deny;     ///< these not, allowed or not
  std::vector<std::uint64_t> guilds_allow;  ///< when not empty, no other guilds
  std::vector<std::uint64_t> guilds_deny;   ///< these not, allowed or not
  bool read_only = false;                   ///< its commands are refused; REST through it may only GET
  start_position start;                     ///< of a consumer that has never read

  // What counts as delivered.
  redelivery_policy redelivery = redelivery_policy::at_least_once;  ///< after an unclean end
  clean_close_policy on_clean_close = clean_close_policy::sent;     ///< after a close frame
  std::chrono::milliseconds close_grace{100};                       ///< see clean_close_policy
  acknowledgement acknowledge = acknowledgement::heartbeat;         ///< what acknowledges
  std::uint32_t ack_window = 262'144;                               ///< events in flight per lane
  std::chrono::milliseconds session_timeout{0};  ///< a session without connection is forgotten; 0 = never

  // How far behind it may fall; 0 = as far as the queue reaches.
  std::uint64_t max_events = 0;     ///< 0 = no bound of its own
  std::uint64_t max_bytes = 0;      ///< 0 = no bound of its own
  std::chrono::seconds max_age{0};  ///< 0 = no bound of its own
};

}  // namespace evergate
