#include "virtual_time.h"

#include <gtest/gtest.h>

#include <vector>

namespace evergate::simulation {
namespace {

using std::chrono::seconds;

// Seed 194473980816240: what was due in the first sleep was put off to its end, while the rest of the process
// woke up at the second one's, which was earlier.
TEST(VirtualTimeTest, AShorterSleepInALongerOneWakesNobody) {
  trace log(false);
  virtual_time time(log);
  timeline process(time);
  timeline outside(time);
  std::vector<int> order;
  process.in(seconds(1), "early", [&] { order.push_back(1); });
  process.freeze(time.now() + seconds(60));
  outside.in(seconds(2), "again", [&] { process.freeze(time.now() + seconds(3)); });
  process.in(seconds(10), "late", [&] { order.push_back(2); });
  while (time.step()) {
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_EQ(time.now(), virtual_time::start + seconds(60));
}

}  // namespace
}  // namespace evergate::simulation
