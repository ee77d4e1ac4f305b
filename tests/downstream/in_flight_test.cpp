#include "downstream/in_flight.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace evergate::downstream {
namespace {

TEST(InFlightTest, NumbersAndAcknowledges) {
  in_flight f;
  f.reset(10, flow::offset{100});
  EXPECT_EQ(f.cursor(flow::offset{150}).value, 150u);
  EXPECT_EQ(f.sent(flow::offset{160}), 11u);
  EXPECT_EQ(f.sent(flow::offset{170}), 12u);
  EXPECT_EQ(f.cursor(flow::offset{170}).value, 159u);
  EXPECT_FALSE(f.acknowledge(10)) << "no news";
  EXPECT_FALSE(f.acknowledge(13)) << "never sent";
  EXPECT_TRUE(f.acknowledge(11));
  EXPECT_EQ(f.acked_offset().value, 160u);
  EXPECT_EQ(f.cursor(flow::offset{170}).value, 169u);
  EXPECT_TRUE(f.acknowledge(12));
  EXPECT_EQ(f.cursor(flow::offset{180}).value, 180u);
  EXPECT_TRUE(f.empty());
}

TEST(InFlightTest, AgreesWithAMapOverRandomHistories) {
  base::rng chance(7);
  in_flight f;
  f.reset(0, flow::offset{0});
  std::map<std::uint32_t, std::uint64_t> sent{{0, 0}};
  std::uint64_t at = 0;
  std::uint32_t acked = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (chance.chance(0.7)) {
      at += chance.chance(0.01) ? 0x1'2345'6789ULL + chance.below(9) : 1 + chance.below(1000);
      const auto seq = f.sent(flow::offset{at});
      sent[seq] = at;
      ASSERT_EQ(seq, sent.rbegin()->first);
    } else {
      const auto seq = static_cast<std::uint32_t>(chance.below(sent.rbegin()->first + 3));
      ASSERT_EQ(f.acknowledge(seq), seq > acked && seq <= sent.rbegin()->first);
      if (seq <= sent.rbegin()->first) acked = std::max(acked, seq);
    }
    ASSERT_EQ(f.acked_seq(), acked);
    ASSERT_EQ(f.acked_offset().value, sent[acked]);
    const auto next = sent.upper_bound(acked);
    ASSERT_EQ(f.cursor(flow::offset{at}).value, next == sent.end() ? at : next->second - 1);
  }
}

}  // namespace
}  // namespace evergate::downstream
