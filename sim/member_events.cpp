// Members, their presences and voices, and the bot's own account.
#include <algorithm>

#include "sim/event_mix.h"

namespace evergate::sim {

bool event_mix::member_add(guild& g) {
  if (g.members.size() > world_.options().members * 10UL + 20) return false;
  member m{.id = new_id(), .bot = random_.chance(0.02), .joined_ms = now_ms_};
  g.members.push_back(m);
  ++g.member_count;
  json_writer json = begin("GUILD_MEMBER_ADD", g, intent::members);
  text(g).member_fields(json, g.members.back());
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::member_update(guild& g) {
  const bool self = random_.chance(0.05);
  member* m = self ? &g.members.front() : pick_member(g);
  if (m == nullptr) return false;
  ++m->revision;
  if (random_.chance(0.3)) ++m->user_revision;
  if (g.roles.size() > 1 && random_.chance(0.6)) {
    const snowflake r = g.roles[1 + random_.below(g.roles.size() - 1)].id;
    if (std::erase(m->roles, r) == 0) m->roles.push_back(r);
  }
  json_writer json = begin("GUILD_MEMBER_UPDATE", g, self ? 0 : intent::members);
  json.id("guild_id", g.id);
  text(g).member_fields(json, *m);
  end();
  return true;
}

bool event_mix::member_remove(guild& g) {
  member* m = pick_member(g);
  if (m == nullptr || g.members.size() < 4 || m->id == g.owner) return false;
  const snowflake gone = m->id;
  json_writer json = begin("GUILD_MEMBER_REMOVE", g, intent::members);
  write_user(json.key("user"), gone, m->user_revision, m->bot);
  json.id("guild_id", g.id);
  end();
  std::erase_if(g.members, [&](const member& x) { return x.id == gone; });
  std::erase_if(g.voice_states, [&](const voice_state& v) { return v.user == gone; });
  --g.member_count;
  return true;
}

bool event_mix::presence_update(guild& g) {
  member* m = pick_member(g);
  if (m == nullptr) return false;
  ++m->presence_revision;
  if (random_.chance(0.5)) m->status = static_cast<presence_status>(random_.below(4));
  json_writer json = begin("PRESENCE_UPDATE", g, intent::presences);
  text(g).presence_fields(json, *m);
  json.id("guild_id", g.id);
  end();
  return true;
}

void event_mix::write_voice(const guild& g, const voice_state& v) {
  json_writer json = begin("VOICE_STATE_UPDATE", g, intent::voice_states);
  if (const member* m = g.find_member(v.user)) {
    json.object("member");
    text(g).member_fields(json, *m);
    json.end_object();
  }
  text(g).voice_fields(json, v);
  json.id("guild_id", g.id);
  end();
}

bool event_mix::voice_update(guild& g) {
  member* m = pick_member(g);
  channel* c = pick_channel(g, [](const channel& x) { return x.holds_voice(); });
  if (m == nullptr || c == nullptr) return false;
  voice_state* v = g.find_voice(m->id);
  if (v == nullptr) {
    if (g.voice_states.size() > 20) return false;
    voice_state fresh;
    fresh.user = m->id;
    g.voice_states.push_back(std::move(fresh));
    v = &g.voice_states.back();
    v->channel = c->id;
    v->revision = static_cast<std::uint32_t>(random_.below(1000));
  } else {
    ++v->revision;
    const auto what = random_.below(4);
    if (what == 0) v->channel = c->id;
    if (what == 1) v->channel = 0;
  }
  const voice_state now = *v;
  write_voice(g, now);
  if (now.channel == 0)
    std::erase_if(g.voice_states, [&](const voice_state& x) { return x.user == now.user; });
  return true;
}

void event_mix::own_voice(guild& g, snowflake channel_id, bool mute, bool deaf, std::string_view session,
                          std::int64_t now_ms, event& out) {
  now_ms_ = now_ms;
  out_ = &out;
  voice_state v;
  v.user = world_.bot().id;
  v.channel = channel_id;
  v.self_mute = mute;
  v.self_deaf = deaf;
  v.session = session;
  std::erase_if(g.voice_states, [&](const voice_state& x) { return x.user == v.user; });
  if (channel_id != 0) g.voice_states.push_back(v);
  write_voice(g, v);
}

bool event_mix::ban(guild& g) {
  member* m = pick_member(g);
  if (m == nullptr) return false;
  json_writer json = begin(wanted_, g, intent::moderation);
  write_user(json.key("user"), m->id ^ 0xffff, 0, false);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::user_update(guild&) {
  ++world_.bot().revision;
  json_writer json = begin("USER_UPDATE", 0, 0, 0);
  std::string user;
  json_writer inner(user);
  write_own_user(inner, world_.bot());
  json.raw(std::string_view(user).substr(1, user.size() - 2));
  end();
  return true;
}

}  // namespace evergate::sim
