#include "eviction_check.h"

#include <gtest/gtest.h>

namespace evergate::simulation {
namespace {

constexpr std::size_t ephemeral = 0;
constexpr std::size_t message = 1;
constexpr std::size_t state = eviction_check::state;

/// Four events are allowed. Each commit() has one event of the class, at the next offset.
class EvictionCheckTest : public testing::Test {
 protected:
  void commit(std::size_t kind, std::uint64_t acknowledged = 0) {
    check_.row(++offset_, kind);
    check_.committed(now_, acknowledged);
  }
  void gone(std::size_t kind, std::uint64_t floor, std::uint64_t evicted, std::uint64_t unacked) {
    now_[kind] = {floor, evicted, unacked};
  }
  std::string verdict() {
    check_.finish();
    return check_.findings().empty() ? "" : check_.findings().front();
  }

  eviction_check check_{4};
  eviction_check::accounts now_;
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
  EXPECT_EQ(verdict(), "eviction: 2 events are left of 4 allowed, after 1 too many were given up");
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

TEST_F(EvictionCheckTest, LostStateNeedsAGapRecord) {
  for (int i = 0; i < 4; ++i) commit(state);
  gone(state, 1, 1, 1);
  commit(state);
  EXPECT_EQ(verdict(), "eviction: state at offset 1 was given up without a GAP record");
}

TEST_F(EvictionCheckTest, AGapRecordTellsOfLostState) {
  for (int i = 0; i < 4; ++i) commit(state);
  gone(state, 1, 1, 1);
  commit(state);
  check_.gap(1, 1);
  EXPECT_EQ(verdict(), "");
}

}  // namespace
}  // namespace evergate::simulation
