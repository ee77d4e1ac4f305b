#include "net/event_loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <vector>

#include "harness.h"

namespace evergate::net {
namespace {

using test::running_loop;

TEST(event_loop_test, posts_run_in_order_on_the_loop) {
  running_loop loop;
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) (*loop).post([&order, i] { order.push_back(i); });
  EXPECT_TRUE(loop.call([&] { return (*loop).in_loop(); }));
  EXPECT_FALSE((*loop).in_loop());
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(event_loop_test, deferred_work_runs_after_the_handlers_of_the_turn) {
  event_loop loop;
  std::vector<std::string> order;
  loop.post([&] {
    loop.defer([&] {
      order.emplace_back("deferred");
      loop.defer([&] { order.emplace_back("deferred from deferred"); });
    });
    order.emplace_back("first");
  });
  loop.post([&] { order.emplace_back("second"); });
  loop.stop();
  loop.run();
  EXPECT_EQ(order, (std::vector<std::string>{"first", "second", "deferred", "deferred from deferred"}));
}

TEST(event_loop_test, work_that_defers_itself_forever_does_not_starve_the_rest) {
  event_loop loop;
  std::function<void()> again = [&] { loop.defer([&] { again(); }); };
  int fired = 0;
  timer tick(loop);
  loop.post([&] {
    again();
    tick.arm_in(base::milliseconds(1), [&] {
      ++fired;
      loop.stop();
    });
  });
  loop.run();
  EXPECT_EQ(fired, 1);
}

TEST(event_loop_test, what_was_posted_before_stop_still_runs) {
  event_loop loop;
  int ran = 0;
  for (int i = 0; i < 1000; ++i) loop.post([&] { ++ran; });
  loop.stop();
  loop.run();
  EXPECT_EQ(ran, 1000);
}

TEST(timer_test, fires_once_and_knows_whether_it_is_armed) {
  event_loop loop;
  timer t(loop);
  int fired = 0;
  EXPECT_FALSE(t.armed());
  t.arm_in(base::milliseconds(1), [&] {
    ++fired;
    EXPECT_FALSE(t.armed());
    loop.stop();
  });
  EXPECT_TRUE(t.armed());
  loop.run();
  EXPECT_EQ(fired, 1);
}

TEST(timer_test, arming_again_replaces_and_cancel_silences) {
  event_loop loop;
  timer replaced(loop);
  timer cancelled(loop);
  timer end(loop);
  std::vector<int> fired;
  replaced.arm_in(base::milliseconds(0), [&] { fired.push_back(1); });
  replaced.arm_in(base::milliseconds(0), [&] { fired.push_back(2); });
  cancelled.arm_in(base::milliseconds(0), [&] { fired.push_back(3); });
  cancelled.cancel();
  end.arm_in(base::milliseconds(5), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(fired, std::vector<int>{2});
}

TEST(timer_test, may_rearm_or_be_destroyed_in_its_own_work) {
  event_loop loop;
  int left = 3;
  auto t = std::make_unique<timer>(loop);
  std::function<void()> work = [&] {
    if (--left > 0) return t->arm_in(base::nanoseconds(1), [&] { work(); });
    t.reset();
    loop.stop();
  };
  t->arm_in(base::nanoseconds(1), [&] { work(); });
  loop.run();
  EXPECT_EQ(left, 0);
  EXPECT_EQ(t, nullptr);
}

TEST(timer_test, a_destroyed_or_moved_timer_keeps_its_word) {
  event_loop loop;
  std::vector<int> fired;
  timer moved(loop);
  {
    timer gone(loop);
    gone.arm_in(base::nanoseconds(1), [&] { fired.push_back(1); });
    timer source(loop);
    source.arm_in(base::milliseconds(1), [&] {
      fired.push_back(2);
      loop.stop();
    });
    moved = std::move(source);
  }
  loop.run();
  EXPECT_EQ(fired, std::vector<int>{2});
}

}  // namespace
}  // namespace evergate::net
