// Interactions on their way past everything else.
#include <gtest/gtest.h>

#include <algorithm>

#include "core_rig.h"

namespace evergate::downstream {
namespace {

using namespace std::chrono_literals;
using testing::has;
using testing::names;

class BotInteractionsTest : public ::testing::Test {
 protected:
  static constexpr proto::snowflake a = 8ULL << 22;
  static constexpr proto::snowflake b = 9ULL << 22;

  static std::string of(const char* name, proto::snowflake id) { return fmt::format("{} {}", name, id); }
  BotInteractionsTest() {
    for (const auto id : {a, b}) {
      rig_.journal.set_guild(id, fmt::format(R"({{"id":"{}","unavailable":false,"members":[]}})", id));
    }
  }
  void interaction(int serial, proto::snowflake guild = a) {
    rig_.journal.interaction(guild, rig_.unix_ms, serial);
  }
  /// A bot that has its guilds.
  testing::rig_bot& ready() {
    auto& bot = rig_.connect();
    bot.identify();
    rig_.pass(200ms);
    bot.frames();
    return bot;
  }

  testing::core_rig rig_;
};

TEST_F(BotInteractionsTest, CarryTheLastNumberAndNoneOfTheirOwn) {
  auto& bot = ready();
  rig_.journal.message(a, 1);
  interaction(2);
  rig_.journal.message(a, 3);
  rig_.pump();
  const auto got = bot.frames();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0]["s"], 4);
  EXPECT_EQ(got[1]["s"], 5);
  EXPECT_EQ(got[2]["t"], "INTERACTION_CREATE");
  EXPECT_EQ(got[2]["s"], 5) << "after READY, two guilds and two messages";
}

TEST_F(BotInteractionsTest, OvertakeAFullWindow) {
  rig_.policy->ack_window = 2;
  auto& bot = ready();
  for (int i = 1; i <= 5; ++i) rig_.journal.message(a, i);
  rig_.pump();
  EXPECT_EQ(bot.events().size(), 2u);
  interaction(6);
  rig_.pump();
  EXPECT_EQ(bot.events(), (names{"INTERACTION_CREATE 6"}));
  bot.beat();
  EXPECT_EQ(bot.events(), (names{"MESSAGE_CREATE 3", "MESSAGE_CREATE 4"}));
}

TEST_F(BotInteractionsTest, OvertakeAQueueAndComeOnce) {
  ready().drop();
  rig_.options.pump_bytes = 1;
  for (int i = 1; i <= 50; ++i) rig_.journal.message(a, i);
  interaction(51);
  auto& bot = rig_.connect();
  bot.identify();
  rig_.pass(200ms);
  const auto events = bot.events();
  ASSERT_EQ(events.size(), 54u);
  EXPECT_EQ(events.back(), "MESSAGE_CREATE 50");
  EXPECT_LE(std::ranges::find(events, "INTERACTION_CREATE 51") - events.begin(), 5);
  bot.drop();
  auto& again = rig_.connect();
  again.identify();
  rig_.pass(200ms);
  EXPECT_FALSE(has(again.events(), "INTERACTION_CREATE 51"));
}

TEST_F(BotInteractionsTest, BringTheirGuildForward) {
  testing::core_rig slow;
  for (proto::snowflake id = 1; id <= 5; ++id) {
    slow.journal.set_guild(id << 22, fmt::format(R"({{"id":"{}","unavailable":false}})", id << 22));
  }
  auto& late = slow.connect();
  slow.options.pump_bytes = 1;
  late.core.message(R"({"op":2,"d":{"token":"MTA.x.y","intents":1,"shard":[0,1]}})", slow.now());
  slow.posted.front()();  // the grant: READY and the first guild
  slow.posted.clear();
  EXPECT_EQ(late.events(), (names{"READY", of("GUILD_CREATE", 1ULL << 22)}));
  slow.journal.interaction(4ULL << 22, slow.unix_ms, 9);
  late.core.pump(slow.now());
  ASSERT_EQ(slow.posted.size(), 1u);
  EXPECT_EQ(late.events(), (names{of("GUILD_CREATE", 2ULL << 22)}));
  slow.posted.front()();
  slow.posted.clear();
  const auto forward = late.frames();
  ASSERT_GE(forward.size(), 2u);
  EXPECT_EQ(forward[0]["t"], "GUILD_CREATE");
  EXPECT_EQ(forward[0]["d"]["id"], std::to_string(4ULL << 22));
  EXPECT_EQ(forward[0]["s"], 4);
  EXPECT_EQ(forward[1]["t"], "INTERACTION_CREATE");
  EXPECT_EQ(forward[1]["s"], 4);
  EXPECT_EQ(forward[2]["d"]["id"], std::to_string(3ULL << 22));
  late.hungry = true;
  slow.settle();
  EXPECT_EQ(late.events(), (names{of("GUILD_CREATE", 5ULL << 22)})) << "4 has been shown";
}

