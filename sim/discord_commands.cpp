// What a session may ask for: presence, voice, members, sounds, channel information.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "sim/connection.h"
#include "sim/discord.h"

namespace evergate::sim {
namespace {

constexpr std::size_t chunk_members_max = 1000;
constexpr std::size_t query_members_max = 100;
constexpr std::size_t nonce_bytes_max = 32;
constexpr std::int64_t whole_list_every_ms = 30'000;
constexpr std::int64_t presence_window_ms = 20'000;
constexpr std::size_t presences_max = 5;

snowflake snowflake_of(const nlohmann::json& value) {
  if (value.is_array()) return value.size() == 1 ? snowflake_of(value[0]) : 0;  // eris wraps it
  if (value.is_number_unsigned()) return value.get<snowflake>();
  if (!value.is_string()) return 0;
  const auto& text = value.get_ref<const std::string&>();
  snowflake id = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
  return failure == std::errc{} && end == text.data() + text.size() ? id : 0;
}

const nlohmann::json& member_of(const nlohmann::json& d, const char* key) {
  static const nlohmann::json none;
  const auto at = d.find(key);
  return at == d.end() ? none : *at;
}

}  // namespace

guild* discord::own_guild(connection& c, const nlohmann::json& id) {
  const snowflake wanted = snowflake_of(id);
  if (wanted == 0) return bad_payload(c, "a command needs a guild's id"), nullptr;
  const auto index = world_.index_of(wanted);
  if (!index || !world_.touch(*index).available) {
    breach(c, "unknown_guild", "a command for guild " + std::to_string(wanted) + ", which is not there",
           true);
    return nullptr;
  }
  if ((wanted >> 22) % c.owner->count != c.owner->shard) {
    breach(c, "foreign_shard",
           "a command for guild " + std::to_string(wanted) + ", which is another shard's");
    return nullptr;
  }
  return &world_.touch(*index);
}

void discord::presence(connection& c, const nlohmann::json& d, std::int64_t now_ms) {
  while (!c.presences_ms.empty() && c.presences_ms.front() <= now_ms - presence_window_ms)
    c.presences_ms.pop_front();
  c.presences_ms.push_back(now_ms);
  if (c.presences_ms.size() > presences_max) breach(c, "presence_rate", "more than 5 presences in 20 s");
  static const std::array<nlohmann::json, 5> statuses{"online", "dnd", "idle", "invisible", "offline"};
  const auto& since = member_of(d, "since");
  if (std::ranges::find(statuses, member_of(d, "status")) == statuses.end() ||
      !member_of(d, "activities").is_array() || !(since.is_null() || since.is_number())) {
    return bad_payload(c, "op 3 needs a status that exists, activities, and since as a number or null");
  }
  c.owner->status = member_of(d, "status").get<std::string>();
}

void discord::voice(connection& c, const nlohmann::json& d, std::int64_t now_ms) {
  guild* g = own_guild(c, member_of(d, "guild_id"));
  if (g == nullptr) return;
  const auto& wanted = member_of(d, "channel_id");
  const snowflake channel_id = wanted.is_null() ? 0 : snowflake_of(wanted);
  const channel* where = channel_id == 0 ? nullptr : g->find_channel(channel_id);
  if (!wanted.is_null() && (where == nullptr || !where->holds_voice())) return;  // Discord says nothing
  const bool was_in = g->find_voice(options_.world.bot) != nullptr;
  if (channel_id == 0 && !was_in) return;
  session& s = *c.owner;
  const bool mute = member_of(d, "self_mute") == true;
  const bool deaf = member_of(d, "self_deaf") == true;
  mix_.own_voice(*g, channel_id, mute, deaf, s.id, now_ms, event_);
  std::erase(s.voice_guilds, g->index);
  if (channel_id != 0) s.voice_guilds.push_back(g->index);
  spread(event_);
  if (channel_id == 0) return;
  const std::uint64_t serial = mix_.next_serial();
  std::string out;
  json_writer json(out);
  json.begin_object();
  json.number("_serial", static_cast<std::int64_t>(serial));
  json.text("token", "voice" + std::to_string(serial));
  json.id("guild_id", g->id);
  json.text("endpoint", "voice.sim.invalid:443");
  json.end_object();
  reply(s, "VOICE_SERVER_UPDATE", g->id, std::move(out), serial);
}

void discord::send_chunks(session& s, const guild& g, const std::vector<const member*>& found,
                          std::string_view nonce, const std::vector<std::string>& missing, bool presences) {
  const std::size_t chunks =
      std::max<std::size_t>((found.size() + chunk_members_max - 1) / chunk_members_max, 1);
  const guild_text text(g, world_.bot());
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    const std::size_t first = chunk * chunk_members_max;
    const std::size_t last = std::min(first + chunk_members_max, found.size());
    const std::uint64_t serial = mix_.next_serial();
    std::string out;
    json_writer json(out);
    json.begin_object();
    json.number("_serial", static_cast<std::int64_t>(serial));
    if (presences) {
      json.array("presences");
      for (std::size_t i = first; i < last; ++i) {
        if (found[i]->status == presence_status::offline) continue;
        json.begin_object();
        text.presence_fields(json, *found[i]);
        json.end_object();
      }
      json.end_array();
    }
    if (!missing.empty() && chunk == 0) {
      json.array("not_found");
      for (const auto& id : missing) json.text(id);
      json.end_array();
    }
    if (!nonce.empty()) json.text("nonce", nonce);
    json.array("members");
    for (std::size_t i = first; i < last; ++i) {
      json.begin_object();
      text.member_fields(json, *found[i]);
      json.end_object();
    }
    json.end_array();
    json.id("guild_id", g.id);
    json.number("chunk_index", static_cast<std::int64_t>(chunk));
    json.number("chunk_count", static_cast<std::int64_t>(chunks));
    json.end_object();
    reply(s, "GUILD_MEMBERS_CHUNK", g.id, std::move(out), serial);
  }
}

