#include "proto/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace evergate::proto {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesWithinItsHalfAndStopsAtTheMost) {
  base::rng chance(7);
  backoff b({1000ms, 8000ms});
  for (const auto step : {1000ms, 2000ms, 4000ms, 8000ms, 8000ms, 8000ms}) {
    const auto delay = b.next(chance);
    EXPECT_GE(delay, step / 2);
    EXPECT_LE(delay, step);
  }
  EXPECT_EQ(b.tries(), 6U);
  b.reset();
  EXPECT_LE(b.next(chance), 1000ms);
}

TEST(Backoff, SpreadsManyWaiters) {
  base::rng chance(3);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 100; ++i) seen.insert(backoff({1000ms, 60'000ms}).next(chance).count());
  EXPECT_GT(seen.size(), 50U);
}

TEST(Backoff, OddOptionsStayBounded) {
  base::rng chance(1);
  backoff b({-5ms, 0ms});
  for (int i = 0; i < 100; ++i) {
    const auto delay = b.next(chance);
    EXPECT_GE(delay, 0ms);
    EXPECT_LE(delay, 1ms);
  }
}

}  // namespace
}  // namespace evergate::proto
