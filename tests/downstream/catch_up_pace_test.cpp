#include "downstream/catch_up_pace.h"

#include <gtest/gtest.h>

namespace evergate::downstream {
namespace {

using namespace std::chrono_literals;

/// Takes whatever is allowed, every `step`.
std::uint32_t taken(catch_up_pace& pace, base::instant& now, base::milliseconds span,
                    base::milliseconds step) {
  std::uint32_t out = 0;
  for (base::milliseconds gone{0}; gone < span; gone += step) {
    now += step;
    const auto some = pace.allowance(now);
    pace.spent(some);
    out += some;
  }
  return out;
}

TEST(CatchUpPaceTest, GivesTheRateHoweverOftenItIsAsked) {
  for (const auto step : {1ms, 7ms, 100ms}) {
    base::instant now{1000s};
    catch_up_pace pace(500);
    pace.start(now);
    EXPECT_NEAR(taken(pace, now, 10'000ms, step), 5'000, 51) << step.count();
  }
}

TEST(CatchUpPaceTest, ASlowRateGivesWholeEvents) {
  base::instant now{1000s};
  catch_up_pace pace(3);
  pace.start(now);
  EXPECT_NEAR(taken(pace, now, 10'000ms, 100ms), 30, 1);
}

TEST(CatchUpPaceTest, AnIdleLaneSavesNoMoreThanATenthOfASecond) {
  base::instant now{1000s};
  catch_up_pace pace(500);
  pace.start(now);
  EXPECT_EQ(pace.allowance(now + 1h), 50u);
}

TEST(CatchUpPaceTest, LiveTrafficIsNotPaced) {
  base::instant now{1000s};
  catch_up_pace pace(10);
  pace.start(now);
  EXPECT_EQ(pace.allowance(now), 0u);
  pace.stands(0);
  EXPECT_EQ(pace.allowance(now), catch_up_pace::unlimited);
  pace.stands(900);
  EXPECT_EQ(pace.allowance(now), catch_up_pace::unlimited) << "a burst";
  pace.stands(1'001);
  EXPECT_EQ(pace.allowance(now), 0u) << "it has fallen behind";
  pace.stands(5);
  EXPECT_EQ(pace.allowance(now), 0u) << "until it is at the head again";
}

TEST(CatchUpPaceTest, WithoutARateNothingIsPaced) {
  catch_up_pace pace(0);
  pace.start({});
  pace.stands(1'000'000);
  EXPECT_EQ(pace.allowance({}), catch_up_pace::unlimited);
}

}  // namespace
}  // namespace evergate::downstream
