// Channels and threads as they come, change and go.
#include <algorithm>

#include "sim/event_mix.h"

namespace evergate::sim {
namespace {

constexpr std::size_t channels_max = 30;
constexpr std::size_t threads_max = 30;
constexpr std::size_t archived_max = 4;

}  // namespace

bool event_mix::channel_create(guild& g) {
  if (g.channels.size() >= channels_max) return false;
  static constexpr channel_type choices[] = {channel_type::text, channel_type::text, channel_type::voice,
                                             channel_type::forum, channel_type::category};
  channel c{.id = new_id(), .type = choices[random_.below(5)]};
  if (c.type != channel_type::category) c.parent = random_.chance(0.7) ? g.channels.front().id : 0;
  c.position = static_cast<std::int32_t>(g.channels.size());
  g.channels.push_back(c);
  world_.remember_channel(c.id, g.index);
  json_writer json = begin("CHANNEL_CREATE", g, intent::guilds);
  text(g).channel_fields(json, c);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::channel_update(guild& g) {
  channel* c = pick(g.channels);
  ++c->revision;
  if (c->type == channel_type::text && !c->fixed && random_.chance(0.3)) {
    c->parent = c->parent == 0 ? g.channels.front().id : 0;
  }
  json_writer json = begin("CHANNEL_UPDATE", g, intent::guilds);
  text(g).channel_fields(json, *c);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::channel_delete(guild& g) {
  // Only channels that nothing else points at: for the others Discord sends further events first.
  channel* c = pick_channel(g, [&](const channel& x) {
    const bool parent = std::ranges::any_of(g.channels, [&](const channel& y) { return y.parent == x.id; });
    const bool used =
        std::ranges::any_of(g.voice_states, [&](const voice_state& v) { return v.channel == x.id; }) ||
        std::ranges::any_of(g.stages, [&](const stage_instance& s) { return s.channel == x.id; });
    return !x.fixed && !parent && !used;
  });
  if (c == nullptr) return false;
  json_writer json = begin("CHANNEL_DELETE", g, intent::guilds);
  text(g).channel_fields(json, *c);
  json.id("guild_id", g.id);
  end();
  const snowflake gone = c->id;
  std::erase_if(g.channels, [&](const channel& x) { return x.id == gone; });
  std::erase_if(g.threads, [&](const thread& t) { return t.parent == gone; });
  std::erase_if(g.archived_threads, [&](const thread& t) { return t.parent == gone; });
  world_.forget_channel(gone);
  return true;
}

bool event_mix::thread_create(guild& g) {
  member* owner = pick_member(g);
  if (g.threads.size() >= threads_max || owner == nullptr) return false;
  // Now and then an archived thread comes back, which Discord tells as a creation that is not new.
  const auto back = std::ranges::find_if(g.archived_threads, [&](const thread& t) {
    const channel* parent = g.find_channel(t.parent);
    return parent != nullptr && parent->type == channel_type::text;
  });
  if (back != g.archived_threads.end() && random_.chance(0.4)) {
    thread t = *back;
    g.archived_threads.erase(back);
    t.archive_changed_ms = now_ms_;
    g.threads.push_back(t);
    json_writer json = begin("THREAD_CREATE", g, intent::guilds);
    text(g).thread_fields(json, t);
    if (t.joined) text(g).own_thread_member(json.key("member"), t, true);
    end();
    return true;
  }
  channel* parent = pick_channel(
      g, [](const channel& c) { return c.type == channel_type::text || c.type == channel_type::forum; });
  if (parent == nullptr) return false;
  thread t{.id = new_id(), .parent = parent->id, .owner = owner->id};
  if (parent->type == channel_type::forum) {
    parent->last_message = t.id;
  } else if (random_.chance(0.25)) {
    t.type = channel_type::private_thread;
  }
  t.archive_changed_ms = now_ms_;
  t.joined = t.type == channel_type::private_thread || random_.chance(0.3);
  t.joined_ms = t.joined ? now_ms_ : 0;
  g.threads.push_back(t);
  world_.remember_channel(t.id, g.index);
  json_writer json = begin("THREAD_CREATE", g, intent::guilds);
  text(g).thread_fields(json, t);
  json.boolean("newly_created", true);
  if (t.joined) text(g).own_thread_member(json.key("member"), t, true);
  end();
  return true;
}

bool event_mix::thread_update(guild& g) {
  thread* t = pick(g.threads);
  if (t == nullptr) return false;
  ++t->revision;
  json_writer json = begin("THREAD_UPDATE", g, intent::guilds);
  text(g).thread_fields(json, *t);
  end();
  return true;
}

void event_mix::archive(guild& g, const thread& t) {
  thread kept = t;
  if (kept.type != channel_type::private_thread) kept.joined = false;
  g.archived_threads.push_back(kept);
  if (g.archived_threads.size() <= archived_max) return;
  world_.forget_channel(g.archived_threads.front().id);
  g.archived_threads.erase(g.archived_threads.begin());
}

bool event_mix::thread_archive(guild& g) {
  thread* t = pick(g.threads);
  if (t == nullptr) return false;
  t->archive_changed_ms = now_ms_;
  json_writer json = begin("THREAD_UPDATE", g, intent::guilds);
  text(g).thread_fields(json, *t, true);
  end();
  archive(g, *t);
  g.threads.erase(g.threads.begin() + (t - g.threads.data()));
  return true;
}

bool event_mix::thread_delete(guild& g) {
  thread* t = pick(g.threads);
  if (t == nullptr) return false;
  json_writer json = begin("THREAD_DELETE", g, intent::guilds);
  json.number("type", static_cast<int>(t->type));
  json.id("parent_id", t->parent);
  json.id("id", t->id);
  json.id("guild_id", g.id);
  end();
  world_.forget_channel(t->id);
  g.threads.erase(g.threads.begin() + (t - g.threads.data()));
  return true;
}

void event_mix::list_threads(json_writer& json, const guild& g, snowflake parent) {
  const auto within = [&](const thread& t) { return parent == 0 || t.parent == parent; };
  json.array("threads");
  for (const auto& t : g.threads) {
    if (!within(t)) continue;
    json.begin_object();
    text(g).thread_fields(json, t);
    json.end_object();
  }
  json.end_array();
  json.array("members");
  for (const auto& t : g.threads) {
    if (within(t) && t.joined) text(g).own_thread_member(json, t, true);
  }
  json.end_array();
}

bool event_mix::thread_list_sync(guild& g) {
  channel* c = pick_channel(g, [](const channel& x) { return x.type == channel_type::text; });
  if (c == nullptr) return false;
  const snowflake parent = random_.chance(0.25) ? 0 : c->id;
  // The bot's view of the channel has changed: one thread is back, or one is gone without a word.
  const auto within = [&](const thread& t) { return parent == 0 || t.parent == parent; };
  const auto back = std::ranges::find_if(g.archived_threads, within);
  const auto gone = std::ranges::find_if(g.threads, within);
  if (back != g.archived_threads.end() && random_.chance(0.5)) {
    g.threads.push_back(*back);
    g.archived_threads.erase(back);
  } else if (gone != g.threads.end() && random_.chance(0.5)) {
    archive(g, *gone);
    g.threads.erase(gone);
  }
  json_writer json = begin("THREAD_LIST_SYNC", g, intent::guilds);
  json.id("guild_id", g.id);
  if (parent != 0) {
    json.array("channel_ids");
    json.id(parent);
    json.end_array();
  }
  list_threads(json, g, parent);
  end();
  return true;
}

bool event_mix::thread_member_update(guild& g) {
  const auto at = std::ranges::find(g.threads, true, &thread::joined);
  if (at == g.threads.end()) return false;
  at->join_flags ^= 1;
  json_writer json = begin("THREAD_MEMBER_UPDATE", g, intent::guilds);
  json.id("user_id", world_.bot().id);
  json.time("join_timestamp", at->joined_ms);
  json.id("id", at->id);
  json.id("guild_id", g.id);
  json.number("flags", at->join_flags);
  end();
  return true;
}

bool event_mix::thread_members_update(guild& g) {
  thread* t = pick(g.threads);
  member* who = pick_member(g);
  if (t == nullptr || who == nullptr) return false;
  const bool self = random_.chance(0.4);
  const bool added = self ? !t->joined : t->member_count < 2 || random_.chance(0.6);
  t->member_count += added ? 1 : -1;
  t->member_count = std::max(t->member_count, 0);
  if (self) {
    t->joined = added;
    t->joined_ms = added ? now_ms_ : 0;
  }
  json_writer json =
      begin("THREAD_MEMBERS_UPDATE", g, self ? intent::guilds | intent::members : intent::members);
  const snowflake user = self ? world_.bot().id : who->id;
  if (added) {
    json.array("added_members");
    json.begin_object();
    json.id("user_id", user);
    json.id("id", t->id);
    json.null("presence");
    json.object("member");
    text(g).member_fields(json, self ? g.members.front() : *who);
    json.end_object();
    json.time("join_timestamp", now_ms_);
    json.number("flags", self ? t->join_flags : 0);
    json.end_object();
    json.end_array();
  } else {
    json.array("removed_member_ids");
    json.id(user);
    json.end_array();
  }
  json.number("member_count", t->member_count);
  json.id("id", t->id);
  json.id("guild_id", g.id);
  end();
  if (self && !added && t->type == channel_type::private_thread) {
    world_.forget_channel(t->id);
    g.threads.erase(g.threads.begin() + (t - g.threads.data()));
  }
  return true;
}

}  // namespace evergate::sim
