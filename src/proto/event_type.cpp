#include "proto/event_type.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace evergate::proto {
namespace {

using enum event_class;

constexpr event_info events[] = {
    {event_type::unknown, "", 0, 0, message, guild_place::guild, mirror_effect::none},
    {event_type::ready, "READY", 0, 0, state, guild_place::none, mirror_effect::session},
    {event_type::resumed, "RESUMED", 0, 0, state, guild_place::none, mirror_effect::session},
    {event_type::rate_limited, "RATE_LIMITED", 0, 0, message, guild_place::meta, mirror_effect::none},
    {event_type::application_command_permissions_update, "APPLICATION_COMMAND_PERMISSIONS_UPDATE", 0, 0,
     message, guild_place::guild, mirror_effect::none},
    {event_type::auto_moderation_rule_create, "AUTO_MODERATION_RULE_CREATE",
     intent::auto_moderation_configuration, 0, message, guild_place::guild, mirror_effect::none},
    {event_type::auto_moderation_rule_update, "AUTO_MODERATION_RULE_UPDATE",
     intent::auto_moderation_configuration, 0, message, guild_place::guild, mirror_effect::none},
    {event_type::auto_moderation_rule_delete, "AUTO_MODERATION_RULE_DELETE",
     intent::auto_moderation_configuration, 0, message, guild_place::guild, mirror_effect::none},
    {event_type::auto_moderation_action_execution, "AUTO_MODERATION_ACTION_EXECUTION",
     intent::auto_moderation_execution, 0, message, guild_place::guild, mirror_effect::none},
    {event_type::channel_create, "CHANNEL_CREATE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::channel_update, "CHANNEL_UPDATE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::channel_delete, "CHANNEL_DELETE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::channel_pins_update, "CHANNEL_PINS_UPDATE", intent::guilds, intent::direct_messages, state,
     guild_place::guild, mirror_effect::mirror},
    {event_type::channel_info, "CHANNEL_INFO", 0, 0, message, guild_place::guild, mirror_effect::none},
    {event_type::voice_channel_status_update, "VOICE_CHANNEL_STATUS_UPDATE", intent::guilds, 0, message,
     guild_place::guild, mirror_effect::none},
    {event_type::voice_channel_start_time_update, "VOICE_CHANNEL_START_TIME_UPDATE", intent::guilds, 0,
     message, guild_place::guild, mirror_effect::none},
    {event_type::thread_create, "THREAD_CREATE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::thread_update, "THREAD_UPDATE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::thread_delete, "THREAD_DELETE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::thread_list_sync, "THREAD_LIST_SYNC", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::thread_member_update, "THREAD_MEMBER_UPDATE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::thread_members_update, "THREAD_MEMBERS_UPDATE", intent::guilds | intent::guild_members, 0,
     state, guild_place::guild, mirror_effect::mirror},
    {event_type::entitlement_create, "ENTITLEMENT_CREATE", 0, 0, message, guild_place::none,
     mirror_effect::none},
    {event_type::entitlement_update, "ENTITLEMENT_UPDATE", 0, 0, message, guild_place::none,
     mirror_effect::none},
    {event_type::entitlement_delete, "ENTITLEMENT_DELETE", 0, 0, message, guild_place::none,
     mirror_effect::none},
    {event_type::guild_create, "GUILD_CREATE", intent::guilds, 0, state, guild_place::id,
     mirror_effect::mirror},
    {event_type::guild_update, "GUILD_UPDATE", intent::guilds, 0, state, guild_place::id,
     mirror_effect::mirror},
    {event_type::guild_delete, "GUILD_DELETE", intent::guilds, 0, state, guild_place::id,
     mirror_effect::mirror},
    {event_type::guild_audit_log_entry_create, "GUILD_AUDIT_LOG_ENTRY_CREATE", intent::guild_moderation, 0,
     message, guild_place::guild, mirror_effect::none},
    {event_type::guild_ban_add, "GUILD_BAN_ADD", intent::guild_moderation, 0, message, guild_place::guild,
     mirror_effect::none},
    {event_type::guild_ban_remove, "GUILD_BAN_REMOVE", intent::guild_moderation, 0, message,
     guild_place::guild, mirror_effect::none},
    {event_type::guild_join_request_create, "GUILD_JOIN_REQUEST_CREATE", intent::guild_moderation, 0, message,
     guild_place::guild, mirror_effect::none},
    {event_type::guild_join_request_update, "GUILD_JOIN_REQUEST_UPDATE", intent::guild_moderation, 0, message,
     guild_place::guild, mirror_effect::none},
    {event_type::guild_join_request_delete, "GUILD_JOIN_REQUEST_DELETE", intent::guild_moderation, 0, message,
     guild_place::guild, mirror_effect::none},
    {event_type::guild_emojis_update, "GUILD_EMOJIS_UPDATE", intent::guild_expressions, 0, state,
     guild_place::guild, mirror_effect::mirror},
    {event_type::guild_stickers_update, "GUILD_STICKERS_UPDATE", intent::guild_expressions, 0, state,
     guild_place::guild, mirror_effect::mirror},
    {event_type::guild_soundboard_sound_create, "GUILD_SOUNDBOARD_SOUND_CREATE", intent::guild_expressions, 0,
     state, guild_place::guild, mirror_effect::mirror},
    {event_type::guild_soundboard_sound_update, "GUILD_SOUNDBOARD_SOUND_UPDATE", intent::guild_expressions, 0,
     state, guild_place::guild, mirror_effect::mirror},
    {event_type::guild_soundboard_sound_delete, "GUILD_SOUNDBOARD_SOUND_DELETE", intent::guild_expressions, 0,
     state, guild_place::guild, mirror_effect::mirror},
    {event_type::guild_soundboard_sounds_update, "GUILD_SOUNDBOARD_SOUNDS_UPDATE", intent::guild_expressions,
     0, state, guild_place::guild, mirror_effect::mirror},
    {event_type::soundboard_sounds, "SOUNDBOARD_SOUNDS", 0, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::guild_integrations_update, "GUILD_INTEGRATIONS_UPDATE", intent::guild_integrations, 0,
     message, guild_place::guild, mirror_effect::none},
    {event_type::integration_create, "INTEGRATION_CREATE", intent::guild_integrations, 0, message,
     guild_place::guild, mirror_effect::none},
    {event_type::integration_update, "INTEGRATION_UPDATE", intent::guild_integrations, 0, message,
     guild_place::guild, mirror_effect::none},
    {event_type::integration_delete, "INTEGRATION_DELETE", intent::guild_integrations, 0, message,
     guild_place::guild, mirror_effect::none},
    {event_type::webhooks_update, "WEBHOOKS_UPDATE", intent::guild_webhooks, 0, message, guild_place::guild,
     mirror_effect::none},
    {event_type::invite_create, "INVITE_CREATE", intent::guild_invites, 0, message, guild_place::guild,
     mirror_effect::none},
    {event_type::invite_delete, "INVITE_DELETE", intent::guild_invites, 0, message, guild_place::guild,
     mirror_effect::none},
    {event_type::guild_member_add, "GUILD_MEMBER_ADD", intent::guild_members, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::guild_member_update, "GUILD_MEMBER_UPDATE", intent::guild_members, 0, state,
     guild_place::guild, mirror_effect::mirror},
    {event_type::guild_member_remove, "GUILD_MEMBER_REMOVE", intent::guild_members, 0, state,
     guild_place::guild, mirror_effect::mirror},
    {event_type::guild_members_chunk, "GUILD_MEMBERS_CHUNK", 0, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::guild_role_create, "GUILD_ROLE_CREATE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::guild_role_update, "GUILD_ROLE_UPDATE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::guild_role_delete, "GUILD_ROLE_DELETE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::guild_scheduled_event_create, "GUILD_SCHEDULED_EVENT_CREATE", intent::guild_scheduled_events,
     0, state, guild_place::guild, mirror_effect::mirror},
    {event_type::guild_scheduled_event_update, "GUILD_SCHEDULED_EVENT_UPDATE", intent::guild_scheduled_events,
     0, state, guild_place::guild, mirror_effect::mirror},
    {event_type::guild_scheduled_event_delete, "GUILD_SCHEDULED_EVENT_DELETE", intent::guild_scheduled_events,
     0, state, guild_place::guild, mirror_effect::mirror},
    {event_type::guild_scheduled_event_user_add, "GUILD_SCHEDULED_EVENT_USER_ADD",
     intent::guild_scheduled_events, 0, state, guild_place::guild, mirror_effect::mirror},
    {event_type::guild_scheduled_event_user_remove, "GUILD_SCHEDULED_EVENT_USER_REMOVE",
     intent::guild_scheduled_events, 0, state, guild_place::guild, mirror_effect::mirror},
    {event_type::stage_instance_create, "STAGE_INSTANCE_CREATE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::stage_instance_update, "STAGE_INSTANCE_UPDATE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::stage_instance_delete, "STAGE_INSTANCE_DELETE", intent::guilds, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::voice_state_update, "VOICE_STATE_UPDATE", intent::guild_voice_states, 0, state,
     guild_place::guild, mirror_effect::mirror},
    {event_type::voice_server_update, "VOICE_SERVER_UPDATE", 0, 0, state, guild_place::guild,
     mirror_effect::none},
    {event_type::voice_channel_effect_send, "VOICE_CHANNEL_EFFECT_SEND", intent::guild_voice_states, 0,
     ephemeral, guild_place::guild, mirror_effect::none},
    {event_type::presence_update, "PRESENCE_UPDATE", intent::guild_presences, 0, state, guild_place::guild,
     mirror_effect::mirror},
    {event_type::message_create, "MESSAGE_CREATE", intent::guild_messages, intent::direct_messages, message,
     guild_place::guild, mirror_effect::counter},
    {event_type::message_update, "MESSAGE_UPDATE", intent::guild_messages, intent::direct_messages, message,
     guild_place::guild, mirror_effect::none},
    {event_type::message_delete, "MESSAGE_DELETE", intent::guild_messages, intent::direct_messages, message,
     guild_place::guild, mirror_effect::counter},
    {event_type::message_delete_bulk, "MESSAGE_DELETE_BULK", intent::guild_messages, intent::direct_messages,
     message, guild_place::guild, mirror_effect::counter},
    {event_type::message_reaction_add, "MESSAGE_REACTION_ADD", intent::guild_message_reactions,
     intent::direct_message_reactions, message, guild_place::guild, mirror_effect::none},
    {event_type::message_reaction_remove, "MESSAGE_REACTION_REMOVE", intent::guild_message_reactions,
     intent::direct_message_reactions, message, guild_place::guild, mirror_effect::none},
    {event_type::message_reaction_remove_all, "MESSAGE_REACTION_REMOVE_ALL", intent::guild_message_reactions,
     intent::direct_message_reactions, message, guild_place::guild, mirror_effect::none},
    {event_type::message_reaction_remove_emoji, "MESSAGE_REACTION_REMOVE_EMOJI",
     intent::guild_message_reactions, intent::direct_message_reactions, message, guild_place::guild,
     mirror_effect::none},
    {event_type::typing_start, "TYPING_START", intent::guild_message_typing, intent::direct_message_typing,
     ephemeral, guild_place::guild, mirror_effect::none},
    {event_type::message_poll_vote_add, "MESSAGE_POLL_VOTE_ADD", intent::guild_message_polls,
     intent::direct_message_polls, message, guild_place::guild, mirror_effect::none},
    {event_type::message_poll_vote_remove, "MESSAGE_POLL_VOTE_REMOVE", intent::guild_message_polls,
     intent::direct_message_polls, message, guild_place::guild, mirror_effect::none},
    {event_type::interaction_create, "INTERACTION_CREATE", 0, 0, message, guild_place::guild,
     mirror_effect::none},
    {event_type::subscription_create, "SUBSCRIPTION_CREATE", 0, 0, message, guild_place::none,
     mirror_effect::none},
    {event_type::subscription_update, "SUBSCRIPTION_UPDATE", 0, 0, message, guild_place::none,
     mirror_effect::none},
    {event_type::subscription_delete, "SUBSCRIPTION_DELETE", 0, 0, message, guild_place::none,
     mirror_effect::none},
    {event_type::user_update, "USER_UPDATE", 0, 0, state, guild_place::none, mirror_effect::mirror},
    {event_type::channel_topic_update, "CHANNEL_TOPIC_UPDATE", intent::guilds, 0, message, guild_place::guild,
     mirror_effect::none},
    {event_type::embedded_activity_update, "EMBEDDED_ACTIVITY_UPDATE", 0, 0, message, guild_place::guild,
     mirror_effect::none},
    {event_type::guild_application_command_counts_update, "GUILD_APPLICATION_COMMAND_COUNTS_UPDATE", 0, 0,
     message, guild_place::guild, mirror_effect::none},
    {event_type::guild_application_command_index_update, "GUILD_APPLICATION_COMMAND_INDEX_UPDATE", 0, 0,
     message, guild_place::guild, mirror_effect::none},
};

constexpr event_info session_started_info{event_type::session_started, "", 0, 0, state, guild_place::none,
                                          mirror_effect::session};
constexpr event_info gap_info{event_type::gap, "", 0, 0, state, guild_place::none, mirror_effect::none};

// Open addressing over twice the power of two that holds the table.
constexpr std::size_t slot_count = 256;

/// Eight bytes of the name from `at` on, the first lowest.
constexpr std::uint64_t word_at(std::string_view name, std::size_t at) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    if !consteval {
      std::uint64_t word = 0;
      std::memcpy(&word, name.data() + at, 8);
      return word;
    }
  }
  std::uint64_t word = 0;
  for (std::size_t i = 8; i > 0; --i) word = (word << 8) | static_cast<unsigned char>(name[at + i - 1]);
  return word;
}

