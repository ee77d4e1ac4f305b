#include "journal/batch_ring.h"

#include <gtest/gtest.h>

namespace evergate::journal::batch_ring_cases {
namespace {

flow::batch_ptr rows(std::uint64_t first, std::uint64_t last) {
  auto out = std::make_shared<flow::event_batch>();
  for (auto at = first; at <= last; ++at) out->rows.emplace_back().offset.value = at;
  return out;
}

TEST(BatchRing, WhatIsForgottenIsTheDisksToAnswer) {
  batch_ring ring(1 << 20);
  ring.start(0);
  ring.push(rows(1, 3));
  ring.push(rows(4, 9));
  const auto all = ring.bytes();
  ring.forget(5);
  EXPECT_FALSE(ring.after(0).known);
  EXPECT_FALSE(ring.after(4).known);
  ASSERT_TRUE(ring.after(5).known);
  EXPECT_EQ(ring.after(5).batch->rows.front().offset.value, 6U);
  EXPECT_LT(ring.bytes(), all);
  ring.forget(2);  // nothing comes back
  EXPECT_FALSE(ring.after(4).known);
  ring.forget(9);
  EXPECT_EQ(ring.bytes(), 0U);
  ring.push(rows(10, 10));
  EXPECT_EQ(ring.after(9).batch->rows.front().offset.value, 10U);
}

}  // namespace
}  // namespace evergate::journal::batch_ring_cases
