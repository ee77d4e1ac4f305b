#include "proto/heartbeat.h"

#include <gtest/gtest.h>

namespace evergate::proto {
namespace {

using namespace std::chrono_literals;
using due = heartbeat::due;
constexpr base::instant t0{1000s};

heartbeat started() {
  heartbeat h({1s, 15s});
  h.start(40s, 0.5, t0);
  return h;
}

TEST(Heartbeat, FirstBeatAtTheRandomPartThenEveryInterval) {
  auto h = started();
  EXPECT_EQ(h.next(), t0 + 20s);
  EXPECT_EQ(h.judge(t0 + 19s), due::nothing);
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  EXPECT_EQ(h.judge(t0 + 20s), due::nothing);
  EXPECT_EQ(h.next(), t0 + 60s);
  h.on_ack(t0 + 20s + 30ms);
  EXPECT_EQ(h.latency(), 30ms);
  EXPECT_EQ(h.judge(t0 + 60s), due::beat);
}

TEST(Heartbeat, OneMissedAckIsAZombieAfterTheGrace) {
  auto h = started();
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  EXPECT_EQ(h.judge(t0 + 60s), due::beat);  // goes on beating
  h.on_sent(t0 + 60s);
  EXPECT_EQ(h.next(), t0 + 61s);
  EXPECT_EQ(h.judge(t0 + 60s + 999ms), due::nothing);
  EXPECT_EQ(h.judge(t0 + 61s), due::zombie);
}

TEST(Heartbeat, AnAckWithinTheGraceSaves) {
  auto h = started();
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  EXPECT_EQ(h.judge(t0 + 60s), due::beat);
  h.on_ack(t0 + 60s + 500ms);
  EXPECT_EQ(h.judge(t0 + 61s), due::nothing);
}

TEST(Heartbeat, PayloadsThatStillComeDelayTheVerdictButNotForEver) {
  auto h = started();
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  auto now = t0 + 60s;
  EXPECT_EQ(h.judge(now), due::beat);
  h.on_sent(now);
  due verdict = due::nothing;
  while (verdict != due::zombie && now < t0 + 200s) {
    h.on_payload();
    now = *h.next();
    verdict = h.judge(now);
    if (verdict == due::beat) h.on_sent(now);
  }
  EXPECT_EQ(verdict, due::zombie);
  EXPECT_GT(now, t0 + 90s);
  EXPECT_LE(now, t0 + 103s);
}

TEST(Heartbeat, NoVerdictWhileReadingIsPaused) {
  auto h = started();
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  h.pause(true);
  EXPECT_EQ(h.judge(t0 + 60s), due::beat);
  EXPECT_EQ(h.judge(t0 + 75s), due::nothing);
  EXPECT_EQ(h.judge(t0 + 100s), due::beat);
  h.on_sent(t0 + 100s);
  h.pause(false);
  EXPECT_EQ(h.judge(t0 + 102s), due::nothing);
  EXPECT_EQ(h.judge(t0 + 140s), due::beat);
}

TEST(Heartbeat, ASuspendedMachineReconnects) {
  auto h = started();
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  h.on_ack(t0 + 21s);
  EXPECT_EQ(h.judge(t0 + 60s + 300s), due::slept);
}

TEST(Heartbeat, StoppedIsSilent) {
  auto h = started();
  h.stop();
  EXPECT_EQ(h.next(), std::nullopt);
  EXPECT_EQ(h.judge(t0 + 500s), due::nothing);
}

TEST(Heartbeat, AnUnansweredBeatDoesNotReachTheNextConnection) {
  auto h = started();
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  h.start(40s, 0.0, t0 + 30s);
  EXPECT_EQ(h.judge(t0 + 30s), due::beat);
  EXPECT_EQ(h.next(), t0 + 70s);
  EXPECT_EQ(h.judge(t0 + 69s), due::nothing);
}

}  // namespace
}  // namespace evergate::proto
