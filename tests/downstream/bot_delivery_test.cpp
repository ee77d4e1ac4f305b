// What a connection does about pace, acknowledgement, redelivery and events that bots die of.
#include <gtest/gtest.h>

#include <algorithm>

#include "core_rig.h"

namespace evergate::downstream {
namespace {

using namespace std::chrono_literals;
using testing::has;
using testing::names;

class BotDeliveryTest : public ::testing::Test {
 protected:
  static constexpr proto::snowflake a = 8ULL << 22;
  testing::rig_bot& ready(std::string_view library = "discord.js") {
    auto& bot = rig_.connect();
    bot.identify({0, 1}, library);
    rig_.pass(200ms);
    bot.frames();
    return bot;
  }
  void messages(int first, int last) {
    for (int i = first; i <= last; ++i) {
      rig_.journal.add(proto::event_type::message_create, a,
                       fmt::format(R"({{"_serial":{},"guild_id":"{}","author":{{"id":"5"}}}})", i, a));
    }
    rig_.pump();
  }
  std::uint64_t cursor() { return rig_.stored().cursors[0].value; }

  testing::core_rig rig_;
};

TEST_F(BotDeliveryTest, CatchesUpAtItsRateAndIsLiveThen) {
  rig_.options.catch_up_max_rate = 100;
  auto& first = ready("D++");
  messages(1, 1);
  first.drop();
  messages(2, 300);
  auto& bot = rig_.connect();
  bot.identify({0, 1}, "D++");
  rig_.pass(1s);
  EXPECT_NEAR(static_cast<double>(bot.events().size()), 100, 25);
  rig_.pass(1s);
  EXPECT_NEAR(static_cast<double>(bot.events().size()), 100, 25);
  rig_.pass(2s);
  EXPECT_TRUE(has(bot.events(), "MESSAGE_CREATE 300"));
  messages(301, 500);
  EXPECT_EQ(bot.events().size(), 200u) << "live traffic is not paced";
}

TEST_F(BotDeliveryTest, InteractionsAreNotPaced) {
  rig_.options.catch_up_max_rate = 1;
  ready("D++").drop();
  messages(1, 100);
  auto& bot = rig_.connect();
  bot.identify({0, 1}, "D++");
  rig_.pass(1s);
  (void)bot.events();
  rig_.journal.interaction(a, rig_.unix_ms, 101);
  rig_.pump();
  EXPECT_TRUE(has(bot.events(), "INTERACTION_CREATE 101"));
}

TEST_F(BotDeliveryTest, AsksProvenLibrariesWhileSomethingIsUnacknowledged) {
  auto& bot = ready();
  bot.beat();
  (void)bot.frames();
  rig_.pass(3s);
  (void)bot.frames();
  EXPECT_EQ(bot.asked, 0u) << "nothing is unacknowledged";
  messages(1, 3);
  rig_.pass(100ms);
  (void)bot.frames();
  EXPECT_EQ(bot.asked, 1u);
  EXPECT_EQ(cursor(), 0u);
  bot.beat();
  EXPECT_EQ(cursor(), 3u);
  rig_.pass(3s);
  (void)bot.frames();
  EXPECT_EQ(bot.asked, 1u);
}

TEST_F(BotDeliveryTest, NeverAsksOthersNorByOption) {
  auto& bot = ready("D++");
  bot.beat();
  messages(1, 3);
  rig_.pass(5s);
  (void)bot.frames();
  EXPECT_EQ(bot.asked, 0u);
  rig_.options.ask_heartbeats = false;
  auto& other = rig_.connect();
  other.identify({0, 1}, "discord.js");
  rig_.pass(2s);
  other.beat();
  messages(4, 5);
  rig_.pass(5s);
  (void)other.frames();
  EXPECT_EQ(other.asked, 0u);
}

TEST_F(BotDeliveryTest, DoesNotAskWhileItsAnswerWouldWait) {
  auto& bot = ready();
  bot.beat();
  messages(1, 3);
  bot.unsent = 1;
  rig_.pass(1s);
  (void)bot.frames();
  EXPECT_EQ(bot.asked, 0u);
  bot.unsent = 0;
  rig_.pass(100ms);
  (void)bot.frames();
  EXPECT_EQ(bot.asked, 1u);
}

TEST_F(BotDeliveryTest, AcknowledgedWithinTheHandlersGraceComesAgainAfterAnUncleanEnd) {
  rig_.options.handler_grace = 500ms;
  auto& bot = ready();
  messages(1, 2);
  bot.frames();
  bot.beat();
  rig_.pass(600ms);
  EXPECT_EQ(cursor(), 2u) << "their handlers have had their time";
  messages(3, 4);
  bot.frames();
  bot.beat();
  rig_.pass(300ms);
  EXPECT_EQ(cursor(), 2u);
  bot.drop();
  auto& next = rig_.connect();
  next.identify();
  rig_.pass(200ms);
  EXPECT_EQ(next.events(), (names{"READY", "MESSAGE_CREATE 3", "MESSAGE_CREATE 4"}));
}

// Seed 9: the machine slept, and on waking its beats were missed before anything was reported.
TEST_F(BotDeliveryTest, AnUncleanEndLongAfterTheGraceRepeatsNothing) {
  rig_.options.handler_grace = 500ms;
  auto& bot = ready();
  messages(1, 2);
  bot.frames();
  bot.beat();
  EXPECT_EQ(cursor(), 0u);
  rig_.clock += 28s;
  bot.drop();
  EXPECT_EQ(cursor(), 2u);
}

TEST_F(BotDeliveryTest, ACleanEndNeedsNoGrace) {
  rig_.options.handler_grace = 500ms;
  rig_.policy->on_clean_close = clean_close::acked;
  auto& bot = ready();
  messages(1, 4);
  bot.frames();
  bot.beat(3);
  bot.close();
  EXPECT_EQ(cursor(), 2u);
}

TEST_F(BotDeliveryTest, ABeatThatTheNewLayoutDoesNotCountIsNotAnswered) {
  const auto answered = [](testing::rig_bot& bot) {
    return std::ranges::any_of(bot.frames(), [](const auto& frame) { return frame["op"] == 11; });
  };
  auto& old = ready();
  messages(1, 3);
  ASSERT_EQ(old.events().size(), 3u);
  old.beat();
  EXPECT_TRUE(answered(old));
  messages(4, 5);
  ASSERT_EQ(old.events().size(), 2u);
  auto& left = rig_.connect();
  auto& right = rig_.connect();
  left.identify({0, 2});
  // The layout changes with the second, on another loop: the beat is here before the order to close.
  right.identify_unsettled({1, 2});
  old.beat_unsettled();
  EXPECT_FALSE(answered(old));
  rig_.settle();
  EXPECT_EQ(old.closed_with, 4010);
  rig_.pass(200ms);
  EXPECT_TRUE(has(left.events(), "MESSAGE_CREATE 4")) << "so it comes again";
}

TEST_F(BotDeliveryTest, ASupersededBotIsAnswered) {
  auto& old = ready("D++");
  messages(1, 1);
  (void)old.frames();
  auto& next = rig_.connect();
  next.identify();
  rig_.pass(200ms);
  messages(2, 2);
  next.beat();
  (void)old.frames();
  old.beat();
  const auto got = old.frames();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0]["op"], 11);
}

