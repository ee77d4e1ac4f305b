#include "sim/event_mix.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <set>

namespace evergate::sim {
namespace {

using nlohmann::json;
constexpr std::int64_t now = 1'760'000'000'000;

std::string trace(std::uint64_t seed) {
  world w({.seed = seed, .guilds = 50});
  event_mix events(w, {}, seed);
  event e;
  std::string all;
  for (int i = 0; i < 3000; ++i) {
    events.next(now + i, e);
    all += e.type;
    all += e.d;
  }
  return all;
}

TEST(event_mix, the_same_seed_gives_the_same_events) {
  EXPECT_EQ(std::hash<std::string>()(trace(5)), std::hash<std::string>()(trace(5)));
  EXPECT_NE(std::hash<std::string>()(trace(5)), std::hash<std::string>()(trace(6)));
}

TEST(event_mix, serials_come_first_and_rise_by_one) {
  world w({.guilds = 50});
  event_mix events(w, {}, 1);
  event e;
  for (std::uint64_t i = 1; i <= 5000; ++i) {
    events.next(now, e);
    ASSERT_EQ(e.serial, i);
    ASSERT_TRUE(e.d.starts_with("{\"_serial\":" + std::to_string(i))) << e.d.substr(0, 40);
  }
}

TEST(event_mix, every_kind_can_be_asked_for_and_is_json_with_its_guild) {
  world w({.guilds = 50});
  event_mix events(w, {}, 1);
  event e;
  for (const auto name : event_mix::types()) {
    ASSERT_TRUE(events.make(name, now, e)) << name;
    const json d = json::parse(e.d, nullptr, false);
    ASSERT_TRUE(d.is_object()) << name << ' ' << e.d;
    if (e.guild == 0 || e.guild_create) continue;
    const bool own = e.type == "GUILD_UPDATE" || e.type == "GUILD_DELETE";
    ASSERT_EQ(d.at(own ? "id" : "guild_id"), std::to_string(e.guild)) << name;
  }
  EXPECT_FALSE(events.make("NO_SUCH_EVENT", now, e));
}

TEST(event_mix, a_long_run_holds_every_type_of_the_table) {
  world w({.guilds = 100});
  event_mix events(w, {}, 9);
  event e;
  std::set<std::string_view> seen;
  for (int i = 0; i < 200'000; ++i) {
    events.next(now + i, e);
    seen.insert(e.type);
  }
  for (auto name : event_mix::types()) {
    // Names of their own for what goes by another type.
    if (name == "GUILD_OUTAGE" || name == "GUILD_RETURN" || name == "THREAD_ARCHIVE") continue;
    if (name.starts_with("DIRECT_")) continue;
    EXPECT_TRUE(seen.contains(name)) << name;
  }
}

TEST(event_mix, messages_have_the_size_asked_for) {
  for (const std::uint32_t wanted : {1200U, 4000U}) {
    world w({.guilds = 50});
    event_mix events(w, {.message_bytes = wanted}, 1);
    event e;
    double total = 0;
    for (int i = 0; i < 3000; ++i) {
      ASSERT_TRUE(events.make("MESSAGE_CREATE", now, e));
      total += static_cast<double>(e.d.size());
    }
    EXPECT_NEAR(total / 3000, wanted, wanted * 0.2);
  }
}

TEST(event_mix, stripped_messages_lack_content_unless_they_concern_the_bot) {
  world w({.guilds = 50});
  event_mix events(w, {}, 1);
  events.want_stripped(true);
  event e;
  int stripped = 0, mentioned = 0;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(events.make("MESSAGE_CREATE", now, e));
    if (e.d_stripped.empty()) {
      ++mentioned;
      EXPECT_NE(e.d.find("\"mentions\":[{"), std::string::npos);
      continue;
    }
    ++stripped;
    const json d = json::parse(e.d_stripped);
    EXPECT_EQ(d["content"], "");
    EXPECT_TRUE(d["embeds"].empty() && !d.contains("poll"));
  }
  EXPECT_GT(stripped, 1000);
  EXPECT_GT(mentioned, 20);
}

}  // namespace
}  // namespace evergate::sim
