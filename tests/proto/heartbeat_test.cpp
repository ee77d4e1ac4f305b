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
  EXPECT_EQ(h.judge(t0 + 60s), due::nothing);  // an ACK now can only be that of the first beat
  EXPECT_EQ(h.next(), t0 + 61s);
  EXPECT_EQ(h.judge(t0 + 60s + 999ms), due::nothing);
  EXPECT_EQ(h.judge(t0 + 61s), due::zombie);
}

TEST(Heartbeat, AnAckWithinTheGraceSaves) {
  auto h = started();
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  EXPECT_EQ(h.judge(t0 + 60s), due::nothing);
  h.on_ack(t0 + 60s + 500ms);
  EXPECT_EQ(h.next(), t0 + 60s);
  EXPECT_EQ(h.judge(t0 + 60s + 500ms), due::beat);
  h.on_sent(t0 + 60s + 500ms);
  EXPECT_EQ(h.judge(t0 + 61s), due::nothing);
  EXPECT_EQ(h.next(), t0 + 100s);
}

TEST(Heartbeat, PayloadsThatStillComeDelayTheVerdictButNotForEver) {
  auto h = started();
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  auto now = t0 + 60s;
  EXPECT_EQ(h.judge(now), due::nothing);
  due verdict = due::nothing;
  int beats = 0;
  while (verdict != due::zombie && now < t0 + 200s) {
    h.on_payload();
    now = *h.next();
    verdict = h.judge(now);
    if (verdict == due::beat) ++beats, h.on_sent(now);
  }
  EXPECT_EQ(verdict, due::zombie);
  EXPECT_GT(now, t0 + 90s);
  EXPECT_LE(now, t0 + 103s);
  EXPECT_EQ(beats, 2);  // at 61 and 100 s: Discord goes on hearing from us
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

TEST(Heartbeat, NoVerdictWhileTheSocketHoldsUnreadBytes) {
  auto h = started();
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  EXPECT_EQ(h.judge(t0 + 60s), due::nothing);
  EXPECT_EQ(h.judge(t0 + 61s, true), due::beat);  // the ACK may be among them
  h.on_sent(t0 + 61s);
  EXPECT_EQ(h.next(), t0 + 62s);
  EXPECT_EQ(h.judge(t0 + 62s, false), due::zombie);
}

TEST(Heartbeat, ABeatAskedForJustBeforeTheNextOneHasAnIntervalToBeAnswered) {
  auto h = started();
  EXPECT_EQ(h.judge(t0 + 20s), due::beat);
  h.on_sent(t0 + 20s);
  h.on_ack(t0 + 20s);
  h.on_sent(t0 + 59s);  // op 1
  EXPECT_EQ(h.judge(t0 + 60s), due::beat);
  h.on_sent(t0 + 60s);
  EXPECT_EQ(h.judge(t0 + 70s), due::nothing);
  h.on_ack(t0 + 98s);
  EXPECT_EQ(h.judge(t0 + 100s), due::beat);
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
