// What happens to a guild itself and to the lists it owns.
#include <algorithm>

#include "sim/event_mix.h"

namespace evergate::sim {

bool event_mix::guild_update(guild& g) {
  ++g.revision;
  json_writer json = begin("GUILD_UPDATE", g, intent::guilds);
  text(g).guild_fields(json);
  end();
  return true;
}

bool event_mix::guild_join(guild&) {
  if (world_.guilds() > world_.options().guilds + world_.options().guilds / 10 + 1) return false;
  guild& g = world_.join();
  begin("GUILD_CREATE", g, intent::guilds);
  end();
  out_->guild_create = true;
  out_->joined = true;
  return true;
}

bool event_mix::guild_leave(guild& g) {
  if (world_.guilds() < 10 || world_.guilds() * 10 < world_.options().guilds * 9) return false;
  json_writer json = begin("GUILD_DELETE", g, intent::guilds);
  json.id("id", g.id);
  end();
  world_.leave(g.index);
  return true;
}

bool event_mix::guild_outage(guild& g) {
  if (static_cast<double>(outages_.size()) >= std::max(1.0, options_.outage_share_max * world_.guilds()))
    return false;
  json_writer json = begin("GUILD_DELETE", g, intent::guilds);
  json.boolean("unavailable", true);
  json.id("id", g.id);
  end();
  g.available = false;
  outages_.push_back(g.index);
  return true;
}

bool event_mix::guild_return(guild&) {
  if (outages_.empty()) return false;
  guild& g = world_.touch(outages_.front());
  outages_.erase(outages_.begin());
  g.available = true;
  ++g.revision;  // things changed meanwhile of which nobody was told
  begin("GUILD_CREATE", g, intent::guilds);
  end();
  out_->guild_create = true;
  return true;
}

bool event_mix::role_create(guild& g) {
  if (g.roles.size() > 25) return false;
  g.roles.push_back({.id = new_id(), .revision = 0, .position = static_cast<std::int32_t>(g.roles.size())});
  json_writer json = begin("GUILD_ROLE_CREATE", g, intent::guilds);
  text(g).role_object(json.key("role"), g.roles.back());
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::role_update(guild& g) {
  role* r = pick(g.roles);
  ++r->revision;
  json_writer json = begin("GUILD_ROLE_UPDATE", g, intent::guilds);
  text(g).role_object(json.key("role"), *r);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::role_delete(guild& g) {
  if (g.roles.size() < 3) return false;
  const auto at = 1 + random_.below(g.roles.size() - 1);
  const snowflake gone = g.roles[at].id;
  g.roles.erase(g.roles.begin() + static_cast<std::ptrdiff_t>(at));
  for (auto& m : g.members) std::erase(m.roles, gone);
  json_writer json = begin("GUILD_ROLE_DELETE", g, intent::guilds);
  json.id("role_id", gone);
  json.id("guild_id", g.id);
  end();
  return true;
}

void event_mix::change_list(std::vector<expression>& list, std::size_t most) {
  const auto what = random_.below(3);
  if (list.empty() || (what == 0 && list.size() < most)) {
    list.push_back({.id = new_id(), .revision = 0});
  } else if (what == 1) {
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(random_.below(list.size())));
  } else {
    ++pick(list)->revision;
  }
}

bool event_mix::emojis_update(guild& g) {
  change_list(g.emojis, 20);
  json_writer json = begin("GUILD_EMOJIS_UPDATE", g, intent::expressions);
  json.id("guild_id", g.id);
  text(g).emojis(json);
  end();
  return true;
}

bool event_mix::stickers_update(guild& g) {
  change_list(g.stickers, 10);
  json_writer json = begin("GUILD_STICKERS_UPDATE", g, intent::expressions);
  text(g).stickers(json);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::sound_create(guild& g) {
  if (g.sounds.size() > 10) return false;
  g.sounds.push_back({.id = new_id(), .revision = 0});
  json_writer json = begin("GUILD_SOUNDBOARD_SOUND_CREATE", g, intent::expressions);
  text(g).sound_fields(json, g.sounds.back());
  end();
  return true;
}

bool event_mix::sound_update(guild& g) {
  expression* s = pick(g.sounds);
  if (s == nullptr) return false;
  ++s->revision;
  json_writer json = begin("GUILD_SOUNDBOARD_SOUND_UPDATE", g, intent::expressions);
  text(g).sound_fields(json, *s);
  end();
  return true;
}

bool event_mix::sound_delete(guild& g) {
  if (g.sounds.empty()) return false;
  const snowflake gone = g.sounds.back().id;
  g.sounds.pop_back();
  json_writer json = begin("GUILD_SOUNDBOARD_SOUND_DELETE", g, intent::expressions);
  json.id("sound_id", gone);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::sounds_update(guild& g) {
  if (g.sounds.empty()) return false;
  for (auto& s : g.sounds) ++s.revision;
  json_writer json = begin("GUILD_SOUNDBOARD_SOUNDS_UPDATE", g, intent::expressions);
  json.array("soundboard_sounds");
  for (const auto& s : g.sounds) {
    json.begin_object();
    text(g).sound_fields(json, s);
    json.end_object();
  }
  json.end_array();
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::scheduled_create(guild& g) {
  if (g.scheduled_events.size() > 8) return false;
  scheduled_event e{.id = new_id(), .creator = g.owner, .start_ms = now_ms_ + 86'400'000};
  if (random_.chance(0.5)) e.channel = g.afk_channel;
  g.scheduled_events.push_back(e);
  json_writer json = begin("GUILD_SCHEDULED_EVENT_CREATE", g, intent::scheduled_events);
  text(g).scheduled_fields(json, e);
  end();
  return true;
}

bool event_mix::scheduled_update(guild& g) {
  scheduled_event* e = pick(g.scheduled_events);
  if (e == nullptr) return false;
  ++e->revision;
  if (random_.chance(0.4)) e->status = e->status == 2 ? 3 : (random_.chance(0.3) ? 4 : 2);
  json_writer json = begin("GUILD_SCHEDULED_EVENT_UPDATE", g, intent::scheduled_events);
  text(g).scheduled_fields(json, *e);
  end();
  if (e->status >= 3) g.scheduled_events.erase(g.scheduled_events.begin() + (e - g.scheduled_events.data()));
  return true;
}

bool event_mix::scheduled_delete(guild& g) {
  scheduled_event* e = pick(g.scheduled_events);
  if (e == nullptr) return false;
  json_writer json = begin("GUILD_SCHEDULED_EVENT_DELETE", g, intent::scheduled_events);
  text(g).scheduled_fields(json, *e);
  end();
  g.scheduled_events.erase(g.scheduled_events.begin() + (e - g.scheduled_events.data()));
  return true;
}

bool event_mix::scheduled_user(guild& g) {
  scheduled_event* e = pick(g.scheduled_events);
  member* who = pick_member(g);
  const bool add = wanted_ == "GUILD_SCHEDULED_EVENT_USER_ADD";
  if (e == nullptr || who == nullptr || (!add && e->user_count < 1)) return false;
  e->user_count += add ? 1 : -1;
  json_writer json = begin(wanted_, g, intent::scheduled_events);
  json.id("user_id", who->id);
  json.id("guild_scheduled_event_id", e->id);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::stage_create(guild& g) {
  channel* c = pick_channel(g, [&](const channel& x) {
    return x.type == channel_type::stage &&
           std::ranges::none_of(g.stages, [&](const stage_instance& s) { return s.channel == x.id; });
  });
  if (c == nullptr) return false;
  g.stages.push_back({.id = new_id(), .channel = c->id, .revision = 0});
  json_writer json = begin("STAGE_INSTANCE_CREATE", g, intent::guilds);
  text(g).stage_fields(json, g.stages.back());
  end();
  return true;
}

bool event_mix::stage_update(guild& g) {
  stage_instance* s = pick(g.stages);
  if (s == nullptr) return false;
  ++s->revision;
  json_writer json = begin("STAGE_INSTANCE_UPDATE", g, intent::guilds);
  text(g).stage_fields(json, *s);
  end();
  return true;
}

bool event_mix::stage_delete(guild& g) {
  stage_instance* s = pick(g.stages);
  if (s == nullptr) return false;
  json_writer json = begin("STAGE_INSTANCE_DELETE", g, intent::guilds);
  text(g).stage_fields(json, *s);
  end();
  g.stages.erase(g.stages.begin() + (s - g.stages.data()));
  return true;
}

}  // namespace evergate::sim
