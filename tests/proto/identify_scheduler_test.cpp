#include "proto/identify_scheduler.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace evergate::proto {
namespace {

using namespace std::chrono_literals;
constexpr base::instant first_identify{50s};

identify_options options() {
  return {.spacing = 5'000ms, .lead = 1'000ms, .turn_max = 60'000ms};
}

std::vector<std::uint32_t> turns(identify_scheduler& s, base::instant now) {
  std::vector<identify_scheduler::turn> out;
  s.step(now, out);
  std::vector<std::uint32_t> shards;
  for (const auto& t : out) shards.push_back(t.shard);
  return shards;
}

TEST(IdentifyScheduler, NothingBeforeTheLimitsAreKnown) {
  identify_scheduler s(options());
  s.request(3);
  s.request(1);
  EXPECT_TRUE(turns(s, first_identify).empty());
  EXPECT_EQ(s.next(first_identify), std::nullopt);
  s.set_limits({1, 1000, 1000, first_identify + 1h});
  EXPECT_EQ(turns(s, first_identify), std::vector<std::uint32_t>{3});
}

TEST(IdentifyScheduler, BucketsInOrderEachOneAtATime) {
  identify_scheduler s(options());
  s.set_limits({4, 1000, 1000, first_identify + 1h});
  for (std::uint32_t i = 0; i < 12; ++i) s.request(i);
  EXPECT_EQ(turns(s, first_identify), (std::vector<std::uint32_t>{0, 1, 2, 3}));
  EXPECT_TRUE(turns(s, first_identify).empty());
  s.sent(2, first_identify + 1s);
  EXPECT_TRUE(turns(s, first_identify + 4s).empty());
  std::vector<identify_scheduler::turn> out;
  s.step(first_identify + 5s, out);  // early by `lead`
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].shard, 6U);
  EXPECT_EQ(out[0].not_before, first_identify + 6s);
}

TEST(IdentifyScheduler, CancelledRequestsAndTurnsMakeRoom) {
  identify_scheduler s(options());
  s.set_limits({1, 1000, 1000, first_identify + 1h});
  for (std::uint32_t i = 0; i < 4; ++i) s.request(i);
  EXPECT_EQ(turns(s, first_identify), std::vector<std::uint32_t>{0});
  s.cancel(1);
  s.cancel(0);  // gives its turn back, unused: no rest needed
  EXPECT_EQ(turns(s, first_identify), std::vector<std::uint32_t>{2});
  s.cancel(99);
  EXPECT_EQ(s.waiting(), 1U);
}

TEST(IdentifyScheduler, ARepeatedRequestKeepsItsPlace) {
  identify_scheduler s(options());
  s.set_limits({1, 1000, 1000, first_identify + 1h});
  s.request(5);
  s.request(6);
  s.request(5);
  EXPECT_EQ(s.waiting(), 2U);
  EXPECT_EQ(turns(s, first_identify), std::vector<std::uint32_t>{5});
  s.request(5);  // at its turn
  EXPECT_EQ(s.waiting(), 1U);
}

TEST(IdentifyScheduler, ARefusedOneGoesToTheEndOfTheLine) {
  identify_scheduler s(options());
  s.set_limits({1, 1000, 1000, first_identify + 1h});
  for (std::uint32_t i = 0; i < 3; ++i) s.request(i);
  EXPECT_EQ(turns(s, first_identify), std::vector<std::uint32_t>{0});
  s.sent(0, first_identify);
  s.refused(0, first_identify + 1s);
  s.request(0);
  EXPECT_EQ(s.refused_total(), 1U);
  EXPECT_EQ(s.remaining(), 999U);  // it counts
  std::vector<std::uint32_t> order;
  for (auto now = first_identify + 1s; order.size() < 3; now += 100ms) {
    for (const auto shard : turns(s, now)) {
      order.push_back(shard);
      s.sent(shard, now);
    }
  }
  EXPECT_EQ(order, (std::vector<std::uint32_t>{1, 2, 0}));
}