TEST_F(BotDeliveryTest, AfterACloseFrameWhatWasSentCountsSaveTheGrace) {
  rig_.policy->close_grace = 200ms;
  auto& bot = ready();
  messages(1, 4);
  rig_.pass(300ms);
  messages(5, 6);
  rig_.pass(100ms);
  bot.close();
  EXPECT_EQ(cursor(), 4u);
}

TEST_F(BotDeliveryTest, AfterACloseFrameOnlyWhatWasAcknowledgedCountsByOption) {
  rig_.policy->on_clean_close = clean_close::acked;
  auto& bot = ready();
  messages(1, 4);
  bot.frames();
  bot.beat(3);
  rig_.pass(10s);
  bot.close();
  EXPECT_EQ(cursor(), 2u);
}

TEST_F(BotDeliveryTest, AtMostOnceSendsNothingAgain) {
  rig_.policy->redeliver = redelivery::at_most_once;
  auto& bot = ready();
  messages(1, 5);
  EXPECT_EQ(bot.events().size(), 5u);
  EXPECT_EQ(cursor(), 5u) << "ahead of the bot";
  bot.drop();
  auto& next = rig_.connect();
  next.identify();
  rig_.pass(200ms);
  EXPECT_EQ(next.events(), (names{"READY"}));
}

TEST_F(BotDeliveryTest, AtMostOnceStillSendsWhatWasOnlyReserved) {
  rig_.policy->redeliver = redelivery::at_most_once;
  auto& bot = ready();
  rig_.options.pump_bytes = 1;
  for (int i = 1; i <= 5; ++i) rig_.journal.message(a, i);
  bot.core.pump(rig_.now());                 // reserves
  std::exchange(rig_.posted, {}).front()();  // and is told: one event in a turn
  EXPECT_EQ(bot.events().size(), 1u);
  EXPECT_EQ(cursor(), 5u);
  bot.drop();
  EXPECT_EQ(cursor(), 1u);
  auto& next = rig_.connect();
  next.identify();
  rig_.pass(200ms);
  EXPECT_EQ(next.events().size(), 5u) << "READY and four";
}