void discord::send_whole_list(connection& c, const guild& g, const std::string& nonce, bool presences,
                              std::int64_t now_ms) {
  session& s = *c.owner;
  if ((s.view.intents & intent::members) == 0) {
    return breach(c, "members_without_intent", "the whole list needs GUILD_MEMBERS");
  }
  const auto before = whole_lists_ms_.find(g.id);
  if (before == whole_lists_ms_.end() || now_ms - before->second >= whole_list_every_ms) {
    whole_lists_ms_[g.id] = now_ms;
    std::vector<const member*> everybody;
    for (const auto& m : g.members) everybody.push_back(&m);
    return send_chunks(s, g, everybody, nonce, {}, presences);
  }
  breach(c, "whole_list_rate", "a guild's whole list twice within 30 s");
  const std::uint64_t serial = mix_.next_serial();
  std::string out;
  json_writer json(out);
  json.begin_object();
  json.number("_serial", static_cast<std::int64_t>(serial));
  json.number("opcode", 8);
  json.number("retry_after", (before->second + whole_list_every_ms - now_ms + 999) / 1000);
  json.object("meta");
  json.id("guild_id", g.id);
  if (!nonce.empty()) json.text("nonce", nonce);
  json.end_object();
  json.end_object();
  reply(s, "RATE_LIMITED", g.id, std::move(out), serial);
}

