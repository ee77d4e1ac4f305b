#include "net/output_gauge.h"

#include <gtest/gtest.h>

namespace evergate::net {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t high = 1024 * 1024;

/// A peer that takes `bytes_per_second` of what is filled up to the limit, `over` more than that.
class peer {
 public:
  explicit peer(output_gauge& gauge) : gauge_(gauge) {}

  void take_one_fill(std::size_t bytes_per_second, std::size_t over = 0) {
    const auto queued = gauge_.limit() + over;
    gauge_.appended(queued, now_);
    ASSERT_TRUE(gauge_.congested(queued));
    const auto low = gauge_.limit() / 4;
    now_ += time_for(queued - low, bytes_per_second);
    EXPECT_FALSE(gauge_.left(low + 1, now_));
    const bool told = gauge_.left(low, now_);
    EXPECT_NE(told, gauge_.congested(low)) << "told, or congested by the new limit as well";
    now_ += time_for(low, bytes_per_second);
    EXPECT_NE(gauge_.left(0, now_), told) << "told once";
  }

 private:
  static base::nanoseconds time_for(std::size_t bytes, std::size_t bytes_per_second) {
    return base::nanoseconds(
        static_cast<std::int64_t>(1e9 * static_cast<double>(bytes) / static_cast<double>(bytes_per_second)));
  }

  output_gauge& gauge_;
  base::instant now_{};
};

TEST(output_gauge_test, a_fast_peer_is_given_all_there_is) {
  output_gauge gauge(high, 1s);
  peer one(gauge);
  EXPECT_EQ(gauge.limit(), output_gauge::first);
  one.take_one_fill(1'000'000'000);
  EXPECT_EQ(gauge.limit(), 4 * output_gauge::first);
  one.take_one_fill(1'000'000'000);
  EXPECT_EQ(gauge.limit(), high);
  one.take_one_fill(1'000'000'000);
  EXPECT_EQ(gauge.limit(), high);
}

TEST(output_gauge_test, a_slow_peer_is_given_what_it_takes_in_the_longest_wait) {
  output_gauge gauge(high, 2s);
  peer one(gauge);
  one.take_one_fill(50'000);
  EXPECT_NEAR(static_cast<double>(gauge.limit()), 100'000, 10);
  one.take_one_fill(50'000, 20'000);
  EXPECT_NEAR(static_cast<double>(gauge.limit()), 100'000, 10) << "an overshoot is no pace";
}

TEST(output_gauge_test, one_that_becomes_slow_is_given_less_and_never_nothing) {
  output_gauge gauge(high, 1s);
  peer one(gauge);
  for (int i = 0; i < 3; ++i) one.take_one_fill(1'000'000'000);
  one.take_one_fill(100'000);
  EXPECT_NEAR(static_cast<double>(gauge.limit()), 100'000, 10);
  one.take_one_fill(10);
  EXPECT_EQ(gauge.limit(), output_gauge::least);
  one.take_one_fill(1'000'000'000);
  EXPECT_EQ(gauge.limit(), 4 * output_gauge::least) << "and more again";
}

TEST(output_gauge_test, whose_limit_falls_below_what_waits_tells_when_that_is_through) {
  output_gauge gauge(high, 1s);
  base::instant now{};
  gauge.appended(output_gauge::first, now);
  now += 60s;
  EXPECT_FALSE(gauge.left(output_gauge::first / 4, now));
  EXPECT_EQ(gauge.limit(), output_gauge::least);
  EXPECT_EQ(gauge.room(output_gauge::first / 4), 0u);
  EXPECT_TRUE(gauge.left(output_gauge::least / 4, now + 1s));
}

TEST(output_gauge_test, without_a_longest_wait_the_bound_is_fixed) {
  output_gauge gauge(high, 0s);
  peer one(gauge);
  one.take_one_fill(10);
  EXPECT_EQ(gauge.limit(), high);
}

TEST(output_gauge_test, a_bound_below_the_least_holds) {
  output_gauge gauge(4'096, 1s);
  peer one(gauge);
  EXPECT_EQ(gauge.limit(), 4'096u);
  one.take_one_fill(1);
  EXPECT_EQ(gauge.limit(), 4'096u);
}

TEST(output_gauge_test, room_is_what_is_left_of_the_limit) {
  const output_gauge gauge(1'000, 0s);
  EXPECT_EQ(gauge.room(0), 1'000u);
  EXPECT_EQ(gauge.room(400), 600u);
  EXPECT_EQ(gauge.room(1'400), 0u);
  EXPECT_FALSE(gauge.congested(999));
}

}  // namespace
}  // namespace evergate::net
