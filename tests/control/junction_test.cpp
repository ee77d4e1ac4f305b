#include "control/junction.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "flow/intake.h"

namespace evergate::control::junction_cases {
namespace {

using namespace std::chrono_literals;
using proto::event_type;
using enum fleet_side;

/// Keeps what it is given; refuses when told.
class kept_journal final : public flow::event_sink {
 public:
  bool append(std::unique_ptr<flow::event_batch>& batch) override {
    if (full) return false;
    for (const auto& one : batch->sessions) {
      if (one.session_id.empty()) ended.push_back(one.shard);
    }
    for (const auto& row : batch->rows) {
      if (row.type == event_type::message_create) shown.emplace_back(batch->data(row));
    }
    bool owners = false;
    for (const auto& record : batch->records) {
      if (record.name.starts_with(cutover::mark_prefix) || record.name == cutover::counts_record) continue;
      owners = true;
      if (record.value.empty())
        records.erase(record.name);
      else
        records[record.name] = record.value;
    }
    // An owner changes in the transaction of the guild's events.
    if (owners) rows_with_records = batch->rows.size();
    proofs += batch->proofs.size();
    batch.reset();
    ++batches;
    return true;
  }

  bool full = false;
  std::vector<std::string> shown;
  std::map<std::string, std::string> records;
  std::vector<proto::shard_key> ended;
  std::size_t rows_with_records = 0;
  std::size_t proofs = 0;
  std::size_t batches = 0;
};

constexpr proto::snowflake guild = 1ULL << 22;

class Junction : public ::testing::Test {
 protected:
  bool hand(fleet_side side, event_type type, std::string_view d, bool prove = false) {
    auto batch = std::make_unique<flow::event_batch>();
    auto& row = flow::append_row(*batch, type, {}, d);
    row.guild = type == event_type::session_started ? 0 : guild;
    row.shard_count = 1;
    row.seq = ++seq[side == old_fleet ? 0 : 1];
    batch->progress.push_back({{0, 1}, row.seq});
    if (prove) batch->proofs.push_back({{0, 1}, now});
    const bool taken = meeting.door(side == old_fleet ? 0 : 1).append(batch);
    EXPECT_EQ(batch == nullptr, taken);
    return taken;
  }
  bool message(fleet_side side, int id) {
    return hand(side, event_type::message_create, fmt::format(R"({{"id":"{}"}})", id));
  }
  void begin() {
    cutover_options o;
    o.cut.skew_max = 1'000ms;
    meeting.begin(o, {1}, {1, true}, {});
    EXPECT_FALSE(meeting.open({}));
    hand(new_fleet, event_type::session_started, fmt::format(R"({{"guilds":[{{"id":"{}"}}]}})", guild));
    hand(new_fleet, event_type::guild_create, "{}");
    EXPECT_TRUE(meeting.open({}));
    now += 1'001ms;
  }
  receipt end() {
    return meeting.finish([](const receipt&) { return std::vector<flow::control_record>(); });
  }
  static std::string text(int id) { return fmt::format(R"({{"id":"{}"}})", id); }

