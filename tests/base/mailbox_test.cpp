#include "base/mailbox.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace evergate::base {
namespace {

using box = mailbox<std::unique_ptr<int>>;

std::unique_ptr<int> item(int value) {
  return std::make_unique<int>(value);
}

instant soon() {
  return boot_clock::now() + seconds(30);
}

TEST(mailbox, refuses_past_its_bounds_and_leaves_the_item) {
  box b(2, 100);
  auto first = item(1);
  auto second = item(2);
  auto third = item(3);
  EXPECT_TRUE(b.try_put(first, 10));
  EXPECT_TRUE(b.try_put(second, 10));
  EXPECT_FALSE(b.try_put(third, 10)) << "two items are the bound";
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(*third, 3);

  std::vector<std::unique_ptr<int>> taken;
  EXPECT_TRUE(b.take(taken, soon()));
  EXPECT_EQ(taken.size(), 2u);
  EXPECT_TRUE(b.try_put(third, 95));
  auto heavy = item(4);
  EXPECT_FALSE(b.try_put(heavy, 6)) << "the weight is the bound";
}

TEST(mailbox, an_empty_box_takes_an_item_heavier_than_its_bound) {
  box b(2, 100);
  auto heavy = item(1);
  EXPECT_TRUE(b.try_put(heavy, 1000));
}

TEST(mailbox, keeps_order_across_threads_and_ends_after_close) {
  box b(1'000'000, 1 << 30);
  std::jthread producer([&b] {
    for (int i = 0; i < 10'000; ++i) {
      auto it = item(i);
      while (!b.try_put(it)) std::this_thread::yield();
    }
    b.close();
  });
  int expected = 0;
  std::vector<std::unique_ptr<int>> taken;
  while (b.take(taken, soon())) {
    for (const auto& it : taken) EXPECT_EQ(*it, expected++);
  }
  EXPECT_EQ(expected, 10'000);
  auto late = item(1);
  EXPECT_FALSE(b.try_put(late));
}

TEST(mailbox, wake_ends_a_wait_with_nothing) {
  box b(1, 1);
  std::jthread waker([&b] { b.wake(); });
  std::vector<std::unique_ptr<int>> taken;
  EXPECT_TRUE(b.take(taken, soon()));
  EXPECT_TRUE(taken.empty());
}

}  // namespace
}  // namespace evergate::base
