#include "downstream/heartbeat_asker.h"

#include <gtest/gtest.h>

namespace evergate::downstream {
namespace {

using namespace std::chrono_literals;

class HeartbeatAskerTest : public ::testing::Test {
 protected:
  HeartbeatAskerTest() {
    asker_.start(now_);
    own_beat();
  }
  void own_beat() {
    asker_.message(now_);
    EXPECT_FALSE(asker_.beat(now_));
  }
  bool ask(ask_need need = ask_need::regular) {
    if (!asker_.may_ask(need, now_)) return false;
    asker_.asked(now_);
    return true;
  }
  void answer() {
    asker_.message(now_);
    EXPECT_TRUE(asker_.beat(now_));
  }

  base::instant now_{1000s};
  heartbeat_asker asker_{10'000ms, 1'000ms};
};

TEST_F(HeartbeatAskerTest, OneQuestionAtATimeAndOneASecond) {
  EXPECT_TRUE(ask());
  now_ += 2s;
  EXPECT_FALSE(ask()) << "unanswered";
  EXPECT_FALSE(ask(ask_need::closely));
  answer();
  EXPECT_TRUE(ask());
  answer();
  now_ += 999ms;
  EXPECT_FALSE(ask());
  EXPECT_FALSE(ask(ask_need::window));
  EXPECT_TRUE(ask(ask_need::closely));
  answer();
  now_ += 49ms;
  EXPECT_FALSE(ask(ask_need::closely));
  now_ += 1ms;
  EXPECT_TRUE(ask(ask_need::closely));
}

TEST_F(HeartbeatAskerTest, NoneShortlyBeforeTheOwnBeatIsDue) {
  now_ += 9'001ms;
  for (const auto need : {ask_need::regular, ask_need::window, ask_need::closely}) EXPECT_FALSE(ask(need));
  now_ += 999ms;
  EXPECT_TRUE(ask()) << "it is late: nobody knows when";
  answer();
  now_ += 500ms;
  own_beat();
  now_ += 9'000ms;
  EXPECT_TRUE(ask()) << "an answer is no beat of its own, the schedule begins with the last of those";
  answer();
  now_ += 1s;
  own_beat();
  now_ += 8s;
  EXPECT_TRUE(ask());
}

TEST_F(HeartbeatAskerTest, ShortIntervalsHaveAShorterGuard) {
  heartbeat_asker quick(1'000ms, 100ms);
  quick.start(now_);
  quick.message(now_);
  quick.beat(now_);
  EXPECT_TRUE(quick.may_ask(ask_need::regular, now_ + 750ms));
  EXPECT_FALSE(quick.may_ask(ask_need::regular, now_ + 751ms));
}

TEST_F(HeartbeatAskerTest, WithoutAScheduleOnlyWhatIsNeeded) {
  asker_.start(now_);
  EXPECT_FALSE(ask(ask_need::regular));
  EXPECT_TRUE(ask(ask_need::window));
}

TEST_F(HeartbeatAskerTest, NeverPushesABotPastEightyAMinute) {
  for (int i = 0; i < 30; ++i) asker_.message(now_);  // commands
  std::uint32_t asked = 0;
  for (int tick = 0; tick < 580; ++tick) {
    now_ += 100ms;
    if (tick % 99 == 98) own_beat();
    if (!ask(ask_need::closely)) continue;
    ++asked;
    answer();
  }
  // Of 80: 30 commands, the fixture's beat, and 6 kept for its own, of which 5 came.
  EXPECT_EQ(asked, 80u - 30 - 1 - 6);
  now_ += 3s;
  EXPECT_TRUE(ask()) << "the commands are a minute old";
}

TEST_F(HeartbeatAskerTest, AnEndedSessionOwesNoAnswer) {
  EXPECT_TRUE(ask());
  asker_.stop();
  now_ += 1s;
  EXPECT_FALSE(asker_.waits_for_answer());
  asker_.start(now_);
  own_beat();
  EXPECT_TRUE(ask());
}

TEST_F(HeartbeatAskerTest, ALaggingBotIsNotAskedWhenTheAnswerWouldMeetItsOwnBeat) {
  EXPECT_TRUE(ask());
  now_ += 3s;  // the question waited in the bot's socket, and so will our op 11
  answer();
  now_ += 2s;
  EXPECT_FALSE(ask()) << "its own beat is due in 5 s";
  now_ += 5s;
  own_beat();
  now_ += 2s;
  EXPECT_TRUE(ask()) << "8 s are left";
  now_ += 100ms;
  answer();
  now_ += 5s;
  EXPECT_TRUE(ask()) << "it has caught up";
}

}  // namespace
}  // namespace evergate::downstream
