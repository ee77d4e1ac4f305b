#include "sim/guild_compare.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace evergate::sim {
namespace {

using nlohmann::json;

struct report {
  std::vector<std::string> lines;
  std::size_t most = 50;

  void add(const std::string& path, const std::string& what) {
    if (lines.size() < most) lines.push_back(path + ": " + what);
  }
};

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 120) text = text.substr(0, 120) + "…";
  return text;
}

void drop_serials(json& value) {
  if (value.is_object()) value.erase("_serial");
  if (value.is_structured()) {
    for (auto& item : value) drop_serials(item);
  }
}

// What a store may carry without being wrong: it came with the event that made the element.
void normalise(json& guild) {
  drop_serials(guild);
  guild.erase("guild_id");
  for (const char* name : {"channels", "threads", "members", "presences", "voice_states", "stage_instances",
                           "guild_scheduled_events", "soundboard_sounds", "stickers", "emojis", "roles"}) {
    const auto list = guild.find(name);
    if (list == guild.end() || !list->is_array()) continue;
    for (auto& item : *list) {
      if (!item.is_object()) continue;
      item.erase("guild_id");
      if (std::string_view(name) == "voice_states") item.erase("member");
      if (std::string_view(name) == "members" && item.contains("roles") && item["roles"].is_array()) {
        std::sort(item["roles"].begin(), item["roles"].end());
      }
      if (std::string_view(name) != "threads") continue;
      item.erase("newly_created");
      if (const auto own = item.find("member"); own != item.end() && own->is_object()) {
        for (const char* extra : {"id", "user_id", "guild_id", "member", "presence"}) own->erase(extra);
      }
    }
  }
}

std::string key_of(const json& item) {
  if (!item.is_object()) return {};
  for (const char* name : {"id", "sound_id", "user_id"}) {
    if (const auto at = item.find(name); at != item.end() && at->is_string()) return at->get<std::string>();
  }
  if (const auto user = item.find("user"); user != item.end() && user->is_object()) return key_of(*user);
  return {};
}

void compare(const std::string& path, const json& truth, const json& given, report& out);

void compare_lists(const std::string& path, const json& truth, const json& given, report& out) {
  const bool keyed =
      (!truth.empty() && !key_of(truth[0]).empty()) || (!given.empty() && !key_of(given[0]).empty());
  if (!keyed) {
    if (truth.size() != given.size()) {
      return out.add(path,
                     std::to_string(given.size()) + " items instead of " + std::to_string(truth.size()));
    }
    for (std::size_t i = 0; i < truth.size(); ++i) {
      compare(path + "[" + std::to_string(i) + "]", truth[i], given[i], out);
    }
    return;
  }
  std::map<std::string, const json*> there;
  for (const auto& item : given) {
    if (!there.emplace(key_of(item), &item).second)
      out.add(path + "[" + key_of(item) + "]", "is there twice");
  }
  for (const auto& item : truth) {
    const std::string key = key_of(item);
    const auto at = there.find(key);
    if (at == there.end()) {
      out.add(path + "[" + key + "]", "is missing");
      continue;
    }
    compare(path + "[" + key + "]", item, *at->second, out);
    there.erase(at);
  }
  for (const auto& [key, item] : there) out.add(path + "[" + key + "]", "should not be there");
}

void compare(const std::string& path, const json& truth, const json& given, report& out) {
  if (out.lines.size() >= out.most) return;
  if (truth.is_object() && given.is_object()) {
    for (const auto& [key, value] : truth.items()) {
      const auto at = given.find(key);
      if (at == given.end()) {
        out.add(path + "." + key, "is missing; should be " + shown(value));
      } else {
        compare(path + "." + key, value, *at, out);
      }
    }
    for (const auto& [key, value] : given.items()) {
      if (!truth.contains(key)) out.add(path + "." + key, "should not be there: " + shown(value));
    }
    return;
  }
  if (truth.is_array() && given.is_array()) return compare_lists(path, truth, given, out);
  if (truth != given) out.add(path, shown(given) + " instead of " + shown(truth));
}

}  // namespace

std::vector<std::string> compare_guilds(json truth, json given, std::size_t differences_max) {
  normalise(truth);
  normalise(given);
  report out{.lines = {}, .most = differences_max};
  compare("d", truth, given, out);
  return out.lines;
}

}  // namespace evergate::sim
