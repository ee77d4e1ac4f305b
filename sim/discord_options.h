// What simulated Discord can be told: limits, times and secrets, each with its default. Read once at start.
#pragma once

#include <cstdint>
#include <string>

#include "base/secret.h"
#include "sim/event_mix.h"
#include "sim/guild_maker.h"
#include "sim/intent.h"

namespace evergate::sim {

/// The built-in token: base64 of the default bot's id, and two parts that mean nothing.
inline constexpr const char* default_token =
    "MTEwMDAwMDAwMDAwMDAwMDAwMQ.Gsimul.ated-discord-token-not-a-secret";

/// What an IDENTIFY beyond the day's session starts brings about.
enum class limit_consequence : std::uint8_t {
  reset,  ///< as Discord does: every session of the bot ends and its token is void
  refuse  ///< only this IDENTIFY is closed, with 4004
};

struct discord_options {
  world_options world;
  mix_options mix;
  base::secret token{default_token};
  intent_bits intents_allowed = intent::all;  ///< others are refused with 4014
  std::uint32_t shards = 1;                   ///< recommended by /gateway/bot
  std::uint32_t max_concurrency = 1;
  std::uint32_t guilds_per_shard_max = 2500;  ///< more: 4011
  std::uint32_t shard_multiple = 1;           ///< a large bot's count must be a multiple of it: else 4010
  std::uint32_t identify_total = 1000;        ///< session starts in a day
  std::int64_t identify_day_ms = 24 * 3'600'000;
  enum limit_consequence limit_consequence = limit_consequence::reset;
  std::int64_t identify_interval_ms = 5000;  ///< between two IDENTIFYs of one bucket
  std::int64_t identify_tolerance_ms = 100;  ///< network jitter forgiven
  std::int64_t heartbeat_interval_ms = 41'250;
  std::int64_t identify_timeout_ms =
      60'000;                             ///< a connection that stays anonymous longer is closed with 4009
  std::int64_t session_ttl_ms = 180'000;  ///< how long a disconnected session can be resumed
  std::int64_t op7_close_ms = 5'000;      ///< from op 7 to the close
  std::uint32_t replay_max = 0;           ///< events kept for RESUME; 0 = max(100, min(3500, 75 × guilds))
  std::size_t replay_bytes_max = std::size_t{64} << 20;  ///< of one session
  bool replay_prune = true;                              ///< a heartbeat's sequence frees what is before it
  std::uint32_t guild_create_rate = 1000;                ///< backfilled guilds a second and session
  std::uint32_t sends_max = 120;                         ///< per connection and sends_window_ms; more: 4008
  std::int64_t sends_window_ms = 60'000;
  std::uint32_t connections_max = 20'000;
  std::uint64_t session_seed = 0;       ///< of session ids; the program takes a fresh one at each start
  std::size_t ledger_max = 2'000'000;   ///< entries kept
  std::size_t violations_max = 10'000;  ///< records kept
  std::size_t rest_calls_max = 10'000;  ///< records kept
  double events_per_second = 0;
};

}  // namespace evergate::sim