TEST_F(BotInteractionsTest, OvertakeTheGate) {
  rig_.read_with(consumer_rules{.queue_quiet = 5s});
  rig_.options.tick = 100ms;
  auto& bot = ready();
  rig_.journal.message(a, 1);
  interaction(2);
  rig_.pump();
  EXPECT_EQ(bot.events(), (names{"INTERACTION_CREATE 2"}));
  rig_.pass(5s);
  EXPECT_EQ(bot.events(), (names{"MESSAGE_CREATE 1"}));
}

TEST_F(BotInteractionsTest, OvertakeAReplay) {
  auto& first = ready();
  const auto seen = first.seq;
  for (int i = 1; i <= 5; ++i) rig_.journal.message(a, i);
  rig_.pump();
  (void)first.frames();
  first.drop();
  interaction(6);
  auto& second = rig_.connect();
  second.resume(first.session, seen);
  EXPECT_EQ(second.events(),
            (names{"MESSAGE_CREATE 1", "MESSAGE_CREATE 2", "MESSAGE_CREATE 3", "MESSAGE_CREATE 4",
                   "MESSAGE_CREATE 5", "RESUMED", "INTERACTION_CREATE 6"}))
      << "its commit took longer than the replay";
}

TEST_F(BotInteractionsTest, WaitForTheirCommitAndAreGivenBackWhenTheBotGoesBefore) {
  auto& bot = ready();
  rig_.hold_commits = true;
  interaction(1);
  rig_.pump();
  EXPECT_TRUE(bot.events().empty());
  EXPECT_EQ(rig_.stored().interactions[0].value, 1u);
  bot.drop();
  EXPECT_EQ(rig_.stored().interactions[0].value, 0u);
  rig_.tell_commits();
  EXPECT_TRUE(bot.events().empty());
  auto& next = rig_.connect();
  next.identify();
  EXPECT_TRUE(has(next.events(), "INTERACTION_CREATE 1"));
}

TEST_F(BotInteractionsTest, AreSentOnceWhenTheSessionEndsMeanwhile) {
  rig_.options.seq_max = 4;
  auto& bot = ready();
  rig_.journal.message(a, 1);
  rig_.pump();
  bot.frames();
  rig_.hold_commits = true;
  interaction(2);
  rig_.journal.message(a, 3);
  rig_.pump();
  bot.beat(4);
  const auto end = bot.frames();
  ASSERT_FALSE(end.empty());
  EXPECT_EQ(end.back()["op"], 9) << "its numbers are used up";
  bot.identify();
  EXPECT_FALSE(has(bot.events(), "INTERACTION_CREATE 2"));
  rig_.tell_commits();
  EXPECT_EQ(bot.events(), (names{"INTERACTION_CREATE 2"})) << "the first session's commit sends none";
}

TEST_F(BotInteractionsTest, AreSentBeforeTheLayoutsEnd) {
  auto& old = ready();
  rig_.hold_commits = true;
  interaction(1);
  rig_.pump();
  auto& first = rig_.connect();
  first.identify({0, 2});
  auto& second = rig_.connect();
  second.identify({1, 2});
  EXPECT_EQ(old.closed_with, 0);
  rig_.tell_commits();
  EXPECT_TRUE(has(old.events(), "INTERACTION_CREATE 1"));
  EXPECT_EQ(old.closed_with, 4010);
  rig_.pass(200ms);
  EXPECT_FALSE(has(first.events(), "INTERACTION_CREATE 1"));
  EXPECT_FALSE(has(second.events(), "INTERACTION_CREATE 1"));
}

TEST_F(BotInteractionsTest, ADroppedOneIsCountedForItsConsumer) {
  auto& bot = ready();
  bot.full = true;
  interaction(1);
  rig_.pump();
  rig_.pass(4s);
  bot.full = false;
  rig_.pump();
  EXPECT_TRUE(bot.events().empty());
  auto* main = rig_.readers->find_or_make("main");
  EXPECT_EQ(main->body.interactions_expired(), 1u);
  EXPECT_EQ(main->body.interactions_sent(), 0u);
}

}  // namespace
}  // namespace evergate::downstream
