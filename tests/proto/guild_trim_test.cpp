#include "proto/guild_trim.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace evergate::proto {
namespace {

using nlohmann::json;

json guild(int member_count) {
  return json::parse(R"({"id":"1","name":"g \"members\":[","large":false,"unavailable":false,
    "members":[{"user":{"id":"42"},"roles":[],"nick":null},{"user":{"id":"10"},"roles":[]},
      {"user":{"id":"11"},"roles":["5"]},{"user":{"id":"12"},"roles":[],"nick":"n"},
      {"user":{"id":"13"},"roles":[]},{"user":{"id":"14"},"roles":[]},{"user":{"id":"15"}}],
    "presences":[{"user":{"id":"13"},"status":"online"},{"user":{"id":"15"},"status":"offline"}],
    "voice_states":[{"user_id":"14","channel_id":"3"}],"channels":[{"id":"3","members":[1]}],"member_count":)" +
                     std::to_string(member_count) + "}");
}

json trimmed(const json& d, intent_bits intents, std::uint32_t threshold, snowflake self = 42) {
  std::string out;
  trim_guild(d.dump(), intents, threshold, self, out);
  return json::parse(out);
}

std::vector<std::string> members_of(const json& d) {
  std::vector<std::string> out;
  for (const auto& one : d["members"]) out.push_back(one["user"]["id"]);
  return out;
}

using ids = std::vector<std::string>;

TEST(guild_trim, lists_self_and_voice_without_presences) {
  const json out = trimmed(guild(7), intent::guilds, 50);
  EXPECT_EQ(members_of(out), (ids{"42", "14"}));
  EXPECT_EQ(out["presences"], json::array());
  json rest = guild(7);
  rest["members"] = out["members"];
  rest["presences"] = json::array();
  EXPECT_EQ(out, rest);
  EXPECT_EQ(members_of(trimmed(guild(7), intent::guilds, 50, 0)), (ids{"14"}));
}

TEST(guild_trim, leaves_small_guilds_alone_byte_for_byte) {
  const std::string d = guild(50).dump(1);
  std::string out = "head";
  trim_guild(d, intent::guilds | intent::guild_presences, 50, 42, out);
  EXPECT_EQ(out, "head" + d);
}

TEST(guild_trim, lists_the_notable_above_the_threshold) {
  const json out = trimmed(guild(51), intent::all, 50);
  EXPECT_EQ(members_of(out), (ids{"42", "11", "12", "13", "14"}));
  EXPECT_EQ(out["large"], true);
  EXPECT_EQ(out["presences"], guild(51)["presences"]);
}

TEST(guild_trim, lists_hardly_anyone_in_huge_guilds) {
  const json out = trimmed(guild(75'001), intent::all, 250);
  EXPECT_EQ(members_of(out), (ids{"42", "14"}));
  EXPECT_EQ(out["presences"], json::array());
  EXPECT_EQ(members_of(trimmed(guild(75'000), intent::all, 250)), (ids{"42", "11", "12", "13", "14"}));
}

TEST(guild_trim, says_whether_the_guild_is_large_for_this_session) {
  EXPECT_EQ(trimmed(guild(100), intent::guilds, 50)["large"], true);
  EXPECT_EQ(trimmed(guild(100), intent::guilds, 250)["large"], false);
}

TEST(guild_trim, counts_members_where_the_count_is_missing) {
  json d = guild(0);
  d.erase("member_count");
  EXPECT_EQ(members_of(trimmed(d, intent::all, 6)), (ids{"42", "11", "12", "13", "14"}));
  EXPECT_EQ(members_of(trimmed(d, intent::all, 7)).size(), 7u);
}

TEST(guild_trim, passes_anything_else) {
  for (const std::string d :
       {"", "null", "[]", "{}", "{\"members\":null}", "{\"members\":[", "{\"presences\":[]}"}) {
    std::string out;
    trim_guild(d, intent::all, 50, 42, out);
    EXPECT_EQ(out, d);
  }
}

}  // namespace
}  // namespace evergate::proto
