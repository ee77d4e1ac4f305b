// Gateway intents as the simulator judges them. Written from Discord's documentation ("List of Intents") and
// kept apart from src/proto on purpose: the oracle shares no table with what it judges.
#pragma once

#include <cstdint>

namespace evergate::sim {

using intent_bits = std::uint32_t;

namespace intent {
inline constexpr intent_bits guilds = 1u << 0;
inline constexpr intent_bits members = 1u << 1;
inline constexpr intent_bits moderation = 1u << 2;
inline constexpr intent_bits expressions = 1u << 3;
inline constexpr intent_bits integrations = 1u << 4;
inline constexpr intent_bits webhooks = 1u << 5;
inline constexpr intent_bits invites = 1u << 6;
inline constexpr intent_bits voice_states = 1u << 7;
inline constexpr intent_bits presences = 1u << 8;
inline constexpr intent_bits messages = 1u << 9;
inline constexpr intent_bits reactions = 1u << 10;
inline constexpr intent_bits typing = 1u << 11;
inline constexpr intent_bits dm_messages = 1u << 12;
inline constexpr intent_bits dm_reactions = 1u << 13;
inline constexpr intent_bits dm_typing = 1u << 14;
inline constexpr intent_bits message_content = 1u << 15;
inline constexpr intent_bits scheduled_events = 1u << 16;
inline constexpr intent_bits automod_configuration = 1u << 20;
inline constexpr intent_bits automod_execution = 1u << 21;
inline constexpr intent_bits polls = 1u << 24;
inline constexpr intent_bits dm_polls = 1u << 25;

inline constexpr intent_bits all = 0x1ffff | automod_configuration | automod_execution | polls | dm_polls;
inline constexpr intent_bits privileged = members | presences | message_content;
static_assert(all == 53'608'447);
static_assert((all & ~privileged) == 53'575'421);
}  // namespace intent

}  // namespace evergate::sim