TEST_F(BotDeliveryTest, AtMostOnceGoesOnBehindAHole) {
  rig_.policy->redeliver = redelivery::at_most_once;
  ready().drop();
  for (int i = 1; i <= 2'500; ++i) rig_.journal.message(a, i);
  for (std::uint64_t gone = 1; gone <= 2'490; ++gone) rig_.journal.evict(flow::offset{gone});
  auto& bot = rig_.connect();
  bot.identify();
  std::size_t got = 0;
  for (int i = 0; i < 10; ++i) {
    rig_.pass(200ms);
    got += bot.events().size();
  }
  EXPECT_EQ(got, 11U) << "READY and ten";
}

TEST_F(BotDeliveryTest, AtMostOnceATakeoverLeavesWhatWasOnlyReservedToTheNext) {
  rig_.policy->redeliver = redelivery::at_most_once;
  auto& bot = ready();
  rig_.options.pump_bytes = 1;
  for (int i = 1; i <= 5; ++i) rig_.journal.message(a, i);
  bot.core.pump(rig_.now());
  std::exchange(rig_.posted, {}).front()();
  EXPECT_EQ(bot.events().size(), 1u);
  EXPECT_EQ(cursor(), 5u);
  auto& next = rig_.connect();
  next.identify();
  std::size_t got = 0;
  for (int i = 0; i < 40; ++i) {
    rig_.pass(500ms);
    got += next.events().size();
  }
  EXPECT_EQ(got, 5u) << "READY and four";
  EXPECT_TRUE(bot.events().empty());
}

class PoisonTest : public BotDeliveryTest {
 protected:
  /// A bot that dies of serial `poison`, when it comes to it.
  std::vector<std::string> life(int poison) {
    auto& bot = rig_.connect();
    bot.identify();
    std::vector<std::string> all;
    for (int i = 0; i < 20; ++i) {
      rig_.pass(200ms);
      const auto got = bot.events();
      all.insert(all.end(), got.begin(), got.end());
      if (std::ranges::find(got, fmt::format("MESSAGE_CREATE {}", poison)) != got.end()) {
        bot.drop();
        break;
      }
      bot.beat();
    }
    rig_.settle();
    return all;
  }
};

TEST_F(PoisonTest, IsPutApartAndTheRestFlows) {
  ready().drop();
  messages(1, 6);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(life(1).size(), 7u) << "READY and all in one go";
  }
  EXPECT_EQ(life(1).size(), 4u) << "half of them";
  EXPECT_EQ(life(1), (names{"READY", "MESSAGE_CREATE 1"}));
  EXPECT_EQ(cursor(), 0u);
  EXPECT_EQ(life(1), (names{"READY", "MESSAGE_CREATE 1"}));
  EXPECT_EQ(cursor(), 1u);
  ASSERT_EQ(rig_.readers->letters().size(), 1u);
  const auto letter = *rig_.readers->letters().list()[0];
  EXPECT_EQ(letter.consumer, "main");
  EXPECT_EQ(letter.at.value, 1u);
  EXPECT_EQ(letter.type, "MESSAGE_CREATE");
  EXPECT_EQ(letter.guild, a);
  EXPECT_EQ(letter.time_ms, rig_.unix_ms);
  EXPECT_NE(letter.d.find(R"("_serial":1,)"), std::string::npos);
  EXPECT_EQ(life(1), (names{"READY", "MESSAGE_CREATE 2", "MESSAGE_CREATE 3", "MESSAGE_CREATE 4",
                            "MESSAGE_CREATE 5", "MESSAGE_CREATE 6"}));
}

TEST_F(PoisonTest, IsNotWhatStillWaitedToBeSent) {
  ready().drop();
  messages(1, 1);
  for (int i = 0; i < 9; ++i) {
    auto& bot = rig_.connect();
    bot.unsent = 5'000;  // the guilds, on a slow wire
    bot.identify();
    rig_.pass(400ms);
    bot.drop();
    rig_.settle();
  }
  EXPECT_EQ(cursor(), 0u);
  EXPECT_EQ(rig_.readers->letters().size(), 0u);
  EXPECT_EQ(life(1).back(), "MESSAGE_CREATE 1");
  EXPECT_EQ(life(1).back(), "MESSAGE_CREATE 1");
  EXPECT_EQ(cursor(), 1u) << "it had it twice, and died";
}

TEST_F(PoisonTest, IsFoundBehindOthersThatWereNotAcknowledgedEither) {
  ready().drop();
  messages(1, 6);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(has(life(4), "MESSAGE_CREATE 6"));
  EXPECT_EQ(life(4).back(), "MESSAGE_CREATE 4") << "1 to 3 were acknowledged";
  EXPECT_EQ(cursor(), 3u);
  EXPECT_EQ(life(4), (names{"READY", "MESSAGE_CREATE 4"}));
  EXPECT_EQ(cursor(), 4u);
  EXPECT_EQ(life(4), (names{"READY", "MESSAGE_CREATE 5", "MESSAGE_CREATE 6"}));
}

TEST_F(PoisonTest, IsFoundAmongManyInFewLives) {
  ready().drop();
  messages(1, 1'000);
  int lives = 0;
  for (; rig_.readers->letters().size() == 0 && lives < 50; ++lives) {
    (void)life(777);
    (void)cursor();
  }
  EXPECT_EQ(rig_.readers->letters().list().at(0)->at.value, 777u);
  EXPECT_LE(lives, 3 + 10 + 2) << "halved ten times";
}

TEST_F(PoisonTest, AfterTheSuspectTheWindowIsWideAgain) {
  ready().drop();
  messages(1, 6);
  for (int i = 0; i < 3; ++i) (void)life(1);
  const auto survived = life(99);
  EXPECT_TRUE(has(survived, "MESSAGE_CREATE 6"));
  rig_.bots.back()->drop();
  EXPECT_EQ(cursor(), 6u);
  messages(7, 9);
  auto& next = rig_.connect();
  next.identify();
  rig_.pass(200ms);
  EXPECT_EQ(next.events(), (names{"READY", "MESSAGE_CREATE 7", "MESSAGE_CREATE 8", "MESSAGE_CREATE 9"}));
}

TEST_F(PoisonTest, ABotThatHangsDiesOfItToo) {
  ready().drop();
  messages(1, 2);
  for (int i = 0; i < 5; ++i) {  // of two the half is one
    auto& bot = rig_.connect();
    bot.identify({0, 1}, "D++");
    rig_.pass(31s);
    EXPECT_EQ(bot.closed_with, 4009);
  }
  EXPECT_EQ(cursor(), 1u);
  EXPECT_EQ(rig_.readers->letters().size(), 1u);
}

TEST_F(PoisonTest, LettersAreRepeatedAndDiscarded) {
  ready().drop();
  messages(1, 1);
  for (int i = 0; i < 5; ++i) (void)life(1);
  ASSERT_EQ(cursor(), 1u);
  auto& desk = rig_.desk();
  const flow::dead_letter_key which{"main", flow::offset{1}};
  using repeated = consumers::repeated;
  EXPECT_EQ(rig_.readers->repeat_dead_letter({"main", flow::offset{2}}, desk), repeated::unknown);
  EXPECT_EQ(rig_.readers->repeat_dead_letter({"other", flow::offset{1}}, desk), repeated::unknown);
  EXPECT_EQ(rig_.readers->repeat_dead_letter(which, desk), repeated::no_bot);
  auto& bot = ready();
  const auto before = bot.seq;
  EXPECT_EQ(rig_.readers->repeat_dead_letter(which, desk), repeated::sent);
  rig_.settle();
  EXPECT_EQ(bot.events(), (names{"MESSAGE_CREATE 1"}));
  EXPECT_EQ(bot.seq, before);
  EXPECT_EQ(rig_.readers->letters().size(), 1u) << "it is kept";
  EXPECT_TRUE(rig_.readers->discard_dead_letter(which));
  EXPECT_FALSE(rig_.readers->discard_dead_letter(which));
  EXPECT_TRUE(rig_.journal.stored()->dead_letters.empty());
}

TEST_F(PoisonTest, LettersOutliveTheDaemonAndAreBounded) {
  ready().drop();
  messages(1, 3);
  for (int serial = 1; serial <= 3; ++serial) {
    for (int i = 0; i < 9 && rig_.readers->letters().size() < static_cast<std::size_t>(serial); ++i) {
      (void)life(serial);
      (void)cursor();
    }
  }
  EXPECT_EQ(rig_.readers->letters().size(), 3u);
  consumers again(rig_.journal, {}, 8, {}, 2);
  ASSERT_TRUE(again.load(rig_.clock));
  EXPECT_EQ(again.letters().size(), 3u);
  dead_letters two(2);
  std::vector<flow::dead_letter_key> out;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    auto letter = std::make_shared<flow::dead_letter>();
    letter->consumer = "main";
    letter->at = flow::offset{i};
    two.add(std::move(letter), out);
  }
  EXPECT_EQ(two.size(), 2u);
  EXPECT_EQ(two.pushed_out(), 1u);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].at.value, 1u) << "the oldest";
}

}  // namespace
}  // namespace evergate::downstream
