// What one consumer is allowed, shown and owed: its options, resolved over the general ones. Immutable and
// shared by everything that serves the consumer; a change of configuration is another policy.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "controllers/desk.h"
#include "downstream/consumer_filter.h"
#include "flow/position.h"
#include "proto/intents.h"

namespace evergate::downstream {

/// What happens to events that were sent but not acknowledged when a bot's connection ends uncleanly.
enum class redelivery : std::uint8_t {
  at_least_once,  ///< they are delivered again
  at_most_once,   ///< the cursor is committed before they are sent, so they are not
};

/// What a close frame from the bot says about what was sent to it.
enum class clean_close : std::uint8_t {
  sent,   ///< it counts as delivered, save what was sent within close_grace
  acked,  ///< only what was acknowledged counts
};

/// What acknowledges events.
enum class acknowledge_by : std::uint8_t {
  heartbeat,      ///< the bot's beats
  explicit_call,  ///< only POST /c/NAME/ack
};

struct consumer_policy {
  // What it sees. All of it is part of the numbering of its sessions: see filter_version().
  proto::intent_bits intents = proto::intent::all;  ///< at most; what a bot asks for beyond is left out
  consumer_filter filter;
  bool read_only = false;  ///< commands are refused, REST is limited to GET
  flow::position start;    ///< of a consumer that has never read

  // What counts as delivered.
  redelivery redeliver = redelivery::at_least_once;
  clean_close on_clean_close = clean_close::sent;
  base::milliseconds close_grace{100};  ///< see clean_close::sent
  acknowledge_by acknowledge = acknowledge_by::heartbeat;
  std::uint32_t ack_window = 262'144;     ///< events sent and not acknowledged, per lane
  base::milliseconds session_timeout{0};  ///< a session without a connection is forgotten after; 0 = never

  // How far it may hold the journal back; 0 = as far as the journal reaches.
  std::uint64_t max_events = 0;
  std::uint64_t max_bytes = 0;
  base::seconds max_age{0};

  const decide::desk* decisions = &decide::desk::plain();

  /// Of the rules in code, the cap on intents, the lists and deliver_event together: a session numbered by
  /// others is not resumed.
  [[nodiscard]] std::uint32_t filter_version() const noexcept;

  /// The defaults, shared.
  [[nodiscard]] static const std::shared_ptr<const consumer_policy>& plain();
};
using policy_ptr = std::shared_ptr<const consumer_policy>;

/// The policies of an application by the consumer's name. A value.
struct consumer_policies {
  policy_ptr fallback = consumer_policy::plain();  ///< of those not named
  std::map<std::string, policy_ptr, std::less<>> named;
  bool unlisted = true;  ///< those not named are served

  /// Null when the consumer is not served. `main` always is.
  [[nodiscard]] policy_ptr of(std::string_view name) const;
};

}  // namespace evergate::downstream
