#include "guild_model.h"

#include <algorithm>

namespace evergate::journal::test {
namespace {

using enum proto::event_type;

std::string text(std::uint64_t id) {
  return std::to_string(id);
}

json& array(json& doc, const char* key) {
  if (!doc.contains(key)) doc[key] = json::array();
  return doc[key];
}

// The id of an element as a string, "" for none.
std::string id(const json& one, const std::string& place) {
  if (place == "user") return one.contains("user") ? one["user"].value("id", "") : "";
  return one.value(place, "");
}

json* find(json& list, const std::string& place, const std::string& wanted) {
  for (auto& one : list) {
    if (id(one, place) == wanted) return &one;
  }
  return nullptr;
}

void upsert(json& list, const std::string& place, const json& one) {
  if (id(one, place).empty()) return;
  if (auto* const at = find(list, place, id(one, place))) {
    *at = one;
  } else {
    list.push_back(one);
  }
}

void erase(json& list, const std::string& place, const std::string& wanted) {
  json kept = json::array();
  for (auto& one : list) {
    if (id(one, place) != wanted) kept.push_back(one);
  }
  list = kept;
}

json less(json from, std::initializer_list<const char*> keys) {
  for (const auto* const key : keys) from.erase(key);
  return from;
}

json inner_member(const json& member) {
  return less(member, {"id", "user_id", "guild_id", "member", "presence"});
}

json inner_thread(json thread) {
  thread.erase("newly_created");
  if (thread.contains("member") && thread["member"].is_object())
    thread["member"] = inner_member(thread["member"]);
  return thread;
}

void presence(json& doc, const json& d) {
  auto& list = array(doc, "presences");
  if (d.value("status", "") == "offline") {
    erase(list, "user", id(d, "user"));
  } else {
    upsert(list, "user", less(d, {"guild_id"}));
  }
}

void member_update(json& doc, const json& d) {
  auto& list = array(doc, "members");
  auto* const at = find(list, "user", id(d, "user"));
  if (at == nullptr) {
    upsert(list, "user", less(d, {"guild_id"}));
    return;
  }
  const json patch = less(d, {"guild_id"});
  for (const auto& [key, value] : patch.items()) (*at)[key] = value;
}

void add_count(json& doc, int by) {
  if (doc.contains("member_count"))
    doc["member_count"] = std::max<std::int64_t>(0, doc["member_count"].get<std::int64_t>() + by);
}

bool apply_members(json& doc, proto::event_type type, const json& d) {
  switch (type) {
    case guild_member_add:
      if (find(array(doc, "members"), "user", id(d, "user")) == nullptr) add_count(doc, 1);
      upsert(array(doc, "members"), "user", less(d, {"guild_id"}));
      return true;
    case guild_member_update:
      member_update(doc, d);
      return true;
    case guild_member_remove:
      erase(array(doc, "members"), "user", id(d, "user"));
      erase(array(doc, "presences"), "user", id(d, "user"));
      erase(array(doc, "voice_states"), "user_id", id(d, "user"));
      add_count(doc, -1);
      return true;
    case guild_members_chunk:
      for (const auto& one : d["members"]) upsert(array(doc, "members"), "user", one);
      if (d.contains("presences")) {
        for (const auto& one : d["presences"]) presence(doc, one);
      }
      return true;
    case presence_update:
      presence(doc, d);
      return true;
    case voice_state_update:
      if (d["channel_id"].is_null()) {
        erase(array(doc, "voice_states"), "user_id", d["user_id"]);
      } else {
        upsert(array(doc, "voice_states"), "user_id", less(d, {"guild_id", "member"}));
        if (d.contains("member")) member_update(doc, d["member"]);
      }
      return true;
    default:
      return false;
  }
}

bool apply_threads(json& doc, proto::event_type type, const json& d) {
  auto& threads = array(doc, "threads");
  switch (type) {
    case thread_create: {
      upsert(threads, "id", inner_thread(d));
      auto* const parent = find(array(doc, "channels"), "id", d.value("parent_id", ""));
      if (parent != nullptr && (parent->value("type", 0) == 15 || parent->value("type", 0) == 16)) {
        const auto last = parent->contains("last_message_id") && (*parent)["last_message_id"].is_string()
                              ? std::stoull((*parent)["last_message_id"].get<std::string>())
                              : 0;
        if (last < std::stoull(d["id"].get<std::string>())) (*parent)["last_message_id"] = d["id"];
      }
      return true;
    }
    case thread_update: {
      if (d["thread_metadata"].value("archived", false)) {
        erase(threads, "id", d["id"]);
        return true;
      }
      json next = inner_thread(d);
      auto* const at = find(threads, "id", d["id"]);
      if (at != nullptr && at->contains("member") && !d.contains("member")) next["member"] = (*at)["member"];
      upsert(threads, "id", next);
      return true;
    }
    case thread_delete:
      erase(threads, "id", d["id"]);
      return true;
    case thread_list_sync: {
      json kept = json::array();
      for (const auto& one : threads) {
        const bool dropped =
            !d.contains("channel_ids") ||
            std::ranges::find(d["channel_ids"], one.value("parent_id", json())) != d["channel_ids"].end();
        if (!dropped) kept.push_back(one);
      }
      threads = kept;
      for (const auto& one : d["threads"]) upsert(threads, "id", inner_thread(one));
      for (const auto& one : d["members"]) {
        if (auto* const at = find(threads, "id", one.value("id", ""))) (*at)["member"] = inner_member(one);
      }
      return true;
    }
    case thread_member_update:
      if (auto* const at = find(threads, "id", d["id"])) (*at)["member"] = inner_member(d);
      return true;
    case thread_members_update: {
      auto* const at = find(threads, "id", d["id"]);
      if (at == nullptr) return true;
      (*at)["member_count"] = d["member_count"];
      for (const auto& one : d.value("added_members", json::array())) {
        if (one["user_id"] == text(self_id)) (*at)["member"] = inner_member(one);
      }
      for (const auto& one : d.value("removed_member_ids", json::array())) {
        if (one != text(self_id)) continue;
        if (at->value("type", 0) == 12) {
          erase(threads, "id", d["id"]);
          return true;
        }
        at->erase("member");
      }
      return true;
    }
    default:
      return false;
  }
}

bool apply_channels(json& doc, proto::event_type type, const json& d) {
  auto& channels = array(doc, "channels");
  switch (type) {
    case channel_create:
    case channel_update:
      upsert(channels, "id", less(d, {"guild_id"}));
      return true;
    case channel_delete: {
      erase(channels, "id", d["id"]);
      erase(array(doc, "threads"), "parent_id", d["id"]);
      return true;
    }
    case channel_pins_update:
      for (const auto* const key : {"channels", "threads"}) {
        if (auto* const at = find(array(doc, key), "id", d["channel_id"])) {
          (*at)["last_pin_timestamp"] = d.contains("last_pin_timestamp") ? d["last_pin_timestamp"] : json();
        }
      }
      return true;
    default:
      return false;
  }
}

void apply_rest(json& doc, proto::event_type type, const json& d) {
  switch (type) {
    case guild_update:
      for (const auto& [key, value] : d.items()) {
        if (key != "guild_id" && key != "unavailable") doc[key] = value;
      }
      return;
    case guild_role_create:
    case guild_role_update:
      upsert(array(doc, "roles"), "id", d["role"]);
      return;
    case guild_role_delete:
      erase(array(doc, "roles"), "id", d["role_id"]);
      for (auto& member : array(doc, "members")) {
        if (!member.contains("roles")) continue;
        json kept = json::array();
        for (const auto& one : member["roles"]) {
          if (one != d["role_id"]) kept.push_back(one);
        }
        member["roles"] = kept;
      }
      return;
    case guild_emojis_update:
      doc["emojis"] = d["emojis"];
      return;
    case guild_stickers_update:
      doc["stickers"] = d["stickers"];
      return;
    case soundboard_sounds:
      doc["soundboard_sounds"] = d["soundboard_sounds"];
      return;
    case guild_soundboard_sound_create:
    case guild_soundboard_sound_update:
      upsert(array(doc, "soundboard_sounds"), "sound_id", d);
      return;
    case guild_soundboard_sound_delete:
      erase(array(doc, "soundboard_sounds"), "sound_id", d["sound_id"]);
      return;
    case guild_soundboard_sounds_update:
      for (const auto& one : d["soundboard_sounds"]) upsert(array(doc, "soundboard_sounds"), "sound_id", one);
      return;
    case stage_instance_create:
    case stage_instance_update:
      upsert(array(doc, "stage_instances"), "id", d);
      return;
    case stage_instance_delete:
      erase(array(doc, "stage_instances"), "id", d["id"]);
      return;
    case guild_scheduled_event_create:
    case guild_scheduled_event_update:
      if (d["status"] == 3 || d["status"] == 4) {
        erase(array(doc, "guild_scheduled_events"), "id", d["id"]);
      } else {
        upsert(array(doc, "guild_scheduled_events"), "id", d);
      }
      return;
    case guild_scheduled_event_delete:
      erase(array(doc, "guild_scheduled_events"), "id", d["id"]);
      return;
    case guild_scheduled_event_user_add:
    case guild_scheduled_event_user_remove: {
      auto* const at = find(array(doc, "guild_scheduled_events"), "id", d["guild_scheduled_event_id"]);
      if (at == nullptr || !at->contains("user_count")) return;
      const auto by = type == guild_scheduled_event_user_add ? 1 : -1;
      (*at)["user_count"] = std::max<std::int64_t>(0, (*at)["user_count"].get<std::int64_t>() + by);
      return;
    }
    default:
      return;
  }
}

}  // namespace

void guild_model::apply(proto::event_type type, const json& d) {
  if (type == guild_create) {
    if (d.value("unavailable", false)) return;
    doc = d;
    present = true;
    return;
  }
  if (type == guild_delete) {
    if (!d.value("unavailable", false)) present = false;
    return;
  }
  if (!present) return;
  const auto before = doc;
  if (!apply_members(doc, type, d) && !apply_channels(doc, type, d)) {
    const bool threaded = type >= thread_create && type <= thread_members_update;
    if (threaded) {
      apply_threads(doc, type, d);
    } else {
      apply_rest(doc, type, d);
    }
  }
}

void guild_model::count(std::uint64_t channel, std::uint64_t message, int added, int added_total) {
  if (!present) return;
  if (auto* const at = find(array(doc, "channels"), "id", text(channel))) {
    if (message != 0) (*at)["last_message_id"] = text(message);
    return;
  }
  auto* const at = find(array(doc, "threads"), "id", text(channel));
  if (at == nullptr) return;
  if (message != 0) (*at)["last_message_id"] = text(message);
  for (const auto& [key, by] :
       {std::pair{"message_count", added}, std::pair{"total_message_sent", added_total}}) {
    if (at->contains(key)) (*at)[key] = std::max<std::int64_t>(0, (*at)[key].get<std::int64_t>() + by);
  }
}

void guild_model::user(const json& d) {
  if (!present) return;
  auto* const own = find(array(doc, "members"), "user", text(self_id));
  if (own == nullptr) return;
  for (const auto& [key, value] : d.items()) (*own)["user"][key] = value;
}

json guild_model::shown() const {
  json out = doc;
  out["unavailable"] = false;
  // An array that an event only looked at comes out empty or not at all; both say the same.
  for (const auto* const key :
       {"roles", "emojis", "stickers", "channels", "threads", "members", "presences", "voice_states",
        "stage_instances", "guild_scheduled_events", "soundboard_sounds"}) {
    if (out.contains(key) && out[key].empty()) out.erase(key);
  }
  return out;
}

json make_guild(base::rng& random, std::uint64_t guild) {
  json out = {{"id", text(guild)},        {"name", "g\u00e9 \"x\" \\ " + text(random.below(100))},
              {"member_count", 5},        {"x_unknown", {{"deep", json::array({1, 2.5, nullptr, "\u20ac"})}}},
              {"large", false},           {"members", json::array()},
              {"roles", json::array()},   {"channels", json::array()},
              {"threads", json::array()}, {"x_list", json::array({"a"})}};
  out["members"].push_back(
      {{"user", {{"id", text(self_id)}, {"username", "bot"}}}, {"roles", json::array()}, {"nick", nullptr}});
  for (int i = 0; i < 4; ++i) {
    out["members"].push_back({{"user", {{"id", text(100 + random.below(8))}}},
                              {"roles", json::array({"201", text(200 + random.below(4))})}});
    upsert(out["roles"], "id", {{"id", text(200 + random.below(4))}, {"name", "r"}});
    upsert(out["channels"], "id",
           {{"id", text(300 + random.below(5))},
            {"type", random.chance(0.5) ? 0 : 15},
            {"last_message_id", nullptr}});
  }
  json members = json::array();
  for (const auto& one : out["members"]) upsert(members, "user", one);
  out["members"] = members;
  if (random.chance(0.7)) out["voice_states"] = json::array();
  if (random.chance(0.7)) out["emojis"] = json::array({{{"id", "1"}}});
  if (random.chance(0.3)) out["unavailable"] = false;
  return out;
}

namespace {

json make_thread(base::rng& random, std::uint64_t guild) {
  json out = {{"id", text(400 + random.below(5))},
              {"guild_id", text(guild)},
              {"parent_id", text(300 + random.below(5))},
              {"type", random.chance(0.3) ? 12 : 11},
              {"message_count", random.below(10)},
              {"total_message_sent", random.below(10)},
              {"member_count", 1},
              {"thread_metadata", {{"archived", random.chance(0.2)}}}};
  if (random.chance(0.4))
    out["member"] = {{"id", "1"}, {"user_id", text(self_id)}, {"flags", random.below(4)}};
  return out;
}

json thread_member(base::rng& random, std::uint64_t user) {
  return {{"id", text(400 + random.below(5))},
          {"user_id", text(user)},
          {"flags", random.below(9)},
          {"presence", nullptr}};
}

json user(base::rng& random) {
  const auto who = random.chance(0.15) ? self_id : 100 + random.below(8);
  return {{"id", text(who)}, {"username", "u" + text(random.below(50))}};
}

constexpr proto::event_type kinds[] = {channel_create,
                                       channel_update,
                                       channel_delete,
                                       channel_pins_update,
                                       thread_create,
                                       thread_update,
                                       thread_delete,
                                       thread_list_sync,
                                       thread_member_update,
                                       thread_members_update,
                                       guild_update,
                                       guild_emojis_update,
                                       guild_stickers_update,
                                       guild_soundboard_sound_create,
                                       guild_soundboard_sound_update,
                                       guild_soundboard_sound_delete,
                                       guild_soundboard_sounds_update,
                                       soundboard_sounds,
                                       guild_member_add,
                                       guild_member_update,
                                       guild_member_remove,
                                       guild_members_chunk,
                                       guild_role_create,
                                       guild_role_update,
                                       guild_role_delete,
                                       guild_scheduled_event_create,
                                       guild_scheduled_event_update,
                                       guild_scheduled_event_delete,
                                       guild_scheduled_event_user_add,
                                       guild_scheduled_event_user_remove,
                                       stage_instance_create,
                                       stage_instance_update,
                                       stage_instance_delete,
                                       voice_state_update,
                                       presence_update,
                                       user_update,
                                       message_create,
                                       message_delete};

json make_thread_event(base::rng& random, proto::event_type type, std::uint64_t guild) {
  json d = make_thread(random, guild);
  switch (type) {
    case thread_create:
      if (random.chance(0.5)) d["newly_created"] = true;
      return d;
    case thread_list_sync: {
      json out = {{"guild_id", text(guild)},
                  {"threads", json::array()},
                  {"members", json::array({thread_member(random, self_id)})}};
      upsert(out["threads"], "id", d);
      upsert(out["threads"], "id", make_thread(random, guild));
      if (random.chance(0.6))
        out["channel_ids"] = json::array({text(300 + random.below(5)), text(300 + random.below(5))});
      return out;
    }
    case thread_member_update: {
      json out = thread_member(random, self_id);
      out["guild_id"] = text(guild);
      return out;
    }
    case thread_members_update: {
      json out = {{"id", d["id"]}, {"guild_id", text(guild)}, {"member_count", random.below(50)}};
      if (random.chance(0.6))
        out["added_members"] = json::array({thread_member(random, random.chance(0.6) ? self_id : 101)});
      if (random.chance(0.6))
        out["removed_member_ids"] = json::array({text(random.chance(0.6) ? self_id : 101)});
      return out;
    }
    default:
      return d;
  }
}

json make_other(base::rng& random, proto::event_type type, std::uint64_t guild) {
  const auto g = text(guild);
  const json sound = {
      {"sound_id", text(500 + random.below(4))}, {"name", text(random.below(99))}, {"guild_id", g}};
  switch (type) {
    case channel_create:
    case channel_update:
    case channel_delete:
      return {{"id", text(300 + random.below(5))},
              {"guild_id", g},
              {"type", random.chance(0.5) ? 0 : 15},
              {"name", text(random.below(99))}};
    case channel_pins_update: {
      json d = {{"guild_id", g}, {"channel_id", text((random.chance(0.5) ? 300 : 400) + random.below(5))}};
      if (random.chance(0.7)) d["last_pin_timestamp"] = "2026-01-01T00:00:00Z";
      return d;
    }
    case guild_update: {
      json d = {{"id", g}, {"name", "n" + text(random.below(99))}, {"x_new", random.below(9)}};
      if (random.chance(0.3)) d["guild_id"] = g;
      if (random.chance(0.3)) d["roles"] = json::array({{{"id", "201"}, {"name", "whole"}}});
      return d;
    }
    case guild_emojis_update:
      return {{"guild_id", g}, {"emojis", json::array({{{"id", text(random.below(9) + 1)}}})}};
    case guild_stickers_update:
      return {{"guild_id", g}, {"stickers", json::array({{{"id", text(random.below(9) + 1)}}})}};
    case guild_soundboard_sound_create:
    case guild_soundboard_sound_update:
    case guild_soundboard_sound_delete:
      return sound;
    case guild_soundboard_sounds_update:
    case soundboard_sounds:
      return {{"guild_id", g}, {"soundboard_sounds", json::array({sound})}};
    case guild_member_add:
    case guild_member_remove:
    case guild_member_update: {
      json d = {{"guild_id", g}, {"user", user(random)}};
      if (random.chance(0.7)) d["roles"] = json::array({"201", text(200 + random.below(4))});
      if (random.chance(0.5)) d["nick"] = random.chance(0.5) ? json() : json("n\"\\\u00e4");
      return d;
    }
    case guild_members_chunk: {
      json d = {{"guild_id", g},
                {"members", json::array({{{"user", user(random)}, {"roles", json::array({"202"})}}})}};
      if (random.chance(0.5))
        d["presences"] =
            json::array({{{"user", {{"id", "101"}}}, {"status", random.chance(0.5) ? "idle" : "offline"}}});
      return d;
    }
    case guild_role_create:
    case guild_role_update:
      return {{"guild_id", g},
              {"role", {{"id", text(200 + random.below(4))}, {"name", text(random.below(99))}}}};
    case guild_role_delete:
      return {{"guild_id", g}, {"role_id", text(200 + random.below(4))}};
    case guild_scheduled_event_create:
    case guild_scheduled_event_update:
    case guild_scheduled_event_delete:
      return {{"id", text(600 + random.below(3))},
              {"guild_id", g},
              {"status", 1 + random.below(4)},
              {"user_count", random.below(3)}};
    case guild_scheduled_event_user_add:
    case guild_scheduled_event_user_remove:
      return {{"guild_scheduled_event_id", text(600 + random.below(3))}, {"guild_id", g}, {"user_id", "101"}};
    case stage_instance_create:
    case stage_instance_update:
    case stage_instance_delete:
      return {{"id", text(700 + random.below(3))}, {"guild_id", g}, {"topic", text(random.below(99))}};
    case voice_state_update: {
      const auto who = user(random);
      json d = {
          {"guild_id", g}, {"user_id", who["id"]}, {"channel_id", random.chance(0.3) ? json() : json("301")}};
      if (random.chance(0.5)) d["member"] = {{"user", who}, {"roles", json::array()}};
      return d;
    }
    case presence_update:
      return {{"guild_id", g},
              {"user", {{"id", text(100 + random.below(8))}}},
              {"status", random.chance(0.3) ? "offline" : "online"}};
    case user_update:
      return {{"id", text(self_id)}, {"username", "bot" + text(random.below(99))}};
    default:
      return json::object();
  }
}

}  // namespace

random_event make_event(base::rng& random, std::uint64_t guild) {
  random_event out;
  out.type = kinds[random.below(std::size(kinds))];
  if (out.type == message_create || out.type == message_delete) {
    out.counter = true;
    out.channel = (random.chance(0.5) ? 300 : 400) + random.below(5);
    out.message = out.type == message_create ? 1'000 + random.below(1'000'000) : 0;
    out.added = out.type == message_create ? 1 : -1;
    out.d = {{"id", text(out.message)}, {"guild_id", text(guild)}, {"channel_id", text(out.channel)}};
    return out;
  }
  const bool threaded = out.type >= thread_create && out.type <= thread_members_update;
  out.d = threaded ? make_thread_event(random, out.type, guild) : make_other(random, out.type, guild);
  return out;
}

}  // namespace evergate::journal::test
