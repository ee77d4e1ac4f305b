// What travels from upstream to the bots: batches of events, each event a row and its raw bytes in a shared
// arena. Built by one worker, given an offset range by the journal, immutable and shared from then on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "flow/offset.h"
#include "proto/event_type.h"
#include "proto/snowflake.h"

namespace evergate::flow {

/// Flags of an event_row. Stored in the journal: append only.
namespace row_flag {
inline constexpr std::uint8_t self = 1;  ///< about the bot's own member (delivered whatever the intents)
inline constexpr std::uint8_t internal =
    2;                                    ///< never delivered: records of our own, reconciled GUILD_CREATEs
inline constexpr std::uint8_t reply = 4;  ///< answers one downstream session only: `target`
/// On a session_started: the journal has followed its guilds by another session, so that it says nothing new
/// about them.
inline constexpr std::uint8_t known_guilds = 8;
/// On a reply: of a session by which the journal does not follow the guild, so that it may be older than what
/// is known of it. Its asker is given it; the mirror is not.
inline constexpr std::uint8_t aside = 16;
}  // namespace row_flag

/// One event. `d` stays as Discord sent it.
struct event_row {
  flow::offset offset;            ///< set by the journal
  proto::snowflake guild = 0;     ///< the guild it is routed by; 0 = none (lane 0)
  std::uint32_t pos = 0;          ///< of the event's bytes in the arena: name (if unknown), then d
  std::uint32_t size = 0;         ///< of d
  std::uint32_t seq = 0;          ///< of the upstream session, 0 for records of our own
  std::uint32_t target = 0;       ///< with row_flag::reply: the downstream session's number; 0 = nobody
  std::uint16_t shard = 0;        ///< upstream shard
  std::uint16_t shard_count = 0;  ///< of the fleet
  proto::event_type type = proto::event_type::unknown;
  proto::event_class retention = proto::event_class::message;
  std::uint8_t flags = 0;
  std::uint8_t name_size = 0;  ///< length of the name before d when type is unknown
};
static_assert(sizeof(event_row) == 40);

/// The part of a message event that the mirror needs, kept when the message itself may be evicted.
struct counter_row {
  flow::offset offset;  ///< of its event; until the journal sets it, the index into rows
  proto::snowflake guild = 0;
  proto::snowflake channel = 0;
  proto::snowflake message = 0;  ///< new last_message_id, 0 = unchanged
  std::int32_t added = 0;        ///< to a thread's message_count
  std::int32_t added_total = 0;  ///< to a thread's total_message_sent
};
static_assert(sizeof(counter_row) == 40);

/// In the key of a session and of progress: added to the count by a fleet that stands beside another of the
/// same count, so that the store keeps them apart. Rows carry the plain count.
inline constexpr std::uint32_t twin_fleet = 0x1'0000;

/// A shard's sequence after this batch. Filtered events advance it too.
struct shard_progress {
  proto::shard_key shard;
  std::int64_t seq = -1;
};

/// A shard's session, written when it starts, when it ends (empty id) and when its resume URL changes.
struct session_record {
  proto::shard_key shard;
  std::string session_id;
  std::string resume_url;
  std::int64_t seq = -1;
};

/// A heartbeat that was acknowledged: whatever Discord had sent the session before its answer is in this
/// batch or an earlier one. Told only to those who asked for it (resharding compares two sessions); not
/// stored.
struct shard_proof {
  proto::shard_key shard;
  base::instant sent;  ///< when the heartbeat left
};

/// A small value of a plan's own (the identify ledger, a resharding), kept by name with the batch's events.
struct control_record {
  std::string name;   ///< at most 64 bytes
  std::string value;  ///< empty = remove
};

/// What a GAP row's d says, for those who build or read one: see flow/gap.h.
struct event_batch {
  std::string arena;
  std::vector<event_row> rows;
  std::vector<counter_row> counters;
  std::vector<shard_progress> progress;
  std::vector<session_record> sessions;
  std::vector<control_record> records;
  std::vector<shard_proof> proofs;
  bool has_interactions = false;  ///< a row is an INTERACTION_CREATE; whoever adds rows sees to it

  [[nodiscard]] bool empty() const noexcept {
    return rows.empty() && progress.empty() && sessions.empty() && records.empty() && proofs.empty();
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return arena.size() + rows.size() * sizeof(event_row); }

  /// The event's name as in `t`.
  [[nodiscard]] std::string_view name(const event_row& row) const noexcept {
    if (row.type != proto::event_type::unknown) return proto::info_of(row.type).name;
    return std::string_view(arena).substr(row.pos, row.name_size);
  }
  /// The event's raw d.
  [[nodiscard]] std::string_view data(const event_row& row) const noexcept {
    return std::string_view(arena).substr(row.pos + row.name_size, row.size);
  }
};

using batch_ptr = std::shared_ptr<const event_batch>;

}  // namespace evergate::flow