void discord::request_members(connection& c, const nlohmann::json& d, std::int64_t now_ms) {
  guild* g = own_guild(c, member_of(d, "guild_id"));
  if (g == nullptr) return;
  session& s = *c.owner;
  const auto& given = member_of(d, "nonce");
  std::string nonce = given.is_string() ? given.get<std::string>() : std::string();
  if (nonce.size() > nonce_bytes_max) {
    breach(c, "nonce_too_long", "a nonce of " + std::to_string(nonce.size()) + " bytes; 32 are allowed");
    nonce.clear();
  }
  const bool presences = member_of(d, "presences") == true && (s.view.intents & intent::presences) != 0;
  const auto& ids = member_of(d, "user_ids");
  const auto& query = member_of(d, "query");
  std::vector<const member*> found;
  std::vector<std::string> missing;
  if (!ids.is_null()) {
    const auto look_up = [&](const nlohmann::json& id) {
      const snowflake user = snowflake_of(id);
      if (const member* m = g->find_member(user)) {
        found.push_back(m);
      } else {
        missing.push_back(std::to_string(user));
      }
    };
    if (ids.is_array() && ids.size() > query_members_max)
      breach(c, "too_many_members", "more than 100 user_ids");
    if (ids.is_array()) {
      for (std::size_t i = 0; i < std::min(ids.size(), query_members_max); ++i) look_up(ids[i]);
    } else {
      look_up(ids);
    }
    return send_chunks(s, *g, found, nonce, missing, presences);
  }
  if (!query.is_string()) {
    return bad_payload(c, "op 8 needs query or user_ids");
  }
  const auto& limit = member_of(d, "limit");
  const std::uint64_t most = limit.is_number_unsigned() ? limit.get<std::uint64_t>() : 0;
  const auto& prefix = query.get_ref<const std::string&>();
  if (prefix.empty() && most == 0) return send_whole_list(c, *g, nonce, presences, now_ms);
  const std::size_t allowed = std::min<std::size_t>(most == 0 ? query_members_max : most, query_members_max);
  for (const auto& m : g->members) {
    if (found.size() < allowed && user_name(m.id, m.user_revision).starts_with(prefix)) found.push_back(&m);
  }
  send_chunks(s, *g, found, nonce, missing, presences);
}

void discord::request_sounds(connection& c, const nlohmann::json& d) {
  const auto& ids = member_of(d, "guild_ids");
  if (!ids.is_array()) {
    return bad_payload(c, "op 31 needs guild_ids");
  }
  for (const auto& id : ids) {
    if (c.closing) return;
    const guild* g = own_guild(c, id);
    if (g == nullptr) continue;
    const std::uint64_t serial = mix_.next_serial();
    std::string out;
    json_writer json(out);
    json.begin_object();
    json.number("_serial", static_cast<std::int64_t>(serial));
    json.array("soundboard_sounds");
    for (const auto& sound : g->sounds) {
      json.begin_object();
      guild_text(*g, world_.bot()).sound_fields(json, sound);
      json.end_object();
    }
    json.end_array();
    json.id("guild_id", g->id);
    json.end_object();
    reply(*c.owner, "SOUNDBOARD_SOUNDS", g->id, std::move(out), serial);
  }
}

void discord::request_channel_info(connection& c, const nlohmann::json& d) {
  const guild* g = own_guild(c, member_of(d, "guild_id"));
  if (g == nullptr) return;
  const auto& fields = member_of(d, "fields");
  const auto asked = [&](const char* name) {
    return fields.is_array() && std::ranges::find(fields, nlohmann::json(name)) != fields.end();
  };
  const std::uint64_t serial = mix_.next_serial();
  std::string out;
  json_writer json(out);
  json.begin_object();
  json.number("_serial", static_cast<std::int64_t>(serial));
  json.id("guild_id", g->id);
  json.array("channels");
  for (const auto& ch : g->channels) {
    if (!ch.holds_voice()) continue;
    json.begin_object();
    json.id("id", ch.id);
    if (asked("status")) {
      ch.status_revision == 0 ? json.null("status")
                              : json.text("status", word_pair(mix(ch.id, ch.status_revision)));
    }
    if (asked("voice_start_time")) json.null("voice_start_time");
    json.end_object();
  }
  json.end_array();
  json.end_object();
  reply(*c.owner, "CHANNEL_INFO", g->id, std::move(out), serial);
}

}  // namespace evergate::sim