/// Over the first, the middle and the last eight bytes: nearly every event has a slot of its own.
constexpr std::size_t slot_of(std::string_view name) noexcept {
  std::uint64_t h = name.size();
  if (name.size() < 8) {
    for (const char c : name) h = (h << 8) | static_cast<unsigned char>(c);
  } else {
    h += word_at(name, 0) * 0x9e3779b97f4a7c15;
    h ^= std::rotl(word_at(name, name.size() / 2 - 4), 29) * 0xbf58476d1ce4e5b9;
    h += word_at(name, name.size() - 8);
  }
  return static_cast<std::size_t>((h * 0x94d049bb133111eb) >> 56) % slot_count;
}

constexpr auto slots = [] {
  std::array<std::uint8_t, slot_count> out{};
  for (std::size_t i = 1; i < std::size(events); ++i) {
    std::size_t at = slot_of(events[i].name);
    while (out[at] != 0) at = (at + 1) % slot_count;
    out[at] = static_cast<std::uint8_t>(i);
  }
  return out;
}();

constexpr bool rows_match_their_numbers() noexcept {
  for (std::size_t i = 0; i < std::size(events); ++i) {
    if (static_cast<std::size_t>(events[i].type) != i) return false;
  }
  return true;
}
static_assert(rows_match_their_numbers());

}  // namespace

const event_info& info_of(event_type type) noexcept {
  if (type == event_type::session_started) return session_started_info;
  if (type == event_type::gap) return gap_info;
  const auto index = static_cast<std::size_t>(type);
  return index < std::size(events) ? events[index] : events[0];
}

event_type event_type_of(std::string_view name) noexcept {
  for (std::size_t at = slot_of(name); slots[at] != 0; at = (at + 1) % slot_count) {
    if (events[slots[at]].name == name) return events[slots[at]].type;
  }
  return event_type::unknown;
}

}  // namespace evergate::proto