  base::instant now{1'000s};
  kept_journal journal;
  junction meeting{journal, [this] { return now; }};
  std::uint32_t seq[2] = {0, 0};
};

TEST_F(Junction, AloneItOnlyPassesOn) {
  ASSERT_TRUE(hand(old_fleet, event_type::message_create, "{}", true));
  EXPECT_EQ(journal.shown.size(), 1U);
  EXPECT_EQ(journal.proofs, 0U);
  EXPECT_FALSE(meeting.busy());
  journal.full = true;
  EXPECT_FALSE(message(old_fleet, 1));
}

TEST_F(Junction, TheOwnerIsWrittenWithTheEvents) {
  begin();
  message(new_fleet, 1);
  message(new_fleet, 2);
  EXPECT_TRUE(journal.records.empty());
  message(old_fleet, 1);
  EXPECT_EQ(journal.shown, (std::vector<std::string>{text(1), text(2)}));
  EXPECT_EQ(journal.records.count(junction::owner_record(guild)), 1U);
  EXPECT_EQ(journal.rows_with_records, 2U);
  EXPECT_EQ(meeting.owner_of(guild), new_fleet);
}

TEST_F(Junction, ProofsComeAfterTheEventsOfTheirBatch) {
  begin();
  now += 2'000ms;
  // The event makes the silence impossible that the proof in the same batch would show.
  hand(new_fleet, event_type::typing_start, "{}", true);
  hand(old_fleet, event_type::presence_update, "{}", true);
  EXPECT_EQ(meeting.owner_of(guild), old_fleet);
}

TEST_F(Junction, WhatTheJournalRefusesGoesFirst) {
  begin();
  message(new_fleet, 1);
  message(new_fleet, 2);
  journal.full = true;
  EXPECT_TRUE(message(old_fleet, 1));  // taken, and kept: 1 and 2
  EXPECT_FALSE(message(new_fleet, 3));
  meeting.tick();
  EXPECT_TRUE(journal.shown.empty());
  journal.full = false;
  EXPECT_TRUE(message(new_fleet, 3));
  EXPECT_EQ(journal.shown, (std::vector<std::string>{text(1), text(2), text(3)}));
}

TEST_F(Junction, AfterTheEndTheNewFleetIsTheOldOne) {
  begin();
  message(old_fleet, 1);
  message(new_fleet, 1);
  now += 2'000ms;
  // The events without a guild have been silent.
  hand(old_fleet, event_type::typing_start, "{}", true);
  hand(new_fleet, event_type::typing_start, "{}", true);
  ASSERT_TRUE(*meeting.ask<bool>([](const cutover& c) { return c.complete(); }));
  const auto receipt = end();
  EXPECT_EQ(receipt.guilds_at_event, 1U);
  EXPECT_FALSE(meeting.busy());
  meeting.begin({}, {1}, {1, true}, {});
  message(new_fleet, 5);  // by the same door as before: the serving fleet now
  EXPECT_EQ(journal.shown.back(), text(5));
  message(old_fleet, 6);  // the next fleet's door
  EXPECT_EQ(journal.shown.back(), text(5));
}

// Found by the simulation: a batch that had been refused came when its fleet was gone, and under the keys of
// the fleet that serves.
TEST_F(Junction, AFleetThatHasLeftIsHeardNoMore) {
  begin();
  meeting.turn_back({});
  EXPECT_EQ(end().guilds(), 0U);
  EXPECT_EQ(journal.ended, (std::vector<proto::shard_key>{{0, 1 | flow::twin_fleet}}));
  const auto batches = journal.batches;
  EXPECT_TRUE(message(new_fleet, 9));
  EXPECT_EQ(journal.batches, batches);
  EXPECT_TRUE(message(old_fleet, 9));
  EXPECT_EQ(journal.shown, std::vector<std::string>{text(9)});
}

TEST_F(Junction, ACommandGoesToTheGuildsOwner) {
  flow::command members;
  members.op = 8;
  members.guild = guild;
  EXPECT_EQ(meeting.route(members), old_fleet);
  begin();
  EXPECT_EQ(meeting.route(members), old_fleet);
  message(old_fleet, 1);
  message(new_fleet, 1);
  EXPECT_EQ(meeting.route(members), new_fleet);
  members.op = 4;
  EXPECT_EQ(meeting.route(members), new_fleet) << "no voice there";
}

TEST_F(Junction, TurningBackTakesTheOwnersBack) {
  begin();
  message(old_fleet, 1);
  message(new_fleet, 1);
  ASSERT_EQ(journal.records.size(), 1U);
  meeting.turn_back({});
  now += 1'001ms;
  message(new_fleet, 2);
  message(old_fleet, 2);
  EXPECT_TRUE(journal.records.empty());
  EXPECT_EQ(journal.shown, (std::vector<std::string>{text(1), text(2)}));
  EXPECT_EQ(meeting.owner_of(guild), old_fleet);
  EXPECT_TRUE(end().aborted);
  message(old_fleet, 3);
  EXPECT_EQ(journal.shown.back(), text(3));
}

}  // namespace
}  // namespace evergate::control::junction_cases
