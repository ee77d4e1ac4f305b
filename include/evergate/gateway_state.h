// What a gateway_manager can be asked about: shards, the line for identifying, session limits, workers,
// fleets, consumers, the journal. Plain values; each is a copy of one moment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace evergate {

/// A shard's name: its id among how many.
struct shard_id {
  std::uint32_t id = 0;     ///< 0 to count − 1
  std::uint32_t count = 1;  ///< shards of its fleet
  /// Both the same.
  bool operator==(const shard_id&) const = default;
};

/// A shard as it stands.
struct shard_status {
  std::uint32_t id = 0;     ///< 0 to count − 1
  std::uint32_t count = 1;  ///< shards of its fleet
  /// `offline` (not started, killed or disconnected), `pausing` (before the next try), `settling` (until the
  /// lost session's events are on disk), `queued` (for its turn to IDENTIFY), `connecting`, `greeting` (waits
  /// for HELLO), `turning` (waits for the instant of its turn), `identifying`, `resuming`, `live`, or
  /// `failed` (a fatal close code).
  std::string state;
  bool session = false;                  ///< holds a session that can be resumed
  std::int64_t committed_seq = -1;       ///< -1 = none
  std::int64_t latency_ms = -1;          ///< of the last heartbeat; -1 = unknown
  std::uint64_t identifies = 0;          ///< since the start of the process
  std::uint64_t resumes = 0;             ///< RESUMED received, since the start of the process
  std::uint32_t worker = 0;              ///< index of the worker that holds it
  std::int64_t last_event_ms = 0;        ///< wall time of the last dispatch, since 1970; 0 = none yet
  std::uint64_t events = 0;              ///< dispatches received
  std::uint64_t connects = 0;            ///< connections tried
  std::uint64_t identifies_refused = 0;  ///< IDENTIFYs answered by op 9
  std::uint64_t gaps = 0;                ///< sessions that were lost
  std::uint64_t zombies = 0;             ///< connections given up because a heartbeat was not acknowledged
  std::uint32_t commands_queued = 0;     ///< commands that wait for room in the send window
  bool serving = true;                   ///< false: of the fleet that a resharding prepares
};

/// A bucket of the line for identifying: shards with the same id % max_concurrency.
struct identify_bucket {
  std::uint32_t id = 0;               ///< shard id % max_concurrency
  std::uint32_t waiting = 0;          ///< shards in line
  std::optional<std::uint32_t> turn;  ///< the shard whose turn it is
  std::int64_t free_in_ms = 0;        ///< until the next IDENTIFY may leave; 0 = now
};

/// Discord's session start limit and what has been used of it. Source: Discord documentation, Gateway,
/// "Session Start Limit Object".
struct session_limits {
  bool known = false;                    ///< GET /gateway/bot has answered
  std::uint32_t recommended_shards = 0;  ///< its `shards`
  std::uint32_t total = 0;               ///< session starts a day
  std::uint32_t remaining = 0;           ///< the lesser of what Discord said and what our own count leaves
  std::int64_t reset_ms = 0;             ///< when `remaining` is `total` again: wall time, since 1970
  std::uint32_t max_concurrency = 1;     ///< buckets
  std::uint32_t starts = 0;              ///< used in this window for shards that had no session
  std::uint32_t reidentifies = 0;        ///< for sessions that were lost
  std::uint32_t reshards = 0;            ///< for fleets that were prepared
};

/// A worker: one thread with one event loop, which holds shards and bots' connections.
struct worker_status {
  std::uint32_t id = 0;           ///< 0 to `gateway_options::workers` − 1
  std::uint32_t shards = 0;       ///< of both fleets while resharding
  std::uint32_t connections = 0;  ///< of bots: WebSockets
  double busy = 0;                ///< processor time of its thread ÷ time, over the last second or so
  double events_per_second = 0;   ///< dispatches received, over the last second or so
  std::uint64_t events = 0;       ///< dispatches received by the shards it holds now
};

/// A fleet: all shards of one count.
struct fleet_status {
  std::uint32_t count = 0;  ///< shards in all; 0 = not known yet
  std::uint32_t first = 0;  ///< first shard held by this process
  std::uint32_t last = 0;   ///< last shard held by this process
  std::uint32_t ready = 0;  ///< live shards
  bool serving = true;      ///< false: prepared by a resharding
};

/// A lane: one of the n parts in which a consumer's bots read.
struct lane_status {
  std::uint32_t id = 0;              ///< 0 to count − 1
  std::uint32_t count = 1;           ///< the n that the bots chose
  bool connected = false;            ///< a bot reads it
  bool held = false;                 ///< by a drain
  std::uint32_t unacknowledged = 0;  ///< events sent and not acknowledged
  std::uint64_t cursor = 0;          ///< everything up to this offset is acknowledged
  std::uint64_t position = 0;        ///< everything up to this offset is sent
  std::uint64_t lag = 0;             ///< offsets between it and the newest committed one
};

/// A consumer and its lanes.
struct consumer_status {
  std::string name;                     ///< `main` unless the bots' URL names another
  bool paused = false;                  ///< nothing is delivered
  bool read_only = false;               ///< its commands are refused
  std::uint64_t sessions = 0;           ///< known, connected or not
  std::uint64_t given_up = 0;           ///< events that it will never see: skipped, dropped, past its bounds
  std::uint64_t interactions_sent = 0;  ///< since the start of the process
  std::uint64_t interactions_expired = 0;  ///< too old for an answer, since the start of the process
  std::uint64_t commands_vetoed = 0;       ///< refused because it is read-only
  std::vector<lane_status> lanes;          ///< of the newest n
};

/// An event that a consumer's bots died of, again and again, taken out of their queue. Named by consumer and
/// offset.
struct dead_letter {
  std::string consumer;      ///< whose bots
  shard_id lane;             ///< the bot's shard, at that time
  std::uint64_t offset = 0;  ///< of its record
  std::string type;          ///< as in `t`
  std::uint64_t guild = 0;   ///< 0 = of none
  std::int64_t time_ms = 0;  ///< when it was taken out: wall time, since 1970
  std::string d;             ///< its bytes
};

/// The journal as it stands.
struct journal_status {
  std::uint64_t head = 0;     ///< offset of the newest committed record
  std::uint64_t events = 0;   ///< kept
  std::uint64_t bytes = 0;    ///< of them
  std::uint64_t evicted = 0;  ///< events given up although a consumer had not acknowledged them
  std::uint64_t gaps = 0;     ///< GAP records written
  std::uint64_t guilds = 0;   ///< known to the mirror
  bool stalled = false;       ///< the store cannot be written now
};

}  // namespace evergate