TEST(IdentifyScheduler, TheBudgetEndsAndComesBack) {
  identify_scheduler s(options());
  s.set_limits({16, 1000, 2, first_identify + 100s});
  for (std::uint32_t i = 0; i < 5; ++i) s.request(i);
  EXPECT_EQ(turns(s, first_identify), (std::vector<std::uint32_t>{0, 1}));
  s.sent(0, first_identify);
  s.sent(1, first_identify);
  EXPECT_TRUE(turns(s, first_identify + 10s).empty());
  EXPECT_EQ(s.next(first_identify + 10s), first_identify + 100s);
  EXPECT_EQ(turns(s, first_identify + 100s), (std::vector<std::uint32_t>{2, 3, 4}));
  EXPECT_EQ(s.remaining(), 1000U);
}

TEST(IdentifyScheduler, TheReserveIsNotTouched) {
  auto o = options();
  o.reserve = 10;
  identify_scheduler s(o);
  s.set_limits({16, 1000, 11, first_identify + 100s});
  s.request(0);
  s.request(1);
  EXPECT_EQ(turns(s, first_identify), std::vector<std::uint32_t>{0});
}

TEST(IdentifyScheduler, AForgottenTurnEnds) {
  identify_scheduler s(options());
  s.set_limits({1, 1000, 1000, first_identify + 1h});
  s.request(0);
  s.request(1);
  EXPECT_EQ(turns(s, first_identify), std::vector<std::uint32_t>{0});
  EXPECT_EQ(s.next(first_identify + 1s), first_identify + 60s);
  EXPECT_EQ(turns(s, first_identify + 60s), std::vector<std::uint32_t>{1});
}

TEST(IdentifyScheduler, AnotherConcurrencyKeepsEveryoneInLine) {
  identify_scheduler s(options());
  s.set_limits({1, 1000, 1000, first_identify + 1h});
  for (std::uint32_t i = 0; i < 6; ++i) s.request(i);
  EXPECT_EQ(turns(s, first_identify), std::vector<std::uint32_t>{0});
  s.sent(0, first_identify);
  s.set_limits({4, 1000, 999, first_identify + 1h});
  EXPECT_EQ(s.waiting(), 5U);
  EXPECT_TRUE(turns(s, first_identify + 3s).empty());
  EXPECT_EQ(turns(s, first_identify + 4s), (std::vector<std::uint32_t>{4, 1, 2, 3}));
}

// Property: whatever happens, two IDENTIFYs of one bucket are `spacing` apart.
TEST(IdentifyScheduler, SpacingHoldsUnderRandomUse) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    base::rng chance(seed);
    identify_scheduler s(options());
    const auto concurrency = static_cast<std::uint32_t>(1 + chance.below(5));
    s.set_limits({concurrency, 100'000, 100'000, first_identify + 100h});
    std::map<std::uint32_t, base::instant> last;
    std::vector<identify_scheduler::turn> open;
    int sent = 0;
    for (auto now = first_identify; now < first_identify + 300s; now += 100ms) {
      if (chance.chance(0.3)) s.request(static_cast<std::uint32_t>(chance.below(40)));
      s.step(now, open);
      for (std::size_t i = 0; i < open.size();) {
        const auto t = open[i];
        if (now < t.not_before || chance.chance(0.3)) {
          ++i;
          continue;
        }
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
        if (chance.chance(0.2)) {
          s.cancel(t.shard);
          continue;
        }
        s.sent(t.shard, now);
        ++sent;
        const auto key = t.shard % concurrency;
        if (last.contains(key)) {
          EXPECT_GE(now - last[key], 5s) << "seed " << seed;
        }
        last[key] = now;
      }
    }
    EXPECT_GT(sent, 20) << "seed " << seed;
  }
}

