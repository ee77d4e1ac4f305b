#include "proto/send_window.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace evergate::proto {
namespace {

using namespace std::chrono_literals;
constexpr base::instant first_send{100s};

std::uint32_t drain(send_window& w, base::instant now) {
  std::string out;
  std::uint32_t count = 0;
  while (w.next(out, now)) ++count;
  return count;
}

TEST(SendWindow, KeepsRoomForHeartbeats) {
  const std::tuple<base::milliseconds, std::uint32_t> rows[] = {
      {41'250ms, 4}, {60'000ms, 4}, {30'000ms, 4}, {20'000ms, 6}, {10'000ms, 12}, {1'000ms, 108}, {1ms, 108}};
  for (const auto& [interval, room] : rows) {
    send_window w;
    w.on_connection(interval);
    EXPECT_EQ(w.heartbeat_room(), room) << interval.count();
  }
}

// Seed 437: 116 in one go, and 116 more after exactly 60 s that were a few milliseconds less on their way.
TEST(SendWindow, NeverMoreThan120InAnySixtySecondsThoughSomeTravelFaster) {
  send_window w;
  w.on_connection(41'250ms);
  std::vector<base::instant> sent;
  std::string out;
  int pushed = 0;
  int turns = 0;
  for (auto now = first_send; now < first_send + 400s; now += 137ms) {
    while (pushed < 900 && w.push(8, "x")) ++pushed;
    while (w.next(out, now)) sent.push_back(now);
    if (++turns % 20 == 0 && w.try_heartbeat(now)) sent.push_back(now);
  }
  ASSERT_GT(sent.size(), 700U);
  for (std::size_t i = 120; i < sent.size(); ++i) EXPECT_GE(sent[i] - sent[i - 120], 61s);
}

TEST(SendWindow, ProbesAndCommandsTogetherLeaveRoomForTheDueHeartbeats) {
  send_window w;
  w.on_connection(41'250ms);
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(w.push(8, "x"));
  EXPECT_EQ(drain(w, first_send), 116U);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(w.try_probe(first_send + 1s)) << i;
  EXPECT_FALSE(w.try_probe(first_send + 1s));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(w.try_heartbeat(first_send + 2s)) << i;
  // And the other way round: commands after many probes.
  w.on_connection(41'250ms);
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(w.try_probe(first_send)) << i;
  EXPECT_EQ(drain(w, first_send), 58U);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(w.try_heartbeat(first_send + 1s)) << i;
  EXPECT_FALSE(w.try_heartbeat(first_send + 1s));
}

TEST(SendWindow, CommandsLeaveTheHeartbeatsTheirRoom) {
  send_window w;
  w.on_connection(41'250ms);
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(w.push(8, "x"));
  EXPECT_EQ(drain(w, first_send), 116U);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(w.try_heartbeat(first_send + 1s)) << i;
  EXPECT_FALSE(w.try_heartbeat(first_send + 1s));
  EXPECT_EQ(drain(w, first_send + 59s), 0U);
  EXPECT_EQ(w.ready_at(first_send + 59s), first_send + 61s);
  EXPECT_EQ(drain(w, first_send + 60s), 0U);
  EXPECT_EQ(drain(w, first_send + 61s), 114U);
}

TEST(SendWindow, IdentifyCounts) {
  send_window w;
  w.on_connection(41'250ms);
  w.note_send(first_send);
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(w.push(8, "x"));
  EXPECT_EQ(drain(w, first_send), 115U);
}

TEST(SendWindow, ANewConnectionCountsFromZeroAndKeepsTheQueue) {
  send_window w;
  w.on_connection(41'250ms);
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(w.push(8, "x"));
  EXPECT_EQ(drain(w, first_send), 116U);
  EXPECT_EQ(w.queued(), 84U);
  w.on_connection(41'250ms);
  EXPECT_EQ(drain(w, first_send + 1s), 84U);
}

TEST(SendWindow, QueueIsBoundedInItemsAndBytes) {
  send_window items({.queue_items_max = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(items.push(8, "x"));
  EXPECT_FALSE(items.push(8, "x"));
  EXPECT_TRUE(items.push(3, "presence"));  // one is always kept
  send_window bytes({.queue_bytes_max = 10});
  EXPECT_TRUE(bytes.push(8, "123456"));
  EXPECT_FALSE(bytes.push(8, "12345"));
  EXPECT_TRUE(bytes.push(8, "1234"));
  std::string out;
  bytes.on_connection(41'250ms);
  EXPECT_TRUE(bytes.next(out, first_send));
  EXPECT_EQ(out, "123456");
  EXPECT_TRUE(bytes.push(8, "123456"));
}

TEST(SendWindow, PresencesAreFiveInTwentySecondsWhateverTheWayTakesAndTheNewestWins) {
  send_window w;
  w.on_connection(41'250ms);
  std::string out;
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(w.push(3, "p"));
    EXPECT_TRUE(w.next(out, first_send));
  }
  EXPECT_TRUE(w.push(3, "old"));
  EXPECT_TRUE(w.push(3, "new"));
  EXPECT_TRUE(w.push(8, "other"));
  EXPECT_EQ(w.queued(), 2U);
  EXPECT_TRUE(w.next(out, first_send + 1s));
  EXPECT_EQ(out, "other");  // a presence without room holds nobody up
  EXPECT_FALSE(w.next(out, first_send + 19s));
  EXPECT_EQ(w.ready_at(first_send + 19s), first_send + 22s);
  EXPECT_TRUE(w.next(out, first_send + 22s));
  EXPECT_EQ(out, "new");
  EXPECT_EQ(w.ready_at(first_send + 22s), std::nullopt);
}

}  // namespace
}  // namespace evergate::proto
