#include "sim/world.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "guild_model.h"
#include "recorded_gateway.h"
#include "sim/guild_compare.h"

namespace evergate::sim {
namespace {

using nlohmann::json;

json truth_of(discord& core, std::uint32_t index, guild_view view = {intent::all, 250}) {
  std::string d;
  core.world().write_guild_create(d, index, view, 0, true);
  return json::parse(d);
}

// Everything that one fully privileged session was sent, seen through the model.
guild_model replay(const recorded_gateway& g, connection_id id) {
  guild_model model;
  for (const auto& frame : g.dispatches(id)) model.apply(frame["t"], frame["d"]);
  return model;
}

TEST(world, guild_ids_are_unique_and_spread_over_any_number_of_shards) {
  const world w({.seed = 3, .guilds = 20'000});
  std::set<snowflake> ids;
  std::vector<int> per_shard(7);
  for (std::uint32_t i = 0; i < w.slots(); ++i) {
    ids.insert(w.id_at(i));
    ++per_shard[(w.id_at(i) >> 22) % 7];
  }
  EXPECT_EQ(ids.size(), 20'000U);
  for (const int n : per_shard) EXPECT_NEAR(n, 20'000 / 7, 300);
}

TEST(world, untouched_guilds_are_written_alike_each_time_and_seeds_differ) {
  std::string first, second, other;
  world({.seed = 1, .guilds = 10}).write_guild_create(first, 4, {}, 0, true);
  world({.seed = 1, .guilds = 10}).write_guild_create(second, 4, {}, 0, true);
  world({.seed = 2, .guilds = 10}).write_guild_create(other, 4, {}, 0, true);
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other);
}

TEST(world, a_guild_create_has_every_documented_field) {
  recorded_gateway g;
  const json d = truth_of(g.core, 3);
  for (const char* key : {"id",
                          "name",
                          "icon",
                          "splash",
                          "discovery_splash",
                          "owner_id",
                          "afk_channel_id",
                          "afk_timeout",
                          "verification_level",
                          "default_message_notifications",
                          "explicit_content_filter",
                          "roles",
                          "emojis",
                          "features",
                          "mfa_level",
                          "application_id",
                          "system_channel_id",
                          "system_channel_flags",
                          "rules_channel_id",
                          "vanity_url_code",
                          "description",
                          "banner",
                          "premium_tier",
                          "preferred_locale",
                          "public_updates_channel_id",
                          "nsfw_level",
                          "stickers",
                          "premium_progress_bar_enabled",
                          "safety_alerts_channel_id",
                          "incidents_data",
                          "joined_at",
                          "large",
                          "unavailable",
                          "member_count",
                          "voice_states",
                          "members",
                          "channels",
                          "threads",
                          "presences",
                          "stage_instances",
                          "guild_scheduled_events",
                          "soundboard_sounds"}) {
    EXPECT_TRUE(d.contains(key)) << key;
  }
  EXPECT_EQ(d["unavailable"], false);
}

TEST(world, members_and_presences_follow_intents_and_size) {
  discord_options o = recorded_gateway::small();
  o.world.members = 40;
  recorded_gateway g(o);
  const json all = truth_of(g.core, 7);  // one in fifty has eight times as many members
  const json unprivileged = truth_of(g.core, 7, {intent::all & ~intent::presences, 250});
  ASSERT_GT(all["member_count"], 250);
  EXPECT_EQ(all["large"], true);
  EXPECT_LT(all["members"].size(), all["member_count"].get<std::size_t>());
  EXPECT_EQ(unprivileged["presences"].size(), 0U);
  EXPECT_LE(unprivileged["members"].size(), 1 + all["voice_states"].size());
  const json small = truth_of(g.core, 3);
  EXPECT_EQ(small["members"].size(), small["member_count"].get<std::size_t>());
}

TEST(world, ten_thousand_events_lead_an_independent_mirror_to_the_same_guilds) {
  for (const std::uint64_t seed : {1ULL, 2ULL, 3ULL}) {
    discord_options o = recorded_gateway::small();
    o.world.seed = seed;
    recorded_gateway g(o);
    const connection_id id = g.identify();
    g.backfill();
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(g.core.emit(100, "", g.now), 100U);
      g.now += 20;
    }
    const guild_model model = replay(g, id);
    std::size_t compared = 0;
    for (std::uint32_t i = 0; i < g.core.world().slots(); ++i) {
      const snowflake guild_id = g.core.world().id_at(i);
      if (guild_id == 0 || !g.core.world().kept_available(i)) continue;
      const auto at = model.guilds.find(std::to_string(guild_id));
      ASSERT_NE(at, model.guilds.end());
      const auto differences = compare_guilds(truth_of(g.core, i, {intent::all, 250}), at->second);
      ASSERT_TRUE(differences.empty())
          << "seed " << seed << " guild " << guild_id << ": " << differences.front();
      ++compared;
    }
    EXPECT_GE(compared, 15U);
    EXPECT_EQ(model.guilds.size() - compared, g.core.world().guilds() - compared);
  }
}

TEST(world, references_inside_a_guild_hold_after_ten_thousand_events) {
  recorded_gateway g;
  ASSERT_EQ(g.core.emit(10'000, "", g.now), 10'000U);
  for (std::uint32_t i = 0; i < g.core.world().slots(); ++i) {
    if (g.core.world().id_at(i) == 0) continue;
    const json d = truth_of(g.core, i, {intent::all, 100'000});
    const auto ids = [&](const char* list, const char* key) {
      std::set<std::string> out;
      for (const auto& item : d[list]) EXPECT_TRUE(out.insert(item[key]).second) << list;
      return out;
    };
    const auto channels = ids("channels", "id");
    const auto roles = ids("roles", "id");
    std::set<std::string> users;
    for (const auto& m : d["members"]) {
      EXPECT_TRUE(users.insert(m["user"]["id"]).second);
      for (const auto& r : m["roles"]) EXPECT_TRUE(roles.contains(r));
    }
    EXPECT_EQ(users.size(), d["member_count"].get<std::size_t>());
    for (const auto& t : d["threads"]) EXPECT_TRUE(channels.contains(t["parent_id"]));
    for (const auto& s : d["stage_instances"]) EXPECT_TRUE(channels.contains(s["channel_id"]));
    for (const auto& v : d["voice_states"]) {
      EXPECT_TRUE(channels.contains(v["channel_id"]) && users.contains(v["user_id"]));
    }
    for (const auto& p : d["presences"]) EXPECT_TRUE(users.contains(p["user"]["id"]));
  }
}

TEST(guild_compare, tells_each_kind_of_difference_and_forgives_what_came_with_events) {
  recorded_gateway g;
  const json truth = truth_of(g.core, 0);
  json given = truth;
  std::reverse(given["channels"].begin(), given["channels"].end());
  given["channels"][0]["guild_id"] = truth["id"];
  given["channels"][0]["_serial"] = 7;
  EXPECT_TRUE(compare_guilds(truth, given).empty());
  given["channels"].erase(0);
  given["roles"][0]["name"] = "other";
  given["x_new"] = 1;
  given.erase("afk_timeout");
  given["members"].push_back(given["members"][0]);
  EXPECT_EQ(compare_guilds(truth, given).size(), 5U);
  EXPECT_EQ(compare_guilds(truth, given, 2).size(), 2U);
}

}  // namespace
}  // namespace evergate::sim
