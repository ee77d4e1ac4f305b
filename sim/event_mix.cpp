#include "sim/event_mix.h"

#include <algorithm>

namespace evergate::sim {

namespace {
using m = event_mix;
}

const event_mix::kind event_mix::table_[] = {
    {"MESSAGE_CREATE", 3000, &m::message_create},
    {"MESSAGE_UPDATE", 400, &m::message_update},
    {"MESSAGE_DELETE", 200, &m::message_delete},
    {"MESSAGE_DELETE_BULK", 15, &m::message_delete_bulk},
    {"DIRECT_MESSAGE", 60, &m::direct_message},
    {"DIRECT_MESSAGE_DELETE", 4, &m::direct_other},
    {"DIRECT_PINS", 2, &m::direct_other},
    {"DIRECT_REACTION", 12, &m::direct_other},
    {"DIRECT_REACTION_REMOVE", 3, &m::direct_other},
    {"DIRECT_TYPING", 30, &m::direct_other},
    {"DIRECT_POLL_VOTE", 1, &m::direct_other},
    {"MESSAGE_REACTION_ADD", 600, &m::reaction},
    {"MESSAGE_REACTION_REMOVE", 120, &m::reaction},
    {"MESSAGE_REACTION_REMOVE_ALL", 10, &m::reaction_remove_all},
    {"MESSAGE_REACTION_REMOVE_EMOJI", 10, &m::reaction_remove_emoji},
    {"TYPING_START", 1500, &m::typing},
    {"PRESENCE_UPDATE", 2500, &m::presence_update},
    {"VOICE_STATE_UPDATE", 500, &m::voice_update},
    {"MESSAGE_POLL_VOTE_ADD", 20, &m::poll_vote},
    {"MESSAGE_POLL_VOTE_REMOVE", 10, &m::poll_vote},
    {"CHANNEL_PINS_UPDATE", 25, &m::channel_pins},
    {"CHANNEL_CREATE", 25, &m::channel_create},
    {"CHANNEL_UPDATE", 60, &m::channel_update},
    {"CHANNEL_DELETE", 25, &m::channel_delete},
    {"THREAD_CREATE", 40, &m::thread_create},
    {"THREAD_UPDATE", 30, &m::thread_update},
    {"THREAD_ARCHIVE", 25, &m::thread_archive},
    {"THREAD_DELETE", 15, &m::thread_delete},
    {"THREAD_LIST_SYNC", 15, &m::thread_list_sync},
    {"THREAD_MEMBER_UPDATE", 20, &m::thread_member_update},
    {"THREAD_MEMBERS_UPDATE", 40, &m::thread_members_update},
    {"GUILD_UPDATE", 25, &m::guild_update},
    {"GUILD_CREATE", 4, &m::guild_join},
    {"GUILD_DELETE", 4, &m::guild_leave},
    {"GUILD_OUTAGE", 4, &m::guild_outage},
    {"GUILD_RETURN", 8, &m::guild_return},
    {"GUILD_ROLE_CREATE", 20, &m::role_create},
    {"GUILD_ROLE_UPDATE", 40, &m::role_update},
    {"GUILD_ROLE_DELETE", 20, &m::role_delete},
    {"GUILD_EMOJIS_UPDATE", 20, &m::emojis_update},
    {"GUILD_STICKERS_UPDATE", 15, &m::stickers_update},
    {"GUILD_SOUNDBOARD_SOUND_CREATE", 15, &m::sound_create},
    {"GUILD_SOUNDBOARD_SOUND_UPDATE", 15, &m::sound_update},
    {"GUILD_SOUNDBOARD_SOUND_DELETE", 12, &m::sound_delete},
    {"GUILD_SOUNDBOARD_SOUNDS_UPDATE", 8, &m::sounds_update},
    {"GUILD_SCHEDULED_EVENT_CREATE", 20, &m::scheduled_create},
    {"GUILD_SCHEDULED_EVENT_UPDATE", 30, &m::scheduled_update},
    {"GUILD_SCHEDULED_EVENT_DELETE", 8, &m::scheduled_delete},
    {"GUILD_SCHEDULED_EVENT_USER_ADD", 30, &m::scheduled_user},
    {"GUILD_SCHEDULED_EVENT_USER_REMOVE", 15, &m::scheduled_user},
    {"STAGE_INSTANCE_CREATE", 15, &m::stage_create},
    {"STAGE_INSTANCE_UPDATE", 15, &m::stage_update},
    {"STAGE_INSTANCE_DELETE", 15, &m::stage_delete},
    {"GUILD_MEMBER_ADD", 120, &m::member_add},
    {"GUILD_MEMBER_UPDATE", 250, &m::member_update},
    {"GUILD_MEMBER_REMOVE", 110, &m::member_remove},
    {"GUILD_BAN_ADD", 10, &m::ban},
    {"GUILD_BAN_REMOVE", 8, &m::ban},
    {"USER_UPDATE", 1, &m::user_update},
    {"INTERACTION_CREATE", 150, &m::interaction},
    {"DIRECT_INTERACTION", 5, &m::direct_interaction},
    {"AUTO_MODERATION_RULE_CREATE", 4, &m::automod_rule},
    {"AUTO_MODERATION_RULE_UPDATE", 4, &m::automod_rule},
    {"AUTO_MODERATION_RULE_DELETE", 4, &m::automod_rule},
    {"AUTO_MODERATION_ACTION_EXECUTION", 15, &m::automod_execution},
    {"GUILD_AUDIT_LOG_ENTRY_CREATE", 60, &m::audit_log},
    {"INVITE_CREATE", 10, &m::invite},
    {"INVITE_DELETE", 8, &m::invite},
    {"GUILD_INTEGRATIONS_UPDATE", 4, &m::integration},
    {"INTEGRATION_CREATE", 4, &m::integration},
    {"INTEGRATION_UPDATE", 4, &m::integration},
    {"INTEGRATION_DELETE", 4, &m::integration},
    {"WEBHOOKS_UPDATE", 10, &m::webhooks},
    {"APPLICATION_COMMAND_PERMISSIONS_UPDATE", 4, &m::command_permissions},
    {"ENTITLEMENT_CREATE", 3, &m::entitlement},
    {"ENTITLEMENT_UPDATE", 3, &m::entitlement},
    {"ENTITLEMENT_DELETE", 2, &m::entitlement},
    {"SUBSCRIPTION_CREATE", 2, &m::subscription},
    {"SUBSCRIPTION_UPDATE", 2, &m::subscription},
    {"SUBSCRIPTION_DELETE", 2, &m::subscription},
    {"VOICE_CHANNEL_STATUS_UPDATE", 8, &m::voice_channel_status},
    {"VOICE_CHANNEL_START_TIME_UPDATE", 8, &m::voice_channel_status},
    {"VOICE_CHANNEL_EFFECT_SEND", 15, &m::voice_channel_effect},
    {"GUILD_JOIN_REQUEST_CREATE", 3, &m::join_request},
    {"GUILD_JOIN_REQUEST_UPDATE", 3, &m::join_request},
    {"GUILD_JOIN_REQUEST_DELETE", 3, &m::join_request},
    {"CHANNEL_TOPIC_UPDATE", 5, &m::undocumented},
    {"GUILD_APPLICATION_COMMAND_INDEX_UPDATE", 5, &m::undocumented},
    {"EMBEDDED_ACTIVITY_UPDATE_V2", 5, &m::undocumented},
};

std::span<const event_mix::kind> event_mix::kinds() {
  return table_;
}

event_mix::event_mix(world& w, const mix_options& options, std::uint64_t seed)
    : world_(w), options_(options), random_(mix(seed, 0x6d6978)) {
  for (const auto& k : kinds()) weight_total_ += k.weight;
}

std::vector<std::string_view> event_mix::types() {
  std::vector<std::string_view> out;
  for (const auto& k : kinds()) out.push_back(k.name);
  return out;
}

guild* event_mix::any_guild() {
  for (int tries = 0; tries < 64; ++tries) {
    // The square makes low slots busier, as some guilds are.
    const double u = random_.unit();
    const auto index = static_cast<std::uint32_t>(u * u * world_.slots());
    if (world_.id_at(index) == 0) continue;
    guild& g = world_.touch(index);
    if (g.available) return &g;
  }
  for (std::uint32_t index = 0; index < world_.slots(); ++index) {
    if (world_.id_at(index) != 0 && world_.touch(index).available) return &world_.touch(index);
  }
  return nullptr;
}

bool event_mix::attempt(const kind& what, guild& g, event& out) {
  out_ = &out;
  wanted_ = what.name;
  const std::uint64_t before = serial_;
  if ((this->*what.make)(g)) return true;
  serial_ = before;
  return false;
}

json_writer event_mix::begin(std::string_view type, snowflake guild_id, std::uint32_t index,
                             intent_bits intents) {
  event& e = *out_;
  e.type = type;
  e.serial = ++serial_;
  e.guild = guild_id;
  e.index = index;
  e.intents = intents;
  e.guild_create = false;
  e.joined = false;
  e.d.clear();
  e.d_stripped.clear();
  json_writer json(e.d);
  json.begin_object();
  json.number("_serial", static_cast<std::int64_t>(e.serial));
  return json;
}

void event_mix::next(std::int64_t now_ms, event& out) {
  now_ms_ = now_ms;
  for (;;) {
    auto at = random_.below(weight_total_);
    const kind* chosen = nullptr;
    for (const auto& k : kinds()) {
      if (at < k.weight) {
        chosen = &k;
        break;
      }
      at -= k.weight;
    }
    guild* g = any_guild();
    if (g == nullptr) {
      if (end_outage(now_ms, out)) return;
      continue;
    }
    if (attempt(*chosen, *g, out)) return;
  }
}

bool event_mix::make(std::string_view type, std::int64_t now_ms, event& out) {
  now_ms_ = now_ms;
  const auto at = std::ranges::find(kinds(), type, &kind::name);
  if (at == kinds().end()) return false;
  for (int tries = 0; tries < 2000; ++tries) {
    guild* g = any_guild();
    if (g != nullptr && attempt(*at, *g, out)) return true;
  }
  return false;
}

bool event_mix::end_outage(std::int64_t now_ms, event& out) {
  now_ms_ = now_ms;
  if (outages_.empty()) return false;
  out_ = &out;
  return guild_return(world_.touch(outages_.front()));
}

}  // namespace evergate::sim
