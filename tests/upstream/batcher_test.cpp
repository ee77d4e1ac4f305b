#include "upstream/batcher.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "flow/intake.h"

namespace evergate::upstream {
namespace {

using namespace std::chrono_literals;

class sink final : public flow::event_sink {
 public:
  bool append(std::unique_ptr<flow::event_batch>& batch) override {
    ++offered;
    if (full) return false;
    taken.push_back(std::move(batch));
    return true;
  }
  bool full = false;
  int offered = 0;
  std::vector<std::unique_ptr<flow::event_batch>> taken;
};

class BatcherTest : public testing::Test {
 protected:
  ~BatcherTest() override {
    if (!thread_.joinable()) return;
    loop.stop();
    thread_.join();
  }
  void start() {
    thread_ = std::thread([this] { loop.run(); });
  }
  /// Runs on the loop and waits until the turn after it has ended.
  void on_loop(const std::function<void()>& work) {
    loop.post([&work] { work(); });
    turn_over();
  }
  void turn_over() {
    for (int i = 0; i < 2; ++i) {
      std::promise<void> done;
      // Behind everything deferred in this turn and in the next.
      loop.post([this, &done] { loop.defer([&done] { done.set_value(); }); });
      done.get_future().wait();
    }
  }
  void add(batcher& b, std::size_t bytes = 10) {
    flow::append_row(b.batch().rows(), proto::event_type::message_create, {}, std::string(bytes, 'x'));
    b.added();
  }

  net::event_loop loop;
  sink to;
  std::vector<bool> pauses;
  std::thread thread_;
};

TEST_F(BatcherTest, WhatOneTurnAddsIsOneBatch) {
  batcher b(loop, to, {.tick = 0ms}, [this](bool paused) { pauses.push_back(paused); });
  open_batch::slot a;
  open_batch::slot c;
  start();
  on_loop([&] {
    for (int i = 1; i <= 5; ++i) {
      b.batch().note(a, {0, 2}, i);
      b.batch().note(c, {1, 2}, i * 10);
      add(b);
    }
    EXPECT_EQ(to.offered, 0);
  });
  on_loop([&] {
    ASSERT_EQ(to.taken.size(), 1U);
    EXPECT_EQ(to.taken[0]->rows.size(), 5U);
    ASSERT_EQ(to.taken[0]->progress.size(), 2U);
    EXPECT_EQ(to.taken[0]->progress[0].seq, 5);
    EXPECT_EQ(to.taken[0]->progress[1].seq, 50);
    b.batch().note(a, {0, 2}, 6);
    add(b);
  });
  on_loop([&] {
    ASSERT_EQ(to.taken.size(), 2U);
    ASSERT_EQ(to.taken[1]->progress.size(), 1U);
    EXPECT_EQ(to.taken[1]->progress[0].seq, 6);
  });
}

TEST_F(BatcherTest, WhenBusyTheTickGathersTurns) {
  batcher b(loop, to, {.tick = 1h}, [](bool) {});
  start();
  on_loop([&] { add(b); });
  for (int i = 0; i < 10; ++i) on_loop([&] { add(b); });
  on_loop([&] {
    EXPECT_EQ(to.taken.size(), 1U);  // the first at once, the rest waits for the tick
    EXPECT_EQ(b.batch().rows().rows.size(), 10U);
    b.flush();
    EXPECT_EQ(to.taken.size(), 2U);
  });
}

TEST_F(BatcherTest, ALargeBatchDoesNotWait) {
  batcher b(loop, to, {.tick = 1h, .batch_bytes_max = 1'000}, [](bool) {});
  start();
  on_loop([&] { add(b); });
  on_loop([&] {
    add(b);
    EXPECT_EQ(to.taken.size(), 1U);
    add(b, 2'000);
    EXPECT_EQ(to.taken.size(), 2U);
  });
}

TEST_F(BatcherTest, ARefusedBatchIsKeptWholeAndPausesUntilThereIsRoom) {
  batcher b(loop, to, {.tick = 0ms, .retry = 1h}, [this](bool paused) { pauses.push_back(paused); });
  start();
  to.full = true;
  on_loop([&] { add(b); });
  on_loop([&] {
    EXPECT_TRUE(b.blocked());
    EXPECT_EQ(pauses, std::vector<bool>{true});
    add(b);  // what was already being read
    EXPECT_EQ(to.offered, 1);
    b.on_room();  // too early
    EXPECT_EQ(pauses, std::vector<bool>{true});
    to.full = false;
    b.on_room();
    EXPECT_EQ(pauses, (std::vector<bool>{true, false}));
    ASSERT_EQ(to.taken.size(), 1U);
    EXPECT_EQ(to.taken[0]->rows.size(), 2U);
    b.on_room();
    EXPECT_EQ(pauses.size(), 2U);
  });
}

TEST_F(BatcherTest, ARefusedBatchIsOfferedAgainUnasked) {
  to.full = true;
  std::promise<void> resumed;
  batcher again(loop, to, {.tick = 0ms, .retry = 1ms}, [&](bool paused) {
    if (!paused) resumed.set_value();
  });
  start();
  on_loop([&] { add(again); });
  on_loop([&] { to.full = false; });
  resumed.get_future().wait();
  on_loop([&] { EXPECT_EQ(to.taken.size(), 1U); });
}

TEST_F(BatcherTest, NothingIsNotHandedOver) {
  batcher b(loop, to, {}, [](bool) {});
  start();
  on_loop([&] { b.flush(); });
  on_loop([&] { b.added(); });
  on_loop([&] { EXPECT_EQ(to.offered, 0); });
}

}  // namespace
}  // namespace evergate::upstream
