#include "bot_check.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace evergate::simulation {
namespace {

using namespace std::chrono_literals;

constexpr proto::snowflake guild = 1ULL << 22;

base::instant at(base::milliseconds when) {
  return base::instant{when};
}

/// Bots of one lane: "old" was granted it at 5 s and is there all the while.
class BotCheckTest : public testing::Test {
 protected:
  BotCheckTest() {
    session("old", 1, 5s);
    log_.live.emplace_back("old", at(5s));
    rules_.guilds = &guilds_;
    rules_.interactions_within = [](base::instant) { return 1'500ms; };
  }
  bot_session& session(const std::string& id, std::uint32_t number, base::milliseconds granted) {
    log_.grants[id] = {.session = id,
                       .number = number,
                       .lane = {0, 1},
                       .layout = 1,
                       .at = at(granted),
                       .start = {},
                       .older = {},
                       .interactions = {}};
    auto& out = log_.sessions.emplace_back();
    out.id = id;
    out.lane = {0, 1};
    out.intents = ~0u;
    return out;
  }
  void row(std::string type, base::milliseconds when) {
    const auto number = rows_.size() + 1;
    rows_.push_back({.offset = flow::offset{number},
                     .type = std::move(type),
                     .guild = guild,
                     .serial = number,
                     .at = at(when)});
  }
  /// The breaches that say this.
  std::size_t told(std::string_view what) {
    const auto verdict = check_bots(log_, rows_, rules_);
    return static_cast<std::size_t>(std::ranges::count_if(
        verdict.breaches, [&](const auto& one) { return one.find(what) != std::string::npos; }));
  }

  bot_log log_;
  std::vector<journal_row> rows_;
  guild_history guilds_{{}, {}};
  bot_rules rules_;
};

TEST_F(BotCheckTest, AnInteractionIsOwedToABotThatIsThere) {
  row("INTERACTION_CREATE", 9s);
  EXPECT_EQ(told("never reached a bot"), 1u);
}

TEST_F(BotCheckTest, ABotThatWasReplacedInTheMomentOfItsGrantIsOwedNone) {
  session("new", 2, 5s);
  row("INTERACTION_CREATE", 9s);
  EXPECT_EQ(told("never reached a bot"), 0u);
  log_.grants["new"].number = 0;
  EXPECT_EQ(told("never reached a bot"), 1u) << "the other way about it is the old one's";
}

/// handler_grace: an event that "old" acknowledged comes again to a bot of another n.
TEST_F(BotCheckTest, WhatWasAcknowledgedWithinTheGraceBeforeAnotherNMayComeAgain) {
  rules_.handler_grace = 3s;
  row("MESSAGE_CREATE", 6s);
  auto& old = log_.sessions[0];
  auto& next = session("new", 2, 10s);
  log_.grants["new"].layout = 2;
  for (auto* one : {&old, &next}) {
    one->received.push_back({"READY", 0, 0, at(5s)});
    one->received.push_back({"MESSAGE_CREATE", guild, 1, at(one == &old ? 7s : 11s)});
    one->backfill = 1;
  }
  old.acknowledged.push_back({2, at(8s)});
  old.ended.push_back(at(30s));
  EXPECT_EQ(told("acknowledged it"), 0u);
  log_.grants["new"].at = at(20s);
  EXPECT_EQ(told("acknowledged it"), 1u) << "the grace was long over";
}

/// Seed 5410 --reshard: the answer to a beat lay unread while the bot dozed and the machine slept.
TEST_F(BotCheckTest, AnAnswerThatIsReadLateMayBeOfADaemonThatWasKilledLongBefore) {
  row("MESSAGE_CREATE", 6s);
  for (auto* one : {&log_.sessions[0], &session("new", 2, 90s)}) {
    one->received.push_back({"READY", 0, 0, at(5s)});
    one->received.push_back({"MESSAGE_CREATE", guild, 1, at(one->id == "old" ? 7s : 91s)});
    one->backfill = 1;
  }
  log_.sessions[0].acknowledged.push_back({2, at(70s), at(8s)});
  EXPECT_EQ(told("acknowledged it"), 1u);
  log_.daemon_kills = {at(8'500ms)};
  EXPECT_EQ(told("acknowledged it"), 0u);
  for (const auto killed : {7'900ms, 10'500ms, 69'500ms}) {
    log_.daemon_kills = {at(killed)};
    EXPECT_EQ(told("acknowledged it"), 1u) << "before the beat, or long on disk: " << killed.count();
  }
}

/// An event that "old" had, which closed cleanly long after, and that came again to "new".
class CleanCloseTest : public BotCheckTest {
 protected:
  CleanCloseTest() {
    row("MESSAGE_CREATE", 6s);
    for (auto* one : {&log_.sessions[0], &session("new", 2, 20s)}) {
      one->received.push_back({"READY", 0, 0, at(5s)});
      one->received.push_back({"MESSAGE_CREATE", guild, 1, at(one->id == "old" ? 7s : 21s)});
      one->backfill = 1;
    }
    log_.sessions[0].closed.push_back({2, at(12s)});
  }
};

TEST_F(CleanCloseTest, WhatWasSentLongBeforeCounts) {
  EXPECT_EQ(told("closed cleanly"), 1u);
}

TEST_F(CleanCloseTest, AfterABurstOnlyWhatWasAcknowledgedCounts) {
  log_.bursts.push_back({"old", at(6s), at(7s)});
  EXPECT_EQ(told("closed cleanly"), 0u);
  log_.sessions[0].acknowledged.push_back({1, at(8s)});
  EXPECT_EQ(told("closed cleanly"), 0u) << "not all of the burst";
  log_.sessions[0].acknowledged.push_back({2, at(13s)});
  EXPECT_EQ(told("closed cleanly"), 0u) << "after the close";
}

TEST_F(CleanCloseTest, ABurstThatWasAcknowledgedIsOver) {
  log_.bursts.push_back({"old", at(5s), at(6s)});
  log_.sessions[0].acknowledged.push_back({2, at(8s)});
  EXPECT_EQ(told("closed cleanly"), 1u);
}

}  // namespace
}  // namespace evergate::simulation
