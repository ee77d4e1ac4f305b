#include "upstream/connect_pacer.h"

#include <gtest/gtest.h>

namespace evergate::upstream {
namespace {

using namespace std::chrono_literals;
constexpr base::instant t0{1000s};

TEST(ConnectPacer, SpreadsConnections) {
  connect_pacer pacer(10);
  EXPECT_EQ(pacer.take(t0), t0);
  EXPECT_EQ(pacer.take(t0), t0 + 100ms);
  EXPECT_EQ(pacer.take(t0 + 1s), t0 + 1s);
  connect_pacer free(0);
  EXPECT_EQ(free.take(t0), t0);
  EXPECT_EQ(free.take(t0), t0);
}

TEST(ConnectPacer, AWaveOfRefusalsIsOneRestThatDoublesUntilOneIsLetIn) {
  connect_pacer pacer(10, {2s, 5s});
  EXPECT_EQ(pacer.refused(t0), 2s);
  EXPECT_EQ(pacer.refused(t0 + 1s), 0s);
  EXPECT_TRUE(pacer.resting(t0 + 1s));
  EXPECT_EQ(pacer.take(t0 + 1s), t0 + 2s);
  EXPECT_FALSE(pacer.resting(t0 + 2s));
  EXPECT_EQ(pacer.refused(t0 + 2s), 4s);
  EXPECT_EQ(pacer.refused(t0 + 6s), 5s);
  EXPECT_EQ(pacer.refused(t0 + 11s), 5s);
  pacer.accepted();
  EXPECT_EQ(pacer.refused(t0 + 20s), 2s);
}

}  // namespace
}  // namespace evergate::upstream
