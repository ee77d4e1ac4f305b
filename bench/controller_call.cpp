// What one question costs: a slot nobody overrides, a C++ function, scripts that look at more and more of an
// event, and the declarative filter. Prints nanoseconds a call, the least of many rounds taken in turn, and
// what a call costs that runs to its limit.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controllers/script_host.h"
#include "pipeline/event_filter.h"

namespace {

using namespace evergate;

constexpr int rounds = 40;
constexpr int calls = 20'000;

std::string message() {
  std::string d =
      R"({"type":0,"tts":false,"id":"1100000000000000001","guild_id":"41771983423143937","content":")";
  while (d.size() < 1'150) d += "some words of a message ";
  return d + R"(","mentions":[],"author":{"id":"80351110224678912","username":"nelly","avatar":null}})";
}

struct subject {
  std::string name;
  std::function<bool()> ask;
  double least_ns = 1e18;
};

/// A desk with a script, as the daemon has it.
struct scripted {
  explicit scripted(const std::string& text) : host(asked, {}, nullptr) {
    const auto file = std::filesystem::temp_directory_path() / "evergate-controller-call.lua";
    std::ofstream(file) << text;
    if (auto loaded = host.load(file); !loaded) fmt::print("{}\n", loaded.error().text()), std::exit(2);
    std::filesystem::remove(file);
  }
  decide::desk asked;
  decide::script_host host;
};

}  // namespace

int main() {
  const std::string d = message();
  const event_question question{
      .shard = 1, .shards = 4, .type = "MESSAGE_CREATE", .guild = 41'771'983'423'143'937, .d = d};
  const auto keep = [](const event_question&) { return event_answer{}; };
  const auto asks = [&](const decide::desk& desk) {
    return [&] { return desk.on_event.ask(question, keep).what == event_answer::verdict::keep; };
  };

  const decide::desk none;
  controller_table table;
  table.on_event = [](const auto& asked, const auto& standard) {
    return asked.type == "TYPING_START" ? event_answer{.what = event_answer::verdict::drop, .d = {}}
                                        : standard(asked);
  };
  const decide::desk function(table, nullptr, std::chrono::seconds(1));
  scripted type("function on_event(asked) return asked.type ~= 'TYPING_START' end");
  scripted with_standard(
      "function on_event(asked, standard)\n"
      "  if asked.type == 'TYPING_START' then return false end\n  return standard(asked)\nend");
  scripted guild(
      "local denied = {['5'] = true}\nfunction on_event(asked) return not denied[asked.guild] end");
  scripted search("function on_event(asked) return not asked.d:find('discord.gg/', 1, true) end");
  scripted decode(
      "local json = evergate.json\nfunction on_event(asked) return json.decode(asked.d).content ~= '' end");
  scripted rewrite(
      "local json = evergate.json\n"
      "function on_event(asked)\n  local d = json.decode(asked.d)\n  d.content = ''\n  return "
      "json.encode(d)\nend");
  const auto filter = pipeline::event_filter::make(
      {.dropped_events = {"TYPING_START"}, .guilds_allowed = {}, .guilds_denied = {5, 6, 7}});

  std::vector<subject> all{
      {"no override", asks(none)},
      {"declarative filter (events_deny, guilds_deny)",
       [&] {
         return !filter->drops_event(proto::event_type::message_create, question.type) &&
                !filter->drops_guild(question.guild);
       }},
      {"C++ on_event by type", asks(function)},
      {"Lua on_event by type", asks(type.asked)},
      {"Lua on_event by type, asking the standard", asks(with_standard.asked)},
      {"Lua on_event by guild", asks(guild.asked)},
      {"Lua on_event, text search in d (1.3 KB)", asks(search.asked)},
      {"Lua on_event, d decoded", asks(decode.asked)},
      {"Lua on_event, d decoded, changed, encoded", asks(rewrite.asked)},
  };
  std::size_t kept = 0;
  for (int round = 0; round < rounds; ++round) {
    for (auto& one : all) {
      const auto began = std::chrono::steady_clock::now();
      for (int i = 0; i < calls; ++i) kept += one.ask() ? 1 : 0;
      const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
      one.least_ns = std::min(one.least_ns, took.count() / calls);
    }
  }
  for (const auto& one : all) fmt::print("| {} | {:.0f} ns |\n", one.name, one.least_ns);
  scripted endless("function on_event(asked) while true do end end");
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) kept += asks(endless.asked)() ? 1 : 0;
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  fmt::print("| Lua on_event that loops for ever | {:.1f} ms |\n", took.count() / 5);
  return kept == 0 ? 1 : 0;
}
