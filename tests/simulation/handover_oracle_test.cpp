#include "handover_oracle.h"

#include <gtest/gtest.h>

namespace evergate::simulation::handover_oracle_cases {
namespace {

constexpr proto::snowflake guild = 2ULL << 22;

/// Two sessions of one guild: "old" of 2 shards, "new" of 3.
class HandoverOracle : public ::testing::Test {
 protected:
  HandoverOracle() {
    row(stored_row::kind::started, 1, "old", {0, 2}, 1);
    sent.push_back({1, 0, "READY", "session", 0, {{"old", 1, {0, 2}}}});
  }
  void row(stored_row::kind what, std::uint64_t serial, const std::string& session, proto::shard_key shard,
           std::uint32_t seq, std::int64_t last_seq = -1) {
    stored_row r;
    r.what = what;
    r.offset = ++offset;
    r.shard = shard;
    r.seq = seq;
    r.serial = serial;
    r.session = session;
    r.last_seq = last_seq;
    judge.stored(r, 0);
  }
  void event(std::uint64_t serial) { row(stored_row::kind::event, serial, {}, {0, 2}, 9); }
  /// Discord gave it both sessions, `seq` to the old one.
  void dispatched(std::uint64_t serial, std::uint32_t seq) {
    sent.push_back({serial, guild, "TYPING_START", "event", 0, {{"old", seq, {0, 2}}, {"new", seq, {2, 3}}}});
  }
  std::vector<std::string> verdict() {
    judge.finish(sent);
    return judge.findings();
  }

  std::uint64_t offset = 0;
  handover_oracle judge;
  std::vector<ledger_entry> sent;
};

TEST_F(HandoverOracle, OnceAndInOrderIsWell) {
  for (const std::uint32_t n : {2U, 3U}) {
    dispatched(n, n);
    event(n);
  }
  EXPECT_TRUE(verdict().empty());
}

TEST_F(HandoverOracle, TwiceIsDoubledAndTheOtherWayRoundIsReordered) {
  for (const std::uint32_t n : {2U, 3U}) dispatched(n, n);
  for (const std::uint64_t n : {3U, 2U, 2U}) event(n);
  const auto found = verdict();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_TRUE(found[0].starts_with("reordered"));
  EXPECT_TRUE(found[1].starts_with("doubled"));
}

TEST_F(HandoverOracle, WhatIsMissingIsLost) {
  dispatched(2, 2);
  EXPECT_TRUE(verdict().at(0).starts_with("lost"));
}

TEST_F(HandoverOracle, UnlessItLiesBehindAGap) {
  dispatched(2, 2);
  dispatched(3, 3);
  dispatched(4, 4);
  event(2);
  row(stored_row::kind::gap, 0, "old", {0, 2}, 0, 2);
  event(4);
  EXPECT_TRUE(verdict().empty());
  EXPECT_EQ(judge.lost_with_record(), 1U);
}

TEST_F(HandoverOracle, WhichLastsUntilTheGuildIsShownAndNotOnlySaidToBeDown) {
  stored_row down;
  down.serial = 2;
  down.down = true;
  sent.push_back({2, guild, "GUILD_DELETE", "backfill", 0, {{"old", 2, {0, 2}}}});
  dispatched(3, 3);
  dispatched(4, 4);
  row(stored_row::kind::gap, 0, "old", {0, 2}, 0, 1);
  down.offset = ++offset;
  judge.stored(down, 0);
  event(4);
  EXPECT_TRUE(verdict().empty());
  EXPECT_EQ(judge.lost_with_record(), 1U);
}

TEST_F(HandoverOracle, WhichExcusesNothingBeforeItAndNothingOnceTheGuildIsShownAgain) {
  for (const std::uint32_t n : {2U, 3U, 4U, 5U}) dispatched(n, n);
  row(stored_row::kind::gap, 0, "old", {0, 2}, 0, 2);
  event(4);
  const auto found = verdict();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_TRUE(found[0].contains("TYPING_START 2"));
  EXPECT_TRUE(found[1].contains("TYPING_START 5"));
}

}  // namespace
}  // namespace evergate::simulation::handover_oracle_cases
