// Whether an event belongs to a downstream session: a pure function of the row and of what the session's
// durable record says, so that the numbering of its events can be done again after a crash. No state.
#pragma once

#include <cstdint>

#include "flow/event_batch.h"
#include "proto/intents.h"
#include "proto/snowflake.h"

namespace evergate::downstream {

/// Goes up with every change of the rules: a session numbered by other rules is not resumed.
inline constexpr std::uint32_t rules_version = 2;

struct filter_key {
  proto::shard_key lane;
  proto::intent_bits intents = 0;
  std::uint32_t session = 0;  ///< downstream_record::number
};

/// Rules (Discord documentation, Gateway, "List of Intents", and docs/protocol.md):
/// - INTERACTION_CREATE has no number and goes its own way, see interaction_for();
/// - records of our own are never delivered; a reply goes to its asker only, whatever the lane and intents;
/// - events without a guild (DMs, entitlements, subscriptions, USER_UPDATE) go to lane 0, all others to the
///   lane that owns the guild;
/// - guild or DM intents decide by whether the row has a guild; events without intents and events that the
///   table does not know always pass; so does GUILD_MEMBER_UPDATE about the bot itself;
/// - THREAD_MEMBERS_UPDATE without GUILD_MEMBERS passes only when it adds or removes the bot.
[[nodiscard]] bool deliverable(const flow::event_row& row, const filter_key& key) noexcept;

/// Whether the row is an INTERACTION_CREATE of the session's lane. They need no intents.
[[nodiscard]] bool interaction_for(const flow::event_row& row, const filter_key& key) noexcept;

}  // namespace evergate::downstream
