// Which events are about the bot's own member: those are delivered whatever the intents (Discord
// documentation, Gateway, "List of Intents": GUILD_MEMBERS notes). Pure.
#pragma once

#include <string_view>

#include "proto/event_type.h"
#include "proto/snowflake.h"

namespace evergate::pipeline {

/// True for a GUILD_MEMBER_UPDATE of the bot's user, and for a THREAD_MEMBERS_UPDATE that adds or removes
/// it. Always false while `self_id` is 0.
[[nodiscard]] bool about_self(proto::event_type type, std::string_view d, proto::snowflake self_id) noexcept;

}  // namespace evergate::pipeline
