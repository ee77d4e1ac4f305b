// What a bot without MESSAGE_CONTENT sees of messages: the rules of Discord's documentation (Gateway,
// "Message Content Intent"), applied by splicing. Pure; one thread a call; time linear in d.
#pragma once

#include <string>
#include <string_view>

#include "proto/event_type.h"
#include "proto/snowflake.h"

namespace evergate::proto {

/// The types whose d may need it: MESSAGE_CREATE, MESSAGE_UPDATE, AUTO_MODERATION_ACTION_EXECUTION.
[[nodiscard]] constexpr bool carries_message_content(event_type type) noexcept {
  return type == event_type::message_create || type == event_type::message_update ||
         type == event_type::auto_moderation_action_execution;
}

/// True when redact() would change anything; then, and only then, is a copy worth making. `self_id` is the
/// bot's user id, 0 when it is not known (nothing is then exempt for being the bot's own).
[[nodiscard]] bool needs_redaction(event_type type, std::string_view d, snowflake self_id) noexcept;

/// Appends d to `out` as a bot without MESSAGE_CONTENT may see it: `content` emptied, `embeds`,
/// `attachments` and `components` emptied, `poll` left out, unless the bot wrote the message, is in its
/// `mentions`, or d has no `guild_id`. `referenced_message` and `message_snapshots[].message` are judged by
/// their own author and mentions, and count as in a guild when d is. Of AutoMod executions `content` and
/// `matched_content` are emptied. Other types, and text that is no object, pass as they are.
void redact(event_type type, std::string_view d, snowflake self_id, std::string& out);

}  // namespace evergate::proto
