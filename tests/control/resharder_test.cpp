// The steps of a resharding, from what is seen of two fleets.
#include "control/resharder.h"

#include <gtest/gtest.h>

namespace evergate::control::resharder_cases {
namespace {

using namespace std::chrono_literals;
using enum reshard_phase;

class Resharder : public ::testing::Test {
 protected:
  void begin() {
    reshard_task task;
    task.from = {2};
    task.to = {3};
    task.cause = "asked for";
    machine.begin(task, now);
  }
  reshard_orders step(base::milliseconds later = 200ms) {
    now += later;
    auto out = machine.step(seen, now);
    for (const auto shard : out.retire) machine.retired(shard);
    return out;
  }
  void reach_cut() {
    begin();
    seen.ready_shards = 3;
    (void)step();
    EXPECT_TRUE(step().open);
    EXPECT_EQ(machine.task().phase, cut);
  }
  void reach_drain() {
    reach_cut();
    seen.complete = true;
    EXPECT_TRUE(step().changed);
    EXPECT_EQ(machine.task().phase, drain);
    seen.closable = {false, false};
    seen.voice = {false, false};
  }

  base::instant now{1'000s};
  reshard_facts seen;
  resharder machine{
      {.stall_max = 10'000ms, .guild_wait = 3'000ms, .voice_drain_max = 60'000ms, .drain_max = 20'000ms}};
};

TEST_F(Resharder, FromTheFirstReadyToTheReceipt) {
  reach_drain();
  seen.closable = {false, true};
  EXPECT_EQ(step().retire, std::vector<std::uint32_t>{1});
  EXPECT_TRUE(step().retire.empty());
  seen.closable = {true, true};
  const auto last = step();
  EXPECT_EQ(last.retire, std::vector<std::uint32_t>{0});
  EXPECT_TRUE(step().end_fleet);
  EXPECT_EQ(machine.leaving(), fleet_side::old_fleet);
  EXPECT_FALSE(step().finish);
  seen.ended = true;
  EXPECT_TRUE(step().finish);
  machine.done();
  EXPECT_FALSE(machine.busy());
}

TEST_F(Resharder, WaitsForGuildsButNotForEver) {
  begin();
  seen.ready_shards = 3;
  seen.awaited = 1;
  EXPECT_TRUE(step().changed);
  EXPECT_EQ(machine.task().phase, overlap);
  EXPECT_FALSE(step(2'900ms).open);
  EXPECT_TRUE(step().open);
}

TEST_F(Resharder, ANewShardThatNeverComesEndsIt) {
  begin();
  seen.ready_shards = 1;
  EXPECT_FALSE(step(9'000ms).changed);  // one more has come: the wait begins anew
  EXPECT_FALSE(step(9'000ms).changed);
  const auto given_up = step(1'000ms);
  EXPECT_TRUE(given_up.turn_back);
  EXPECT_TRUE(given_up.end_fleet);
  EXPECT_EQ(machine.leaving(), fleet_side::new_fleet);
  EXPECT_EQ(machine.task().phase, leave);
  EXPECT_NE(machine.task().abort_cause.find("1 of 3"), std::string::npos);
}

TEST_F(Resharder, AbortWhileGuildsMoveBringsThemBack) {
  reach_cut();
  reshard_orders orders;
  ASSERT_TRUE(machine.abort("asked for", orders, now));
  EXPECT_TRUE(orders.turn_back);
  EXPECT_FALSE(orders.end_fleet);
  EXPECT_EQ(machine.task().phase, back);
  EXPECT_TRUE(step().retire.empty());
  seen.complete = true;
  seen.closable = {true, true, true};
  const auto last = step();
  EXPECT_EQ(last.retire.size(), 3U);
  EXPECT_TRUE(step().end_fleet);
  EXPECT_FALSE(machine.abort("again", orders, now));
}

TEST_F(Resharder, TooLateToAbortOnceAnOldShardIsClosed) {
  reach_drain();
  seen.closable = {true, false};
  EXPECT_EQ(step().retire.size(), 1U);
  reshard_orders orders;
  EXPECT_FALSE(machine.abort("asked for", orders, now));
}

TEST_F(Resharder, AShardToWhichAGuildHasComeBackIsAskedForAgain) {
  reach_drain();
  seen.closable = {true, true};
  for (int i = 0; i < 2; ++i) {
    now += 200ms;
    EXPECT_EQ(machine.step(seen, now).retire.size(), 2U) << "neither is told to be closed";
  }
  seen.complete = false;
  EXPECT_TRUE(step(60'000ms).retire.empty());
  seen.complete = true;
  seen.closable = {false, false};
  EXPECT_TRUE(step().retire.empty()) << "the time of draining begins anew";
  EXPECT_EQ(machine.task().phase, drain);
}

TEST_F(Resharder, AShardThatCannotBeShownToBeDoneIsClosedInTheEnd) {
  reach_drain();
  EXPECT_TRUE(step(19'000ms).retire.empty());
  EXPECT_EQ(step(20'001ms).retire.size(), 2U);
}

TEST_F(Resharder, TheBotsVoiceKeepsItsShard) {
  reach_drain();
  seen.closable = {true, true};
  seen.voice = {true, false};
  EXPECT_EQ(step().retire, std::vector<std::uint32_t>{1});
  EXPECT_TRUE(step(50'000ms).retire.empty());
  seen.voice = {false, false};
  EXPECT_EQ(step().retire, std::vector<std::uint32_t>{0});
}

TEST_F(Resharder, VoiceIsWaitedForSoLong) {
  reach_drain();
  seen.closable = {true, true};
  seen.voice = {true, true};
  EXPECT_TRUE(step(1ms).retire.empty());
  EXPECT_EQ(step(60'001ms).retire.size(), 2U);
}

TEST_F(Resharder, ItsTaskIsWhatIsKept) {
  reshard_task task;
  task.phase = cut;
  task.from = {7, true};
  task.to = {7};
  task.began_ms = 5;
  task.restarts = 2;
  task.turned = true;
  task.cause = "\"so\"";
  const auto again = parse_task(task.to_json());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->to_json(), task.to_json());
  EXPECT_EQ(again->from, task.from);
  EXPECT_EQ(again->phase, cut);
  EXPECT_TRUE(again->turned);
  for (const char* bad : {"", "{}", R"({"phase":"cut","from":[2,false],"to":[2,false]})",
                          R"({"phase":"x","from":[2,false],"to":[3,false]})",
                          R"({"phase":"cut","from":[0,false],"to":[3,false]})"}) {
    EXPECT_FALSE(parse_task(bad)) << bad;
  }
}

TEST_F(Resharder, AnEarlierRunsTaskGoesOnWithItsCuts) {
  reshard_task task;
  task.phase = drain;
  task.from = {2};
  task.to = {3};
  machine.go_on(task, now);
  EXPECT_EQ(machine.task().phase, cut);
  EXPECT_EQ(machine.task().restarts, 1U);
  seen.complete = true;
  EXPECT_TRUE(step().changed);
  EXPECT_EQ(machine.task().phase, drain);
}

TEST_F(Resharder, GuildsDoNotMoveUntilItIsPermitted) {
  begin();
  seen.ready_shards = 3;
  seen.permitted = false;
  (void)step();
  EXPECT_TRUE(machine.may_open(0, now));
  EXPECT_FALSE(step(9'000ms).open);
  seen.permitted = true;
  EXPECT_TRUE(step().open);
}

TEST_F(Resharder, AndNotForEver) {
  begin();
  seen.ready_shards = 3;
  seen.permitted = false;
  (void)step();
  EXPECT_TRUE(step(10'000ms).end_fleet);
  EXPECT_TRUE(machine.task().turned);
  EXPECT_NE(machine.task().abort_cause.find("permit_switch"), std::string::npos);
}

}  // namespace
}  // namespace evergate::control::resharder_cases