std::vector<identify_scheduler::turn> whole_turns(identify_scheduler& s, base::instant now) {
  std::vector<identify_scheduler::turn> out;
  s.step(now, out);
  return out;
}

TEST(IdentifyScheduler, TwoFleetsShareTheBuckets) {
  identify_scheduler s(options());
  s.set_limits({2, 1000, 1000, first_identify + 1h});
  s.request({1, 0});
  s.request({1, 1}, identify_cause::reshard);
  s.request({1, 1}, identify_cause::reshard);  // already in line
  s.request({3, 1}, identify_cause::reshard);
  auto first = whole_turns(s, first_identify);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].fleet, 0U);
  s.sent({1, 0}, first_identify);
  EXPECT_TRUE(whole_turns(s, first_identify + 3s).empty());
  first = whole_turns(s, first_identify + 5s);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].fleet, 1U);
  EXPECT_EQ(first[0].shard, 1U);
  s.cancel_fleet(1);
  EXPECT_EQ(s.waiting(), 0U);
  s.request({5, 0});
  EXPECT_EQ(whole_turns(s, first_identify + 6s).size(), 1U);  // the turn was given back
}

TEST(IdentifyScheduler, WhatServesComesBeforeWhatIsPrepared) {
  identify_scheduler s(options());
  s.set_limits({1, 1000, 1000, first_identify + 1h});
  for (std::uint32_t i = 0; i < 3; ++i) s.request({i, 1}, identify_cause::reshard);
  s.request({7, 0}, identify_cause::reidentify);
  auto now = first_identify;
  std::vector<std::uint32_t> order;
  for (int i = 0; i < 4; ++i) {
    for (const auto& t : whole_turns(s, now)) {
      order.push_back(t.shard);
      s.sent({t.shard, t.fleet}, now);
    }
    now += 5s;
  }
  EXPECT_EQ(order, (std::vector<std::uint32_t>{7, 0, 1, 2}));
}

TEST(IdentifyScheduler, ReshardingLeavesTheReserveToLostSessions) {
  auto o = options();
  o.reserve = 2;
  o.reshard_reserve = 10;
  identify_scheduler s(o);
  s.set_limits({1, 1000, 11, first_identify + 1h});
  s.request({0, 1}, identify_cause::reshard);
  s.request({1, 1}, identify_cause::reshard);
  ASSERT_EQ(whole_turns(s, first_identify).size(), 1U);
  s.sent({0, 1}, first_identify);
  EXPECT_TRUE(whole_turns(s, first_identify + 1min).empty());
  EXPECT_EQ(s.next(first_identify + 1min), first_identify + 1h);
  s.request({4, 0}, identify_cause::reidentify);
  const auto turn = whole_turns(s, first_identify + 1min);
  ASSERT_EQ(turn.size(), 1U);
  EXPECT_EQ(turn[0].shard, 4U);
  s.sent({4, 0}, first_identify + 1min);
  EXPECT_EQ(whole_turns(s, first_identify + 1h).size(), 1U);  // a new day
}

TEST(IdentifyScheduler, AReserveThatWasOpenedIsUsedAfterWhatServes) {
  auto o = options();
  o.reserve = 2;
  o.reshard_reserve = 10;
  identify_scheduler s(o);
  s.set_limits({1, 1000, 5, first_identify + 1h});
  s.open_reserve(1);
  s.request({0, 1}, identify_cause::reshard);
  s.request({1, 1}, identify_cause::reshard);
  s.request({0, 2}, identify_cause::reshard);
  s.request({4, 0}, identify_cause::reidentify);
  std::vector<identify_slot> order;
  for (auto now = first_identify; now < first_identify + 1min; now += 5s) {
    for (const auto& t : whole_turns(s, now)) {
      order.push_back({t.shard, t.fleet});
      s.sent(order.back(), now);
    }
  }
  EXPECT_EQ(order, (std::vector<identify_slot>{{4, 0}, {0, 1}, {1, 1}}));
}

}  // namespace
}  // namespace evergate::proto
