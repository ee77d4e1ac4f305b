#include "downstream/command_router.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "downstream/errc.h"

namespace evergate::downstream {
namespace {

using nlohmann::json;

struct fake_fleet final : flow::command_sink, flow::fleet_view {
  bool submit(flow::command what) override {
    if (full) return false;
    sent.push_back(std::move(what));
    return true;
  }
  std::uint32_t shard_count() const override { return 2; }
  std::uint32_t shards_ready() const override { return 2; }
  std::uint64_t place_of(proto::snowflake guild) const override {
    return moved.contains(guild) ? 77 : flow::fleet_view::place_of(guild);
  }
  std::set<proto::snowflake> moved;
  bool full = false;
  std::vector<flow::command> sent;
};

class CommandRouterTest : public ::testing::Test {
 protected:
  base::result<void> route(int op, std::string_view d) { return router_.route(op, d, from_, rate_limited_); }
  json last() { return json::parse(fleet_.sent.back().payload); }

  fake_fleet fleet_;
  flow::reply_table replies_;
  command_router router_{fleet_, replies_, fleet_};
  command_origin from_{9, {1, 4}, proto::intent::all};
  std::string rate_limited_;
};

TEST_F(CommandRouterTest, MembersCarryOurNonce) {
  for (const char* id : {R"("123")", "123", R"(["123"])", "[123]"}) {
    ASSERT_TRUE(
        route(8, fmt::format(R"({{"guild_id":{},"query":"a","limit":0,"nonce":"mine","x":[1]}})", id)));
    auto got = last();
    EXPECT_EQ(fleet_.sent.back().guild, 123u);
    EXPECT_EQ(got["op"], 8);
    EXPECT_EQ(got["d"]["guild_id"], "123");
    EXPECT_EQ(got["d"]["query"], "a");
    EXPECT_EQ(got["d"]["x"], json::array({1}));
    const std::string nonce = got["d"]["nonce"];
    EXPECT_TRUE(flow::reply_table::ours(nonce));
    EXPECT_LE(nonce.size(), 32u);
    const auto asker = replies_.find(nonce, true);
    ASSERT_TRUE(asker);
    EXPECT_EQ(asker->first.session, 9u);
    EXPECT_EQ(asker->first.nonce, R"("mine")");
  }
}

TEST_F(CommandRouterTest, ARepeatedKeyCannotSmuggleANonce) {
  ASSERT_TRUE(route(
      8, R"({"guild_id":"1","nonce":"a","nonce":"b","\u006eonce":"c","query":"x","query":"y","limit":0})"));
  const auto& text = fleet_.sent.back().payload;
  EXPECT_EQ(text.find("\"nonce\""), text.rfind("\"nonce\""));
  EXPECT_EQ(text.find("u006e"), std::string::npos);
  EXPECT_EQ(last()["d"]["query"], "x");
}

TEST_F(CommandRouterTest, LongOrOddNoncesAreDroppedAsDiscordDoes) {
  ASSERT_TRUE(
      route(8, R"({"guild_id":"1","query":"","limit":0,"nonce":"123456789012345678901234567890123"})"));
  EXPECT_FALSE(replies_.find(std::string(last()["d"]["nonce"]), true)->first.nonce);
  ASSERT_TRUE(route(8, R"({"guild_id":"1","query":"","limit":0,"nonce":5})"));
  EXPECT_FALSE(replies_.find(std::string(last()["d"]["nonce"]), true)->first.nonce);
}

TEST_F(CommandRouterTest, PresencesNeedTheIntent) {
  ASSERT_TRUE(route(8, R"({"guild_id":"1","query":"","limit":0,"presences":true})"));
  EXPECT_EQ(last()["d"]["presences"], true);
  from_.intents = proto::intent::guild_members;
  ASSERT_TRUE(route(8, R"({"guild_id":"1","query":"","limit":0,"presences":true})"));
  EXPECT_EQ(last()["d"]["presences"], false);
}

TEST_F(CommandRouterTest, AFullShardIsToldToTheAsker) {
  fleet_.full = true;
  const auto done = route(8, R"({"guild_id":"1","query":"","limit":0,"nonce":"n"})");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::refused);
  const auto told = json::parse(rate_limited_);
  EXPECT_EQ(told["opcode"], 8);
  EXPECT_EQ(told["meta"], (json{{"guild_id", "1"}, {"nonce", "n"}}));
  EXPECT_EQ(route(4, R"({"guild_id":"1","channel_id":null})").error().code, errc::refused);
  EXPECT_TRUE(rate_limited_.empty());
  EXPECT_EQ(router_.refused(), 2u);
}

TEST_F(CommandRouterTest, PresenceAndVoicePassAsTheyAre) {
  const char* presence =
      R"({"since":null,"activities":[{"name":"x","type":0}],"status":"online","afk":false})";
  ASSERT_TRUE(route(3, presence));
  EXPECT_EQ(fleet_.sent.back().lane, (proto::shard_key{1, 4}));
  EXPECT_EQ(fleet_.sent.back().payload, fmt::format(R"({{"op":3,"d":{}}})", presence));
  ASSERT_TRUE(route(3, "{}")) << "what is missing is filled in";
  EXPECT_EQ(fleet_.sent.back().payload,
            R"({"op":3,"d":{"since":null,"activities":[],"status":"online","afk":false}})");
  for (const auto* bad : {R"({"status":"away"})", R"({"activities":[{}]})", "[]"}) {
    const auto done = route(3, bad);
    ASSERT_FALSE(done) << bad;
    EXPECT_EQ(done.error().code, errc::bad_frame);
    EXPECT_NE(done.error().text().find("op 3: presence: "), std::string::npos) << done.error().text();
  }
  ASSERT_TRUE(route(4, R"({"guild_id":"77","channel_id":"5","self_mute":false,"self_deaf":true})"));
  EXPECT_EQ(fleet_.sent.back().guild, 77u);
}

// Found by the simulation: while guilds move, those of one old shard are those of several new ones.
TEST_F(CommandRouterTest, SoundboardIsSplitByWhereEachGuildIsNow) {
  fleet_.moved = {5ULL << 22};
  const auto id = [](std::uint64_t n) { return std::to_string(n << 22); };
  ASSERT_TRUE(route(31, fmt::format(R"({{"guild_ids":["{}","{}","{}"]}})", id(1), id(3), id(5))));
  ASSERT_EQ(fleet_.sent.size(), 2u);
  EXPECT_EQ(json::parse(fleet_.sent[0].payload)["d"]["guild_ids"], json::array({id(1), id(3)}));
  EXPECT_EQ(fleet_.sent[0].place, 1u);
  EXPECT_EQ(json::parse(fleet_.sent[1].payload)["d"]["guild_ids"], json::array({id(5)}));
  EXPECT_EQ(fleet_.sent[1].place, 77u);
}

TEST_F(CommandRouterTest, SoundboardIsSplitByShard) {
  const auto id = [](std::uint64_t n) { return std::to_string(n << 22); };
  ASSERT_TRUE(route(31, fmt::format(R"({{"guild_ids":["{}","{}","{}"]}})", id(1), id(2), id(3))));
  ASSERT_EQ(fleet_.sent.size(), 2u);
  EXPECT_EQ(json::parse(fleet_.sent[0].payload)["d"]["guild_ids"], json::array({id(2)}));
  EXPECT_EQ(json::parse(fleet_.sent[1].payload)["d"]["guild_ids"], json::array({id(1), id(3)}));
  EXPECT_EQ(replies_.find_by_guild(31, 3ULL << 22)->session, 9u);
}

TEST_F(CommandRouterTest, ChannelInfoIsMatchedByGuild) {
  ASSERT_TRUE(route(43, R"({"guild_id":"12","fields":["status"]})"));
  EXPECT_EQ(replies_.find_by_guild(43, 12)->session, 9u);
}

TEST_F(CommandRouterTest, RefusesBadShapes) {
  struct one {
    int op;
    const char* d;
  };
  const one table[] = {{3, "[]"},
                       {4, "{}"},
                       {4, R"({"guild_id":"x","channel_id":null})"},
                       {4, R"({"guild_id":"1","channel_id":"x"})"},
                       {8, "{}"},
                       {8, R"({"guild_id":["1","2"]})"},
                       {8, R"({"guild_id":[]})"},
                       {8, R"({"guild_id":null})"},
                       {8, R"({"guild_id":"-1"})"},
                       {31, "{}"},
                       {31, R"({"guild_ids":[]})"},
                       {31, R"({"guild_ids":["x"]})"},
                       {43, "{}"},
                       {7, "{}"}};
  for (const auto& [op, d] : table) {
    const auto done = route(op, d);
    ASSERT_FALSE(done) << op << d;
    EXPECT_EQ(done.error().code, errc::bad_frame) << op << d;
  }
  EXPECT_TRUE(fleet_.sent.empty());
  const std::string long_query(4080, 'a');
  EXPECT_EQ(route(8, fmt::format(R"({{"guild_id":"1","query":"{}"}})", long_query)).error().code,
            errc::bad_frame);
}

class DecidedRouterTest : public CommandRouterTest {
 protected:
  void use(controller_table table) {
    decisions_ = std::make_unique<decide::desk>(table, nullptr, std::chrono::seconds(1));
    decided_ = std::make_unique<command_router>(fleet_, replies_, fleet_, *decisions_);
  }
  base::result<void> route(int op, std::string_view d) {
    return decided_->route(op, d, from_, rate_limited_);
  }

