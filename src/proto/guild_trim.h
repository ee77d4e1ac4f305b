// GUILD_CREATE as Discord would send it to a session with other intents and another large_threshold than
// ours. Source: Discord documentation, Gateway Events, "Guild Create". Pure; time linear in d.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/intents.h"
#include "proto/snowflake.h"

namespace evergate::proto {

/// Above this many members Discord sends no list, whatever the intents.
inline constexpr std::int64_t members_listed_max = 75'000;

/// Appends the GUILD_CREATE document `d` to `out`, its members trimmed:
/// - without GUILD_PRESENCES, or above 75,000 members: the bot itself (`self_id`) and users in
///   `voice_states`; `presences` is `[]`;
/// - otherwise above `large_threshold`: also who is online (in `presences` and not offline), has a role or
///   a nick;
/// - otherwise everybody.
/// `large`, where it is there, says whether the guild is above `large_threshold`. Everything else is copied
/// byte for byte, as is text that is no object.
void trim_guild(std::string_view d, intent_bits intents, std::uint32_t large_threshold, snowflake self_id,
                std::string& out);

}  // namespace evergate::proto
