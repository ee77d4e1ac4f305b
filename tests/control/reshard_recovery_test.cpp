#include "control/reshard_recovery.h"

#include <gtest/gtest.h>

#include <set>

#include "control/junction.h"
#include "proto/json_view.h"

namespace evergate::control::reshard_recovery_cases {
namespace {

constexpr std::int64_t now_ms = 50'000;
constexpr auto counts =
    R"({"left":0,"receipt":{"guilds":{"at_event":4,"with_gap":1},"events":{"matched":70,"delivered_by_old":40,"delivered_by_new":30}}})";

/// What a daemon that was killed in this phase has left.
std::map<std::string, std::string> left_in(reshard_phase phase, bool turned = false) {
  reshard_task task;
  task.phase = phase;
  task.from = {2};
  task.to = {3};
  task.began_ms = 20'000;
  task.turned = turned;
  task.cause = "asked for";
  if (turned) task.abort_cause = "somebody wanted it";
  return {{reshard_records::task, task.to_json()},
          {reshard_records::last, "the one before"},
          {std::string(cutover::counts_record), counts},
          {junction::owner_record(7), junction::owner_text(cut_kind::gap)},
          {junction::owner_record(8), junction::owner_text(cut_kind::joined)},
          {"awaits/3/9", "yes"}};
}

left_behind sorted(const std::map<std::string, std::string>& records) {
  return what_was_left(records, {}, 0, now_ms);
}

/// Names that are to be removed.
std::set<std::string> removed(const left_behind& left) {
  std::set<std::string> out;
  for (const auto& one : left.records) {
    if (one.value.empty()) out.insert(one.name);
  }
  return out;
}

TEST(ReshardRecovery, ACutGoesOnWithWhatHasBeenCounted) {
  const auto left = sorted(left_in(reshard_phase::cut));
  ASSERT_TRUE(left.task);
  EXPECT_TRUE(left.records.empty());
  EXPECT_EQ(left.remains.moved.at(7), cut_kind::gap);
  EXPECT_EQ(left.remains.moved.at(8), cut_kind::joined);
  EXPECT_EQ(left.remains.counts.events.matched, 70U);
  EXPECT_TRUE(left.remains.shard_marks.contains("awaits/3/9"));
  EXPECT_EQ(left.last, "the one before");
}

TEST(ReshardRecovery, InDrainItIsCompleteAndTheReceiptSaysAll) {
  const auto left = sorted(left_in(reshard_phase::drain));
  EXPECT_TRUE(left.completed);
  EXPECT_FALSE(left.task);
  EXPECT_EQ(left.serving, fleet_shape{3});
  const auto what = receipt::parse(proto::member(left.last, "receipt"));
  EXPECT_EQ(what.guilds_at_event, 4U);
  EXPECT_EQ(what.guilds_with_gap, 1U);
  EXPECT_EQ(what.delivered_by_old, 40U);
  EXPECT_EQ(what.delivered_by_new, 30U);
  EXPECT_EQ(what.duration_ms, 30'000);
  EXPECT_FALSE(what.aborted);
  EXPECT_EQ(removed(left),
            (std::set<std::string>{"reshard", "reshard-counts", "owner/7", "owner/8", "awaits/3/9"}));
}

TEST(ReshardRecovery, InDrainItGoesOnWhenAGuildHadComeBack) {
  auto records = left_in(reshard_phase::drain);
  records[std::string(cutover::counts_record)] = R"({"left":1,"receipt":{}})";
  EXPECT_TRUE(sorted(records).task);
}

TEST(ReshardRecovery, OneThatWasBeingPreparedIsGivenUpWithAReceipt) {
  const auto left = sorted(left_in(reshard_phase::overlap));
  EXPECT_TRUE(left.given_up);
  EXPECT_EQ(left.serving, fleet_shape{2});
  EXPECT_TRUE(receipt::parse(proto::member(left.last, "receipt")).aborted);
  EXPECT_EQ(proto::member(left.last, "restarts"), "1");
  EXPECT_NE(proto::member(left.last, "abort_cause"), R"("")");
}

TEST(ReshardRecovery, OneThatHadTurnedBackKeepsItsReason) {
  const auto left = sorted(left_in(reshard_phase::leave, true));
  EXPECT_TRUE(left.given_up);
  EXPECT_EQ(proto::member(left.last, "abort_cause"), R"("somebody wanted it")");
}

TEST(ReshardRecovery, OneOnItsWayBackGoesOn) {
  EXPECT_TRUE(sorted(left_in(reshard_phase::back, true)).task);
}

}  // namespace
}  // namespace evergate::control::reshard_recovery_cases