  std::unique_ptr<decide::desk> decisions_;
  std::unique_ptr<command_router> decided_;
};

TEST_F(DecidedRouterTest, OnCommandMayDropAndRewrite) {
  controller_table table;
  table.on_command = [](const auto& asked, const auto& standard) -> command_answer {
    EXPECT_EQ(asked.lanes, 4u);
    if (asked.op == 4) return {.what = command_answer::verdict::drop};
    if (asked.op == 3) return {.what = command_answer::verdict::rewrite, .d = R"({"status":"dnd"})"};
    return standard(asked);
  };
  use(table);
  EXPECT_TRUE(route(4, R"({"guild_id":"1","channel_id":null})"));
  EXPECT_TRUE(fleet_.sent.empty());
  EXPECT_EQ(decided_->dropped(), 1u);
  EXPECT_TRUE(route(3, R"({"status":"online"})"));
  EXPECT_EQ(last()["d"]["status"], "dnd");
  EXPECT_TRUE(route(8, R"({"guild_id":"1","query":"","limit":0})"));
  EXPECT_EQ(last()["op"], 8);
}

TEST_F(CommandRouterTest, EqualMemberRequestsUnderWayAreOne) {
  const auto* members = R"({"guild_id":"1","query":"","limit":0,"nonce":"a"})";
  ASSERT_TRUE(route(8, members));
  from_.session = 10;
  ASSERT_TRUE(route(8, R"({"guild_id":"1","query":"","limit":0,"nonce":"b"})"));
  ASSERT_EQ(fleet_.sent.size(), 1u);
  EXPECT_EQ(router_.joined(), 1u);
  ASSERT_TRUE(route(8, R"({"guild_id":"1","query":"x","limit":0})"));
  EXPECT_EQ(fleet_.sent.size(), 2u) << "another query is another request";
  const auto who = replies_.find(std::string(json::parse(fleet_.sent.front().payload)["d"]["nonce"]), true);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->first.session, 9u);
  ASSERT_EQ(who->joined.size(), 1u);
  EXPECT_EQ(who->joined[0].session, 10u);
  EXPECT_EQ(who->joined[0].nonce, R"("b")");
}

TEST_F(CommandRouterTest, ARefusedMemberRequestIsNobodysToJoin) {
  fleet_.full = true;
  EXPECT_FALSE(route(8, R"({"guild_id":"1","query":"","limit":0})"));
  fleet_.full = false;
  EXPECT_TRUE(route(8, R"({"guild_id":"1","query":"","limit":0})"));
  EXPECT_EQ(fleet_.sent.size(), 1u);
}

TEST_F(DecidedRouterTest, CoalesceMembersMayKeepThemApart) {
  controller_table table;
  table.coalesce_members = [](const auto& asked, const auto&) { return asked.guild != 1; };
  use(table);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(route(8, R"({"guild_id":"1","query":"","limit":0})"));
  EXPECT_EQ(fleet_.sent.size(), 2u);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(route(8, R"({"guild_id":"2","query":"","limit":0})"));
  EXPECT_EQ(fleet_.sent.size(), 3u);
}

}  // namespace
}  // namespace evergate::downstream
