// What can be made to go wrong on command: one order per wish, as the control API or a simulation gives it.
// Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace evergate::sim {

/// In the order of the table in docs/simulated-discord.md.
enum class fault_kind : std::uint8_t {
  // done at once, to the connections of sessions
  rst,
  fin,
  stall,
  half_open,
  close,
  op7,
  op9,
  op1,
  corrupt_frame,
  huge,
  bad_utf8,
  lone_surrogate,
  // wait for a frame of a session
  broken_stream,
  split_stream,
  missing_ack,
  late_ack,
  seq_jump,
  seq_repeat,
  drop_type,
  lag,
  // wait for a connection
  refuse_upgrade,
  slow_upgrade,
  silent_upgrade,
  no_hello,
  slow_hello,
  op7_first,
  // wait for an IDENTIFY
  op9_after_identify,
  no_ready,
  close_after_identify,
  // wait for a RESUME
  refuse_resume,
  op9_true_after_resume,
  close_after_resume,
  no_resumed,
  // wait for a READY, or a REST call
  silent_guild,
  unavailable_create,
  resume_host,
  gateway_url,
  rest_status
};

inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(fault_kind::rest_status) + 1;

/// As in {"kind":…}.
[[nodiscard]] std::string_view name_of(fault_kind kind) noexcept;
[[nodiscard]] std::optional<fault_kind> fault_named(std::string_view name) noexcept;
/// It is armed and waits; the others are done at once.
[[nodiscard]] constexpr bool waits(fault_kind kind) noexcept {
  return kind > fault_kind::lone_surrogate;
}
/// It comes before anybody knows whose connection it is: no shard and no count.
[[nodiscard]] constexpr bool shardless(fault_kind kind) noexcept {
  return (kind >= fault_kind::refuse_upgrade && kind <= fault_kind::op7_first) ||
         kind >= fault_kind::gateway_url;
}

/// Which connections: by the URL they came to.
enum class path_choice : std::uint8_t { any, main, resume };

/// Which sessions, by when they began: there when it was armed, or later.
enum class which_sessions : std::uint8_t { all, present, later };

/// What becomes of bytes or of the socket itself; a sink does it.
enum class damage : std::uint8_t {
  reset,            ///< RST
  half_open,        ///< reads on, writes nothing any more
  stall,            ///< neither reads nor writes; the socket stays
  reserved_opcode,  ///< a frame with a reserved opcode, now
  reserved_bit,     ///< a frame with RSV1, now
  false_length,     ///< a frame that claims far more bytes than follow, now
  broken_message,   ///< the next message cannot be inflated, or is no JSON
  split_message     ///< the next payload spans several messages of its zlib stream
};

/// Where a URL leads that is to fail.
enum class dead_end : std::uint8_t { none, dead, silent, unknown_name };

struct fault_order {
  fault_kind kind = fault_kind::close;
  std::optional<std::uint32_t> shard = {};        ///< nothing = all
  std::optional<std::uint32_t> count = {};        ///< of the fleet with this many shards; nothing = all
  which_sessions sessions = which_sessions::all;  ///< lag
  std::uint32_t times = 1;                        ///< of all that it fits, together; 0 = until cleared
  path_choice path = path_choice::any;
  std::uint16_t code = 4000;                  ///< close codes; 0 = the connection just ends
  std::int64_t delay_ms = 0;                  ///< slow_upgrade, slow_hello, late_ack, lag
  std::int64_t jitter_ms = 0;                 ///< lag: up to so much more, by chance
  std::optional<std::int64_t> close_ms = {};  ///< op7: until the close
  bool resumable = false;                     ///< op9
  std::uint32_t by = 1;                       ///< seq_jump
  std::size_t bytes = 0;                      ///< huge
  damage how = damage::reserved_opcode;       ///< corrupt_frame
  std::string type = {};                      ///< drop_type
  dead_end to = dead_end::none;               ///< resume_host, gateway_url without a url
  std::string url = {};
  unsigned status = 503;                  ///< refuse_upgrade, rest_status
  std::string body = {};                  ///< refuse_upgrade, rest_status
  std::string rest_path = "gateway/bot";  ///< rest_status: below /api/v10
};

struct fault_outcome {
  bool armed = false;
  std::size_t done = 0;  ///< connections
};

/// What the shell is to do with an upgrade request.
struct upgrade_verdict {
  enum class answer : std::uint8_t { accept, refuse, delay, silence };
  answer how = answer::accept;
  unsigned status = 0;
  std::string body = {};
  std::int64_t delay_ms = 0;
};

/// The URLs that are given out. The last three lead nowhere, each in its way.
struct gateway_urls {
  std::string main = "ws://127.0.0.1";
  std::string resume = "ws://127.0.0.1/resume";
  std::string dead = "ws://127.0.0.1:1";             ///< the connection is refused
  std::string silent = "ws://127.0.0.1:9";           ///< accepted, and nothing is ever said
  std::string unknown = "ws://gateway.sim.invalid";  ///< the name does not resolve
};

}  // namespace evergate::sim
