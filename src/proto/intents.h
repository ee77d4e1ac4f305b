// Gateway intents. Source: Discord documentation, Gateway, "List of Intents".
#pragma once

#include <cstdint>

namespace evergate::proto {

using intent_bits = std::uint32_t;

namespace intent {
inline constexpr intent_bits guilds = 1u << 0;
inline constexpr intent_bits guild_members = 1u << 1;
inline constexpr intent_bits guild_moderation = 1u << 2;
inline constexpr intent_bits guild_expressions = 1u << 3;
inline constexpr intent_bits guild_integrations = 1u << 4;
inline constexpr intent_bits guild_webhooks = 1u << 5;
inline constexpr intent_bits guild_invites = 1u << 6;
inline constexpr intent_bits guild_voice_states = 1u << 7;
inline constexpr intent_bits guild_presences = 1u << 8;
inline constexpr intent_bits guild_messages = 1u << 9;
inline constexpr intent_bits guild_message_reactions = 1u << 10;
inline constexpr intent_bits guild_message_typing = 1u << 11;
inline constexpr intent_bits direct_messages = 1u << 12;
inline constexpr intent_bits direct_message_reactions = 1u << 13;
inline constexpr intent_bits direct_message_typing = 1u << 14;
inline constexpr intent_bits message_content = 1u << 15;
inline constexpr intent_bits guild_scheduled_events = 1u << 16;
inline constexpr intent_bits auto_moderation_configuration = 1u << 20;
inline constexpr intent_bits auto_moderation_execution = 1u << 21;
inline constexpr intent_bits guild_message_polls = 1u << 24;
inline constexpr intent_bits direct_message_polls = 1u << 25;

inline constexpr intent_bits all = 53608447;
inline constexpr intent_bits unprivileged = 53575421;
}  // namespace intent

/// True when no undocumented bit is set; Discord closes with 4013 otherwise.
[[nodiscard]] constexpr bool valid_intents(std::uint64_t bits) noexcept {
  return (bits & ~std::uint64_t{intent::all}) == 0;
}

}  // namespace evergate::proto
