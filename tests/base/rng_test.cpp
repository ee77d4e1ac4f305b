#include "base/rng.h"

#include <gtest/gtest.h>

#include <array>

namespace evergate::base {
namespace {

TEST(rng, a_seed_gives_the_same_run_and_another_seed_another) {
  rng a(1);
  rng b(1);
  rng c(2);
  bool differs = false;
  for (int i = 0; i < 1000; ++i) {
    const auto x = a();
    EXPECT_EQ(x, b());
    differs |= x != c();
  }
  EXPECT_TRUE(differs);
}

TEST(rng, below_covers_its_range_and_stays_inside) {
  rng r(7);
  std::array<int, 10> seen{};
  for (int i = 0; i < 10'000; ++i) ++seen.at(r.below(10));
  for (const int count : seen) EXPECT_GT(count, 800);
  EXPECT_EQ(r.below(0), 0u);
}

}  // namespace
}  // namespace evergate::base
