#include "downstream/backlog.h"

#include <gtest/gtest.h>

#include "downstream/locate.h"
#include "fake_journal.h"

namespace evergate::downstream {
namespace {

using proto::event_type;
using kind = flow::position::kind;

class BacklogTest : public ::testing::Test {
 protected:
  /// Message, typing, guild update, over and over: offsets 1, 4, … are messages.
  void fill(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      journal_.message(guild, i);
      journal_.add(event_type::typing_start, guild, "{}");
      journal_.add(event_type::guild_update, guild, "{}");
    }
  }
  relief relieve(consumer_policy policy, std::uint64_t from = 0, std::int64_t now_ms = 0) {
    const flow::offset at{from};
    return *downstream::relieve(journal_, policy, {at, at, at}, now_ms);
  }
  static consumer_policy bound(std::uint64_t events, std::uint64_t bytes = 0, std::int64_t age_s = 0) {
    consumer_policy out;
    out.max_events = events;
    out.max_bytes = bytes;
    out.max_age = base::seconds(age_s);
    return out;
  }
  static constexpr proto::snowflake guild = 8ULL << 22;
  testing::fake_journal journal_;
};

TEST_F(BacklogTest, NothingGoesWithinTheBounds) {
  fill(10);
  EXPECT_TRUE(relieve(bound(30)).none());
  EXPECT_TRUE(relieve(bound(0, 3'000)).none());
  EXPECT_TRUE(relieve(bound(0, 0, 100), 0, 60'000).none());
  EXPECT_TRUE(relieve(bound(3), 27).none()) << "what is acknowledged does not count";
}

TEST_F(BacklogTest, ClassByClassTheOldestFirst) {
  fill(10);
  auto out = relieve(bound(26));
  EXPECT_EQ(out.events, (per_class_count{4, 0, 0}));
  EXPECT_EQ(out.upto[0].value, 11u) << "the fourth TYPING_START";
  out = relieve(bound(17));
  EXPECT_EQ(out.events, (per_class_count{10, 3, 0}));
  EXPECT_EQ(out.upto[1].value, 7u);
  out = relieve(bound(0, 400));
  EXPECT_EQ(out.events, (per_class_count{10, 10, 6}));
  EXPECT_EQ(out.upto[2].value, 18u);
}

TEST_F(BacklogTest, AgeSparesNoClass) {
  fill(10);
  const auto out = relieve(bound(0, 0, 10), 0, 22'000);
  EXPECT_EQ(out.events, (per_class_count{4, 4, 3})) << "what was committed before second 12";
}

TEST_F(BacklogTest, WhatIsTooOldMakesRoomBeforeAnythingElseGoes) {
  fill(10);
  EXPECT_EQ(relieve(bound(24, 0, 10), 0, 22'000).events, (per_class_count{4, 4, 3}));
}

TEST_F(BacklogTest, CountsByClass) {
  fill(10);
  EXPECT_EQ(*count_between(journal_, {flow::offset{20}, flow::offset{}, flow::offset{}}, flow::offset{21}),
            (per_class_count{0, 7, 7}));
}

TEST_F(BacklogTest, LocatesPositions) {
  fill(10);
  journal_.evict(flow::offset{1});
  EXPECT_EQ(locate(journal_, {kind::now, 0})->value, 30u);
  EXPECT_EQ(locate(journal_, {kind::earliest, 0})->value, 1u);
  EXPECT_EQ(locate(journal_, {kind::offset, 12})->value, 12u);
  EXPECT_EQ(locate(journal_, {kind::offset, 0})->value, 1u) << "what is gone cannot be begun with";
  EXPECT_EQ(locate(journal_, {kind::offset, 99})->value, 30u);
  EXPECT_EQ(locate(journal_, {kind::time, 15'000})->value, 14u);
  EXPECT_EQ(locate(journal_, {kind::time, 99'000})->value, 30u);
}

}  // namespace
}  // namespace evergate::downstream
