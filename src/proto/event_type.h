// Every dispatch event this project knows, with what routing, filtering, retention and the mirror need to
// know of it. One table (event_type.cpp) for all; an event that is not in it travels as `unknown` under its
// own name. Source: Discord documentation, Gateway Events.
#pragma once

#include <cstdint>
#include <string_view>

#include "proto/intents.h"

namespace evergate::proto {

/// Values are stored in the journal: append only, never renumber.
enum class event_type : std::uint8_t {
  unknown = 0,
  ready = 1,
  resumed = 2,
  rate_limited = 3,
  application_command_permissions_update = 4,
  auto_moderation_rule_create = 5,
  auto_moderation_rule_update = 6,
  auto_moderation_rule_delete = 7,
  auto_moderation_action_execution = 8,
  channel_create = 9,
  channel_update = 10,
  channel_delete = 11,
  channel_pins_update = 12,
  channel_info = 13,
  voice_channel_status_update = 14,
  voice_channel_start_time_update = 15,
  thread_create = 16,
  thread_update = 17,
  thread_delete = 18,
  thread_list_sync = 19,
  thread_member_update = 20,
  thread_members_update = 21,
  entitlement_create = 22,
  entitlement_update = 23,
  entitlement_delete = 24,
  guild_create = 25,
  guild_update = 26,
  guild_delete = 27,
  guild_audit_log_entry_create = 28,
  guild_ban_add = 29,
  guild_ban_remove = 30,
  guild_join_request_create = 31,
  guild_join_request_update = 32,
  guild_join_request_delete = 33,
  guild_emojis_update = 34,
  guild_stickers_update = 35,
  guild_soundboard_sound_create = 36,
  guild_soundboard_sound_update = 37,
  guild_soundboard_sound_delete = 38,
  guild_soundboard_sounds_update = 39,
  soundboard_sounds = 40,
  guild_integrations_update = 41,
  integration_create = 42,
  integration_update = 43,
  integration_delete = 44,
  webhooks_update = 45,
  invite_create = 46,
  invite_delete = 47,
  guild_member_add = 48,
  guild_member_update = 49,
  guild_member_remove = 50,
  guild_members_chunk = 51,
  guild_role_create = 52,
  guild_role_update = 53,
  guild_role_delete = 54,
  guild_scheduled_event_create = 55,
  guild_scheduled_event_update = 56,
  guild_scheduled_event_delete = 57,
  guild_scheduled_event_user_add = 58,
  guild_scheduled_event_user_remove = 59,
  stage_instance_create = 60,
  stage_instance_update = 61,
  stage_instance_delete = 62,
  voice_state_update = 63,
  voice_server_update = 64,
  voice_channel_effect_send = 65,
  presence_update = 66,
  message_create = 67,
  message_update = 68,
  message_delete = 69,
  message_delete_bulk = 70,
  message_reaction_add = 71,
  message_reaction_remove = 72,
  message_reaction_remove_all = 73,
  message_reaction_remove_emoji = 74,
  typing_start = 75,
  message_poll_vote_add = 76,
  message_poll_vote_remove = 77,
  interaction_create = 78,
  subscription_create = 79,
  subscription_update = 80,
  subscription_delete = 81,
  user_update = 82,
  channel_topic_update = 83,
  embedded_activity_update = 84,
  guild_application_command_counts_update = 85,
  guild_application_command_index_update = 86,

  // Records of our own, which travel through the journal in order with the events and are never delivered.
  session_started = 240,  ///< a new upstream session; d is its READY, verbatim
  gap = 241,              ///< a stretch of events that Discord will not give us; d is a gap record
};

/// What is given up first when the queue is full: ephemeral, then message, then state.
enum class event_class : std::uint8_t { ephemeral = 0, message = 1, state = 2 };
inline constexpr std::size_t event_class_count = 3;

/// Where in `d` the guild id stands.
enum class guild_place : std::uint8_t {
  none,   ///< never routed by guild, even when guild_id is present (entitlements go to shard 0)
  guild,  ///< d.guild_id, possibly absent
  id,     ///< d.id
  meta,   ///< d.meta.guild_id
};

/// What the event does to the mirror.
enum class mirror_effect : std::uint8_t {
  none,
  session,  ///< READY and RESUMED
  mirror,   ///< applied to the guild document (or, USER_UPDATE, to the user)
  counter,  ///< moves last_message_id and the message counts of a channel or thread
};

struct event_info {
  event_type type = event_type::unknown;
  std::string_view name;          ///< as in `t`
  intent_bits guild_intents = 0;  ///< any of these lets it through when it has a guild; 0 = always
  intent_bits dm_intents = 0;     ///< the same without a guild; 0 = as guild_intents
  event_class retention = event_class::message;
  guild_place place = guild_place::guild;
  mirror_effect effect = mirror_effect::none;
};

/// The table's row. `unknown` has message retention, no intents and d.guild_id.
[[nodiscard]] const event_info& info_of(event_type type) noexcept;

/// `unknown` for a name that is not in the table. A perfect hash is not needed: about 10 ns.
[[nodiscard]] event_type event_type_of(std::string_view name) noexcept;

}  // namespace evergate::proto
