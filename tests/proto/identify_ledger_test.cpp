#include "proto/identify_ledger.h"

#include <gtest/gtest.h>

namespace evergate::proto {
namespace {

constexpr std::int64_t hour = 3'600'000;
constexpr std::int64_t day = 24 * hour;
using enum identify_cause;

TEST(IdentifyLedger, NothingBeforeDiscordHasBeenAsked) {
  const identify_ledger ledger;
  EXPECT_EQ(ledger.remaining(0), 0U);
  EXPECT_EQ(ledger.allowance(start, 0), 0U);
}

TEST(IdentifyLedger, WhatIsSentIsTakenOff) {
  identify_ledger ledger({.breaker = 5, .reserve = 100});
  ledger.told(1'000, 990, 10 * hour, 0);
  EXPECT_EQ(ledger.allowance(start, 0), 985U);
  EXPECT_EQ(ledger.allowance(reidentify, 0), 985U);
  EXPECT_EQ(ledger.allowance(reshard, 0), 890U);
  ledger.sent(start, 1);
  ledger.sent(reshard, 2);
  EXPECT_EQ(ledger.remaining(3), 988U);
  EXPECT_EQ(ledger.book().window[0], 1U);
  EXPECT_EQ(ledger.book().window[2], 1U);
}

TEST(IdentifyLedger, ReshardingLeavesTheReserveAndNothingPassesTheBreaker) {
  identify_ledger ledger({.breaker = 5, .reserve = 100});
  ledger.told(1'000, 100, 10 * hour, 0);
  EXPECT_EQ(ledger.allowance(reshard, 0), 0U);
  EXPECT_EQ(ledger.allowance(reidentify, 0), 95U);
  for (int i = 0; i < 95; ++i) ledger.sent(reidentify, 1);
  EXPECT_EQ(ledger.remaining(2), 5U);
  EXPECT_EQ(ledger.allowance(reidentify, 2), 0U);
  EXPECT_EQ(ledger.allowance(start, 2), 0U);
}

TEST(IdentifyLedger, AnOldAnswerDoesNotGiveBackWhatWasSpent) {
  identify_ledger ledger;
  ledger.told(1'000, 1'000, 10 * hour, 0);
  for (int i = 0; i < 300; ++i) ledger.sent(start, 1);
  ledger.told(1'000, 990, 10 * hour - 1'000, 1'000);  // of the same window
  EXPECT_EQ(ledger.remaining(1'000), 700U);
}

TEST(IdentifyLedger, OthersWithTheSameTokenCountToo) {
  identify_ledger ledger;
  ledger.told(1'000, 1'000, 10 * hour, 0);
  ledger.sent(start, 1);
  ledger.told(1'000, 400, 10 * hour - 1'000, 1'000);
  EXPECT_EQ(ledger.remaining(1'000), 400U);
}

TEST(IdentifyLedger, ANewWindowBeginsAfresh) {
  identify_ledger ledger;
  ledger.told(1'000, 10, hour, 0);
  ledger.sent(reshard, 1);
  EXPECT_EQ(ledger.remaining(hour - 1), 9U);
  EXPECT_EQ(ledger.remaining(hour), 1'000U);
  ledger.sent(start, hour + 1);
  EXPECT_EQ(ledger.book().window[2], 0U);
  EXPECT_EQ(ledger.book().ever[2], 1U);
  EXPECT_EQ(ledger.remaining(hour + 2), 999U);
  EXPECT_EQ(ledger.remaining(hour + day), 1'000U);
}

TEST(IdentifyLedger, AWindowThatDiscordBeganEarlierIsANewOne) {
  identify_ledger ledger;
  ledger.told(1'000, 500, hour, 0);
  for (int i = 0; i < 400; ++i) ledger.sent(start, 1);
  ledger.told(2'000, 2'000, day, 1'000);
  EXPECT_EQ(ledger.remaining(1'000), 2'000U);
}

TEST(IdentifyLedger, TheBookSurvives) {
  identify_ledger ledger;
  ledger.told(1'000, 870, 7 * hour, 1'700'000'000'000);
  ledger.sent(start, 1'700'000'000'001);
  ledger.sent(reidentify, 1'700'000'000'002);
  std::string bytes;
  encode(ledger.book(), bytes);
  identify_book again;
  ASSERT_TRUE(decode(bytes, again));
  EXPECT_EQ(again, ledger.book());
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode(bytes.substr(0, size), again));
  bytes.front() = 9;
  EXPECT_FALSE(decode(bytes, again));
}

}  // namespace
}  // namespace evergate::proto
