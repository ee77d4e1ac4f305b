// Simulated Discord with lists in place of sockets, for scripted tests: everything sent is parsed and kept.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/discord.h"

namespace evergate::sim {

class recorded_gateway : public gateway_sink {
 public:
  using json = nlohmann::json;
  static constexpr std::int64_t start_ms = 1'760'000'000'000;

  explicit recorded_gateway(discord_options options = small()) : core(options, *this, start_ms) {}

  static discord_options small() {
    discord_options o;
    o.world.guilds = 20;
    o.world.members = 10;
    o.max_concurrency = 16;
    return o;
  }

  void send(connection_id to, std::string_view head, std::string_view body, std::string_view tail) override {
    // A lone surrogate is legal on the wire and beyond this parser, which only the tests use.
    std::string text = std::string(head) + std::string(body) + std::string(tail);
    if (const auto half = text.find("\\ud83d stays"); half != std::string::npos) text.erase(half, 6);
    raw[to].push_back(text);
    sent[to].push_back(json::parse(text, nullptr, false));
  }
  void close(connection_id to, std::uint16_t code, std::string_view) override { closes[to] = code; }
  void drop(connection_id to) override { closes[to] = 0; }
  bool congested(connection_id) const override { return slow; }
  bool damage(connection_id to, enum damage how) override {
    damaged.emplace_back(to, how);
    return true;
  }

  connection_id connect(bool resume = false) {
    const connection_id id = ++last;
    core.open(id, {.resume_path = resume}, now);
    return id;
  }
  void say(connection_id from, const json& frame) { core.receive(from, frame.dump(), false, now); }
  static json identify_frame(std::uint32_t shard, std::uint32_t count, std::uint64_t intents = intent::all) {
    return {{"op", 2},
            {"d",
             {{"token", default_token},
              {"properties", json::object()},
              {"intents", intents},
              {"shard", {shard, count}},
              {"large_threshold", 250}}}};
  }
  connection_id identify(std::uint32_t shard = 0, std::uint32_t count = 1,
                         std::uint64_t intents = intent::all) {
    const connection_id id = connect();
    say(id, identify_frame(shard, count, intents));
    return id;
  }
  void pass(std::int64_t ms) { core.tick(now += ms); }
  /// Time passes until every guild has come.
  void backfill() {
    for (int i = 0; i < 1000 && core.backfilling(); ++i) pass(10);
  }
  std::vector<json> dispatches(connection_id id) const {
    std::vector<json> out;
    if (!sent.contains(id)) return out;
    for (const auto& f : sent.at(id)) {
      if (f["op"] == 0) out.push_back(f);
    }
    return out;
  }
  std::string session_of(connection_id id) const { return dispatches(id).at(0)["d"]["session_id"]; }
  json resume_frame(const std::string& session, std::uint32_t seq) const {
    return {{"op", 6}, {"d", {{"token", default_token}, {"session_id", session}, {"seq", seq}}}};
  }
  json last_sent(connection_id id) const { return sent.at(id).back(); }

  std::map<connection_id, std::vector<json>> sent;
  std::map<connection_id, std::vector<std::string>> raw;  ///< the same as text
  std::map<connection_id, std::uint16_t> closes;
  std::vector<std::pair<connection_id, enum damage>> damaged;
  std::int64_t now = start_ms;
  connection_id last = 0;
  bool slow = false;
  discord core;
};

}  // namespace evergate::sim
