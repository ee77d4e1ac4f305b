// What a simulated bot keeps of its guilds: a careful client's cache (guild_model), in which a GUILD_CREATE
// stays the text it came as until something asks for the guild. Most are replaced before that. Owned by the
// bot; one thread.
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "../sim/guild_model.h"

namespace evergate::simulation {

class bot_cache {
 public:
  using json = nlohmann::json;

  /// A GUILD_CREATE for the guild `id`: the whole frame, which is known to be JSON.
  void put(const std::string& id, std::string frame) {
    model_.guilds[id] = nullptr;
    unopened_[id] = std::move(frame);
  }
  /// Any other event. Throws what guild_model throws: it does not fit.
  void apply(const std::string& type, const json& d) {
    if (type == "GUILD_CREATE" || (type == "GUILD_DELETE" && !d.contains("unavailable"))) {
      unopened_.erase(d.at("id").get<std::string>());
    } else if (type == "USER_UPDATE") {
      while (!unopened_.empty()) open(unopened_.begin()->first);
    } else if (const auto id = d.find(type == "GUILD_UPDATE" ? "id" : "guild_id");
               id != d.end() && id->is_string()) {
      open(id->get<std::string>());
    }
    model_.apply(type, d);
  }
  [[nodiscard]] std::size_t size() const noexcept { return model_.guilds.size(); }
  /// The n-th of them, by the order of their ids as texts.
  [[nodiscard]] const json& at(std::size_t n) {
    const auto found = std::next(model_.guilds.begin(), static_cast<std::ptrdiff_t>(n));
    open(found->first);
    return found->second;
  }

 private:
  void open(const std::string& id) {
    const auto found = unopened_.find(id);
    if (found == unopened_.end()) return;
    auto frame = json::parse(found->second);
    unopened_.erase(found);
    model_.create(std::move(frame["d"]));
  }

  sim::guild_model model_;
  std::map<std::string, std::string> unopened_;
};

}  // namespace evergate::simulation
