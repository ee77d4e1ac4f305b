// The bot's presence as Discord wants it in op 3 and in IDENTIFY. Discord closes every session that is sent
// another one (4001, 4002), so that it is judged here before it goes to all shards. Pure.
// Source: Discord documentation, Gateway Events, "Update Presence"; discord-api-docs issues 452 and 2226.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace evergate::proto {

/// Room in the 4,096 bytes of a command and of an IDENTIFY.
inline constexpr std::size_t presence_bytes_max = 3'000;

/// `d` with its four members and no other: `since` (null without one), `activities` (none), `status`
/// (online), `afk` (false). errc::bad_json with the member's name when one is not what Discord documents;
/// errc::too_large beyond presence_bytes_max.
[[nodiscard]] base::result<std::string> whole_presence(std::string_view d);

}  // namespace evergate::proto
