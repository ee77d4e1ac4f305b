#include "eviction_check.h"

#include <gtest/gtest.h>

namespace evergate::simulation {
namespace {

constexpr std::size_t ephemeral = 0;
constexpr std::size_t message = eviction_check::message;
constexpr std::size_t state = eviction_check::state;

/// Four events are allowed, none older than a minute. Each commit() has one event of the class, at the next
/// offset, of 100 bytes.
class EvictionCheckTest : public testing::Test {
 protected:
  void commit(std::size_t kind, std::uint64_t acknowledged = 0) {
    check_.row(kind, {.offset = ++offset_});
    now_.blobs[{kind, offset_}] = {100, now_.time_ms};
    std::erase_if(now_.blobs,
                  [&](const auto& one) { return one.first.second <= now_.ledger[one.first.first].floor; });
    now_.acknowledged.fill(acknowledged);
    now_.due = [acknowledged](std::size_t, const kept_row& row) { return row.offset > acknowledged; };
    check_.committed(now_);
  }
  void gone(std::size_t kind, std::uint64_t floor, std::uint64_t evicted, std::uint64_t unacked) {
    now_.ledger[kind] = {floor, evicted, unacked};
  }
  std::string verdict() {
    check_.finish();
    return check_.findings().empty() ? "" : check_.findings().front();
  }

  eviction_check check_{{.events = 4, .bytes = 0, .age_ms = 60'000}};
  eviction_check::outline now_{.time_ms = 1'000'000};
  std::uint64_t offset_ = 0;
};

TEST_F(EvictionCheckTest, IsContentWithWhatTheBoundTakes) {
  commit(state);
  commit(ephemeral);
  commit(message);
  commit(message);
  gone(ephemeral, 2, 1, 1);
  commit(message);
  EXPECT_EQ(verdict(), "");
  EXPECT_TRUE(check_.lost(2));
  EXPECT_FALSE(check_.lost(1));
}

TEST_F(EvictionCheckTest, WhatIsAcknowledgedGoesWithoutLoss) {
  for (int i = 0; i < 4; ++i) commit(message);
  gone(message, 1, 1, 0);
  commit(message, 3);
  EXPECT_EQ(verdict(), "");
  EXPECT_FALSE(check_.lost(1));
}

TEST_F(EvictionCheckTest, SeesMessagesGoBeforeEphemeralEvents) {
  commit(message);
  for (int i = 0; i < 3; ++i) commit(ephemeral);
  gone(message, 1, 1, 1);
  commit(ephemeral);
  EXPECT_EQ(verdict(), "eviction: unacknowledged message events went before ephemeral ones");
}

TEST_F(EvictionCheckTest, SeesUnacknowledgedEventsGoBeforeAcknowledgedOnes) {
  commit(message);
  for (int i = 0; i < 3; ++i) commit(ephemeral);
  gone(ephemeral, 2, 1, 1);
  commit(ephemeral, 1);
  EXPECT_EQ(verdict(), "eviction: unacknowledged ephemeral events went before message ones");
}

TEST_F(EvictionCheckTest, SeesWhatIsGivenUpWithoutNeed) {
  commit(message);
  commit(message);
  gone(message, 1, 1, 1);
  commit(message);
  check_.gap(1, 1, 1, 0);
  EXPECT_EQ(
      verdict(),
      "eviction at 1000000: 2 events of 200 bytes are left of 4 and 0 allowed, after 1 too many were given "
      "up");
}

TEST_F(EvictionCheckTest, SeesWhatIsNotCounted) {
  for (int i = 0; i < 4; ++i) commit(message);
  gone(message, 1, 1, 0);
  commit(message);
  EXPECT_EQ(verdict(), "eviction: 1 message events are gone, 1 of them unacknowledged; counted are 1 and 0");
}

TEST_F(EvictionCheckTest, SeesABoundThatIsNotKept) {
  for (int i = 0; i < 5; ++i) commit(message);
  EXPECT_EQ(verdict(), "eviction: 5 events are kept in the end, 4 are allowed");
}

TEST_F(EvictionCheckTest, LostMessagesNeedOneToo) {
  for (int i = 0; i < 4; ++i) commit(message);
  gone(message, 1, 1, 1);
  commit(message);
  check_.gap(2, 2, 1, 0);
  EXPECT_EQ(verdict(), "eviction: offset 1 was given up without a GAP record");
}

TEST_F(EvictionCheckTest, WhatIsTooOldGoesWhateverItIs) {
  commit(state);
  now_.time_ms += 61'000;
  gone(state, 1, 1, 1);
  commit(ephemeral);
  check_.gap(1, 1, 0, 1);
  EXPECT_EQ(verdict(), "");
}

TEST_F(EvictionCheckTest, SeesWhatIsTooOldStay) {
  commit(message);
  now_.time_ms += 61'000;
  commit(message);
  EXPECT_EQ(verdict(), "eviction: message events that are too old are kept in the end");
}

TEST_F(EvictionCheckTest, BytesAreABoundToo) {
  check_ = eviction_check({.events = 0, .bytes = 250, .age_ms = 0});
  commit(ephemeral);
  commit(ephemeral);
  gone(ephemeral, 1, 1, 1);
  commit(ephemeral);
  EXPECT_EQ(verdict(), "");
  commit(ephemeral);
  EXPECT_EQ(verdict(), "eviction: 300 bytes are kept in the end, 250 are allowed");
}

TEST_F(EvictionCheckTest, LostStateNeedsAGapRecord) {
  for (int i = 0; i < 4; ++i) commit(state);
  gone(state, 1, 1, 1);
  commit(state);
  EXPECT_EQ(verdict(), "eviction: GAP records tell of 0 state events, 1 were given up");
}

TEST_F(EvictionCheckTest, AGapRecordTellsOfLostState) {
  for (int i = 0; i < 4; ++i) commit(state);
  gone(state, 1, 1, 1);
  commit(state);
  check_.gap(1, 1, 0, 1);
  EXPECT_EQ(verdict(), "");
}

}  // namespace
}  // namespace evergate::simulation
