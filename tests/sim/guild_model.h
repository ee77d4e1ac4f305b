// A mirror of guilds as a careful client would keep it, written against Discord's documentation and not
// against the simulator: what it holds after any events must be what the simulator says is true.
#pragma once

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace evergate::sim {

class guild_model {
 public:
  using json = nlohmann::json;

  void apply(const std::string& type, const json& d);
  /// GUILD_CREATE.
  void create(json d);
  std::map<std::string, json> guilds;

 private:
  static json* find(json& list, const char* key, const json& id) {
    for (auto& item : list) {
      if (item.at(key) == id) return &item;
    }
    return nullptr;
  }
  static json* find_user(json& list, const json& id) {
    for (auto& item : list) {
      if (item.at("user").at("id") == id) return &item;
    }
    return nullptr;
  }
  /// What an event changes must be there.
  static json& known(json* found) {
    if (found == nullptr) throw std::out_of_range("it changes something unknown");
    return *found;
  }
  static void put(json& list, const char* key, json item) {
    item.erase("_serial");
    if (json* old = find(list, key, item.at(key))) {
      *old = std::move(item);
    } else {
      list.push_back(std::move(item));
    }
  }
  template <class Condition>
  static void drop(json& list, Condition&& gone) {
    for (std::size_t i = list.size(); i-- > 0;) {
      if (gone(list[i])) list.erase(i);
    }
  }
  static void drop_id(json& list, const char* key, const json& id) {
    drop(list, [&](const json& item) { return item.at(key) == id; });
  }
  void channels(const std::string& type, const json& d, json& g);
  void threads(const std::string& type, const json& d, json& g);
  void people(const std::string& type, const json& d, json& g);
  void lists(const std::string& type, const json& d, json& g);
  std::string own_id_;
};

inline void guild_model::channels(const std::string& type, const json& d, json& g) {
  if (type == "CHANNEL_CREATE" || type == "CHANNEL_UPDATE") put(g["channels"], "id", d);
  if (type == "CHANNEL_DELETE") {
    drop_id(g["channels"], "id", d["id"]);
    drop(g["threads"], [&](const json& t) { return t["parent_id"] == d["id"]; });
  }
  if (!d.contains("channel_id")) return;
  json* c = find(g["channels"], "id", d["channel_id"]);
  json* t = find(g["threads"], "id", d["channel_id"]);
  json* place = c != nullptr ? c : t;
  if (place == nullptr) return;
  if (type == "CHANNEL_PINS_UPDATE") (*place)["last_pin_timestamp"] = d["last_pin_timestamp"];
  if (type == "MESSAGE_CREATE") (*place)["last_message_id"] = d["id"];
  if (t == nullptr) return;
  const auto add = [&](const char* key, int n) { (*t)[key] = (*t)[key].get<int>() + n; };
  if (type == "MESSAGE_CREATE") add("message_count", 1), add("total_message_sent", 1);
  if (type == "MESSAGE_DELETE") add("message_count", -1);
  if (type == "MESSAGE_DELETE_BULK") add("message_count", -static_cast<int>(d["ids"].size()));
}

inline void guild_model::threads(const std::string& type, const json& d, json& g) {
  json& list = g["threads"];
  if (type == "THREAD_CREATE") {
    put(list, "id", d);
    json* parent = find(g["channels"], "id", d["parent_id"]);
    if (parent != nullptr && (*parent)["type"] == 15) (*parent)["last_message_id"] = d["id"];
  }
  if (type == "THREAD_UPDATE") {
    if (d["thread_metadata"]["archived"] == true) return drop_id(list, "id", d["id"]);
    json fresh = d;
    if (const json* old = find(list, "id", d["id"]); old != nullptr && old->contains("member")) {
      fresh["member"] = (*old)["member"];
    }
    put(list, "id", fresh);
  }
  if (type == "THREAD_DELETE") drop_id(list, "id", d["id"]);
  if (type == "THREAD_LIST_SYNC") {
    drop(list, [&](const json& t) {
      if (!d.contains("channel_ids")) return true;
      const auto& ids = d["channel_ids"];
      return std::find(ids.begin(), ids.end(), t["parent_id"]) != ids.end();
    });
    for (const auto& t : d["threads"]) put(list, "id", t);
    for (const auto& m : d["members"]) known(find(list, "id", m["id"]))["member"] = m;
  }
  if (type == "THREAD_MEMBER_UPDATE") {
    json own = d;
    own.erase("_serial");
    known(find(list, "id", d["id"]))["member"] = own;
  }
  if (type != "THREAD_MEMBERS_UPDATE") return;
  json* t = find(list, "id", d["id"]);
  if (t == nullptr) return;
  (*t)["member_count"] = d["member_count"];
  for (const auto& m : d.value("added_members", json::array())) {
    if (m["user_id"] == own_id_) (*t)["member"] = m;
  }
  for (const auto& id : d.value("removed_member_ids", json::array())) {
    if (id != own_id_) continue;
    t->erase("member");
    if ((*t)["type"] == 12) return drop_id(list, "id", d["id"]);
  }
}

inline void guild_model::people(const std::string& type, const json& d, json& g) {
  const auto count = [&](int n) { g["member_count"] = g["member_count"].get<int>() + n; };
  if (type == "GUILD_MEMBER_ADD") {
    json m = d;
    m.erase("_serial");
    g["members"].push_back(m);
    count(1);
  }
  if (type == "GUILD_MEMBER_UPDATE") {
    json& m = known(find_user(g["members"], d["user"]["id"]));
    for (const auto& [key, value] : d.items()) m[key] = value;
  }
  if (type == "GUILD_MEMBER_REMOVE") {
    const json id = d["user"]["id"];
    for (const char* name : {"members", "presences"}) {
      drop(g[name], [&](const json& item) { return item["user"]["id"] == id; });
    }
    drop_id(g["voice_states"], "user_id", id);
    count(-1);
  }
  if (type == "PRESENCE_UPDATE") {
    drop(g["presences"], [&](const json& item) { return item["user"]["id"] == d["user"]["id"]; });
    if (d["status"] != "offline") g["presences"].push_back(d);
  }
  if (type == "VOICE_STATE_UPDATE") {
    drop_id(g["voice_states"], "user_id", d["user_id"]);
    if (!d["channel_id"].is_null()) g["voice_states"].push_back(d);
  }
}

inline void guild_model::lists(const std::string& type, const json& d, json& g) {
  if (type == "GUILD_UPDATE") {
    for (const auto& [key, value] : d.items()) g[key] = value;
  }
  if (type == "GUILD_ROLE_CREATE" || type == "GUILD_ROLE_UPDATE") put(g["roles"], "id", d["role"]);
  if (type == "GUILD_ROLE_DELETE") {
    drop_id(g["roles"], "id", d["role_id"]);
    for (auto& m : g["members"]) drop(m["roles"], [&](const json& r) { return r == d["role_id"]; });
  }
  if (type == "GUILD_EMOJIS_UPDATE") g["emojis"] = d["emojis"];
  if (type == "GUILD_STICKERS_UPDATE") g["stickers"] = d["stickers"];
  if (type == "GUILD_SOUNDBOARD_SOUND_CREATE" || type == "GUILD_SOUNDBOARD_SOUND_UPDATE") {
    put(g["soundboard_sounds"], "sound_id", d);
  }
  if (type == "GUILD_SOUNDBOARD_SOUND_DELETE") drop_id(g["soundboard_sounds"], "sound_id", d["sound_id"]);
  if (type == "GUILD_SOUNDBOARD_SOUNDS_UPDATE") {
    for (const auto& s : d["soundboard_sounds"]) put(g["soundboard_sounds"], "sound_id", s);
  }
  if (type == "STAGE_INSTANCE_CREATE" || type == "STAGE_INSTANCE_UPDATE") put(g["stage_instances"], "id", d);
  if (type == "STAGE_INSTANCE_DELETE") drop_id(g["stage_instances"], "id", d["id"]);
  json& scheduled = g["guild_scheduled_events"];
  if (type == "GUILD_SCHEDULED_EVENT_CREATE" || type == "GUILD_SCHEDULED_EVENT_UPDATE") {
    d["status"] > 2 ? drop_id(scheduled, "id", d["id"]) : put(scheduled, "id", d);
  }
  if (type == "GUILD_SCHEDULED_EVENT_DELETE") drop_id(scheduled, "id", d["id"]);
  if (type == "GUILD_SCHEDULED_EVENT_USER_ADD" || type == "GUILD_SCHEDULED_EVENT_USER_REMOVE") {
    json& e = known(find(scheduled, "id", d["guild_scheduled_event_id"]));
    e["user_count"] = e["user_count"].get<int>() + (type.ends_with("ADD") ? 1 : -1);
  }
}

inline void guild_model::create(json d) {
  d["unavailable"] = false;
  auto& g = guilds[d["id"]];
  g = std::move(d);
}

inline void guild_model::apply(const std::string& type, const json& d) {
  if (type == "READY") own_id_ = d["user"]["id"];
  if (type == "USER_UPDATE") {
    json user = d;
    user.erase("_serial");
    for (auto& [id, g] : guilds) known(find_user(g["members"], own_id_))["user"] = user;
  }
  if (type == "GUILD_CREATE") return create(d);
  if (type == "GUILD_DELETE") {
    if (!d.contains("unavailable")) guilds.erase(d["id"]);
    return;
  }
  const json id = type == "GUILD_UPDATE" ? d.value("id", json()) : d.value("guild_id", json());
  if (!id.is_string() || !guilds.contains(id)) return;
  json& g = guilds[id];
  channels(type, d, g);
  threads(type, d, g);
  people(type, d, g);
  lists(type, d, g);
}

}  // namespace evergate::sim
