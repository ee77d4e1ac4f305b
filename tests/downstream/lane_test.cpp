#include "downstream/lane.h"

#include <gtest/gtest.h>

#include "fake_journal.h"
#include "frames_read.h"

namespace evergate::downstream {
namespace {

using namespace std::chrono_literals;
using proto::event_type;
using testing::json_in;

constexpr proto::snowflake guild = 8ULL << 22;

class LaneTest : public ::testing::Test {
 protected:
  std::shared_ptr<lane_grant> grant(std::uint64_t start) {
    auto out = std::make_shared<lane_grant>();
    out->session.id = "s";
    out->session.number = 7;
    out->session.intents = proto::intent::all;
    out->session.anchor_offset = out->start = flow::offset{start};
    out->older = std::make_shared<const due>();
    return out;
  }
  /// Pumps until idle (or another end) and returns the frames.
  std::vector<nlohmann::json> run(lane& from, std::size_t budget = 1'000'000) {
    std::string out;
    do {
      last_ = *from.pump(journal_.head(), budget, out);
    } while (last_ == lane::pace::more);
    return json_in(out);
  }
  lane make(lane_limits limits = {}) { return lane(reader_, writer_, limits); }

  testing::fake_journal journal_;
  batch_reader reader_{journal_, 1024};
  frame_writer writer_{proto::compression::none};
  lane::pace last_ = lane::pace::idle;
};

TEST_F(LaneTest, NumbersWhatItDelivers) {
  for (int i = 1; i <= 10; ++i) {
    journal_.message(guild, i);
    journal_.add(event_type::gap, 0, "{}", flow::row_flag::internal);
  }
  auto l = make();
  l.start(grant(4), 20, 5);
  const auto got = run(l, 1);
  ASSERT_EQ(got.size(), 8u);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i]["s"], 21 + i);
    EXPECT_EQ(got[i]["op"], 0);
    EXPECT_EQ(got[i]["t"], "MESSAGE_CREATE");
    EXPECT_EQ(got[i]["d"]["id"], std::to_string(i + 3));
  }
  EXPECT_EQ(last_, lane::pace::idle);
  EXPECT_EQ(l.cursor().value, 4u);
  EXPECT_TRUE(l.acknowledge(22));
  EXPECT_EQ(l.cursor().value, 8u) << "just before message 5 at offset 9";
  EXPECT_TRUE(l.acknowledge(28));
  EXPECT_EQ(l.cursor().value, 20u);
  EXPECT_FALSE(l.acknowledge(29));
  EXPECT_FALSE(l.acknowledge(-1));
}

TEST_F(LaneTest, NumbersOnlyWhatItsConsumerWants) {
  for (int i = 1; i <= 6; ++i) {
    journal_.message(i % 2 == 0 ? guild : guild + (1ULL << 22), i);
    journal_.add(event_type::typing_start, guild, "{}");
  }
  consumer_policy policy;
  policy.filter = *consumer_filter::make({.events_deny = {"TYPING_START"}, .guilds_deny = {guild}});
  auto from = grant(0);
  from->policy = std::make_shared<const consumer_policy>(policy);
  auto l = make();
  l.start(from, 1, 5);
  const auto got = run(l);
  ASSERT_EQ(got.size(), 3u);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i]["s"], 2 + i);
    EXPECT_EQ(got[i]["d"]["id"], std::to_string(2 * i + 1));
  }
}

TEST_F(LaneTest, KeepsTheNameOfUnknownEvents) {
  journal_.add(event_type::unknown, guild, R"({"a":1})", 0, 0, "BRAND_NEW");
  auto l = make();
  l.start(grant(0), 1, 5);
  const auto got = run(l);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0]["t"], "BRAND_NEW");
  EXPECT_EQ(got[0]["d"]["a"], 1);
}

TEST_F(LaneTest, WaitsForAcknowledgementsAtItsWindow) {
  for (int i = 1; i <= 10; ++i) journal_.message(guild, i);
  auto l = make({.ack_window = 4});
  l.start(grant(0), 1, 5);
  EXPECT_EQ(run(l).size(), 4u);
  EXPECT_EQ(last_, lane::pace::window);
  EXPECT_EQ(run(l).size(), 0u);
  l.acknowledge(3);
  EXPECT_EQ(run(l).size(), 2u);
  l.acknowledge(7);
  EXPECT_EQ(run(l).size(), 4u);
  EXPECT_EQ(last_, lane::pace::idle);
}

TEST_F(LaneTest, ResumesExactlyAtEveryCut) {
  for (int i = 1; i <= 30; ++i) {
    if (i % 3 == 0) {
      journal_.message(guild, i);
    } else {
      journal_.add(event_type::gap, 0, "{}", flow::row_flag::internal);
    }
  }
  auto whole = make();
  whole.start(grant(0), 5, 5);
  const auto all = run(whole);
  ASSERT_EQ(all.size(), 10u);
  for (std::uint32_t seen = 0; seen <= 10; ++seen) {
    auto again = make();
    auto from = grant(0);
    from->session.anchor_seq = 5;
    again.resume(from, 5 + seen, 5);
    const auto rest = run(again, 1);
    ASSERT_EQ(last_, lane::pace::idle) << seen;
    ASSERT_EQ(rest.size(), 10u - seen);
    for (std::size_t i = 0; i < rest.size(); ++i) EXPECT_EQ(rest[i], all[seen + i]);
    EXPECT_EQ(again.sent_seq(), 15u);
  }
  auto beyond = make();
  auto from = grant(0);
  from->session.anchor_seq = 5;
  beyond.resume(from, 16, 5);
  EXPECT_TRUE(run(beyond).empty());
  EXPECT_EQ(last_, lane::pace::unknown) << "a number that does not exist";
}

TEST_F(LaneTest, AnchorsMoveWithAcknowledgementsAndAllowResume) {
  for (int i = 1; i <= 12; ++i) journal_.message(guild, i);
  auto l = make();
  l.start(grant(0), 1, 5);
  const auto all = run(l);
  for (std::uint32_t acked = 1; acked <= 13; ++acked) {
    l.acknowledge(acked);
    for (std::uint32_t seen = acked; seen <= 13; ++seen) {
      auto from = grant(l.anchor_offset().value);
      from->session.anchor_seq = l.anchor_seq();
      auto again = make();
      again.resume(from, seen, 5);
      const auto rest = run(again);
      ASSERT_EQ(rest.size(), 13u - seen);
      if (!rest.empty()) EXPECT_EQ(rest[0], all[seen - 1]);
    }
  }
}

TEST_F(LaneTest, RefusesToCountAcrossAHole) {
  for (int i = 1; i <= 9; ++i) journal_.message(guild, i);
  journal_.evict(flow::offset{4});
  auto l = make();
  l.resume(grant(0), 6, 5);
  EXPECT_TRUE(run(l).empty());
  EXPECT_EQ(last_, lane::pace::unknown);
}

TEST_F(LaneTest, AHoleThatReachesPastWhereItMayGoIsPassed) {
  for (int i = 1; i <= 9; ++i) journal_.message(guild, i);
  for (const std::uint64_t gone : {4, 5, 6, 9}) journal_.evict(flow::offset{gone});
  auto l = make();
  l.start(grant(0), 1, 5);
  std::string out;
  ASSERT_EQ(l.pump(flow::offset{5}, 1 << 20, out, 100).value(), lane::pace::idle);
  EXPECT_EQ(l.position().value, 5u);
  EXPECT_EQ(l.rows_missing(), 2u);
  ASSERT_EQ(l.pump(flow::offset{9}, 1 << 20, out, 100).value(), lane::pace::idle);
  EXPECT_EQ(l.position().value, 9u);
  EXPECT_EQ(l.rows_missing(), 4u);
}

TEST_F(LaneTest, WhatMayNotGoYetIsNoHole) {
  for (int i = 1; i <= 9; ++i) journal_.message(guild, i);
  auto l = make();
  l.start(grant(0), 1, 5);
  const auto anchor = l.anchor_seq();
  std::string out;
  ASSERT_EQ(l.pump(flow::offset{5}, 1 << 20, out, 100).value(), lane::pace::idle);
  EXPECT_EQ(l.position().value, 5u);
  EXPECT_EQ(l.rows_missing(), 0u);
  EXPECT_EQ(l.anchor_seq(), anchor) << "what is in flight can be numbered again";
}

TEST_F(LaneTest, AHoleInLiveDeliveryMakesAnAnchor) {
  for (int i = 1; i <= 9; ++i) journal_.message(guild, i);
  journal_.evict(flow::offset{4});
  journal_.evict(flow::offset{5});
  auto l = make();
  l.start(grant(0), 1, 5);
  EXPECT_EQ(run(l).size(), 7u);
  EXPECT_EQ(l.rows_missing(), 2u);
  EXPECT_EQ(l.cursor().value, 0u) << "nothing is acknowledged by that";
  EXPECT_EQ(l.anchor_seq(), 4u);
  EXPECT_EQ(l.anchor_offset().value, 5u);
  l.acknowledge(6);
  EXPECT_EQ(l.anchor_seq(), 6u);
  EXPECT_EQ(l.anchor_offset().value, 7u);
}

TEST_F(LaneTest, OlderLayoutsHoldBackWhatTheyDelivered) {
  const proto::snowflake even = 2ULL << 22;
  const proto::snowflake odd = 3ULL << 22;
  for (int i = 1; i <= 10; ++i) journal_.message(i % 2 == 0 ? even : odd, i);
  auto from = grant(2);
  from->older =
      std::make_shared<const due>(std::vector<flow::layout_record>{{2, {flow::offset{6}, flow::offset{2}}}});
  auto l = make();
  l.start(from, 1, 5);
  std::vector<std::string> ids;
  for (const auto& one : run(l)) ids.push_back(one["d"]["id"]);
  EXPECT_EQ(ids, (std::vector<std::string>{"3", "5", "7", "8", "9", "10"}));
}

TEST_F(LaneTest, InteractionsHaveNoPlaceInItsNumbers) {
  journal_.message(guild, 1);
  journal_.interaction(guild, 1'770'000'000'000, 2);
  journal_.message(guild, 3);
  auto l = make();
  l.start(grant(0), 1, 5);
  const auto got = run(l);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[1]["s"], 3);
  EXPECT_EQ(got[1]["d"]["id"], "3");
  l.acknowledge(3);
  EXPECT_EQ(l.cursor().value, 3u);
}

TEST_F(LaneTest, RedactsOnlyWithoutMessageContent) {
  journal_.message(guild, 1);
  auto l = make();
  l.start(grant(0), 1, 5);
  EXPECT_EQ(run(l)[0]["d"]["content"], "m1");
  auto blind = grant(0);
  blind->session.intents = proto::intent::guild_messages;
  auto other = make();
  other.start(blind, 1, 99);
  EXPECT_EQ(run(other)[0]["d"]["content"], "");
  other.start(blind, 1, 5);
  EXPECT_EQ(run(other)[0]["d"]["content"], "m1") << "the bot's own message";
}

TEST_F(LaneTest, ACleanCloseCountsWhatHadLeft) {
  for (int i = 1; i <= 3; ++i) journal_.message(guild, i);
  auto l = make({.close_grace = 100ms});
  l.start(grant(0), 1, 5);
  (void)run(l);
  const base::instant t{1000s};
  l.flushed(t);
  journal_.message(guild, 4);
  (void)run(l);
  l.flushed(t + 50ms);
  l.closed_cleanly(t + 120ms);
  EXPECT_EQ(l.acked_seq(), 4u) << "message 4 left within the grace";
  EXPECT_EQ(l.cursor().value, 3u);
  l.closed_cleanly(t + 150ms);
  EXPECT_EQ(l.acked_seq(), 5u);
}

TEST_F(LaneTest, SendsNoMoreEventsThanAllowed) {
  for (int i = 1; i <= 10; ++i) journal_.message(guild, i);
  journal_.add(event_type::gap, 0, "{}", flow::row_flag::internal);
  auto l = make();
  l.start(grant(0), 1, 5);
  std::string out;
  EXPECT_EQ(*l.pump(journal_.head(), 1'000'000, out, 0), lane::pace::more);
  EXPECT_EQ(*l.pump(journal_.head(), 1'000'000, out, 4), lane::pace::more);
  EXPECT_EQ(json_in(out).size(), 4u);
  EXPECT_EQ(*l.pump(journal_.head(), 1'000'000, out, 7), lane::pace::idle);
  EXPECT_EQ(json_in(out).size(), 10u);
}

TEST_F(LaneTest, UpToTheSuspectItSendsHalvesOfWhatIsInQuestion) {
  for (int i = 1; i <= 20; ++i) journal_.message(guild, i);
  auto from = grant(0);
  from->suspect = flow::offset{8};
  from->suspect_count = 8;
  auto l = make();
  l.start(from, 1, 5);
  EXPECT_EQ(run(l).size(), 4u);
  EXPECT_EQ(last_, lane::pace::window);
  EXPECT_EQ(l.first_unacknowledged().value, 1u);
  l.acknowledge(5);
  EXPECT_EQ(run(l).size(), 2u) << "half of the other four";
  l.acknowledge(7);
  EXPECT_EQ(run(l).size(), 1u);
  l.acknowledge(8);
  EXPECT_TRUE(l.suspects());
  EXPECT_EQ(run(l).size(), 1u);
  EXPECT_EQ(l.first_unacknowledged().value, 8u);
  l.acknowledge(9);
  EXPECT_FALSE(l.suspects());
  EXPECT_EQ(run(l).size(), 12u) << "it was none of them";
}

TEST_F(LaneTest, TheSettledCursorLagsBehindByTheHandlersGrace) {
  for (int i = 1; i <= 10; ++i) journal_.message(guild, i);
  const base::instant t{1000s};
  auto l = make({.handler_grace = 500ms});
  l.at(t);
  l.start(grant(0), 1, 5);
  (void)run(l);
  l.acknowledge(4);
  l.at(t + 300ms);
  l.acknowledge(7);
  EXPECT_EQ(l.cursor().value, 6u);
  EXPECT_EQ(l.settled_cursor().value, 0u);
  l.at(t + 499ms);
  EXPECT_EQ(l.settled_cursor().value, 0u);
  l.at(t + 500ms);
  EXPECT_EQ(l.settled_cursor().value, 3u);
  EXPECT_TRUE(l.lags());
  l.at(t + 800ms);
  EXPECT_EQ(l.settled_cursor().value, 6u);
  EXPECT_FALSE(l.lags());
}

TEST_F(LaneTest, RepeatsADeadLetterAsTheSessionMaySeeIt) {
  journal_.message(guild, 1);
  auto blind = grant(0);
  blind->session.intents = proto::intent::guild_messages;
  auto l = make();
  l.start(blind, 1, 99);
  std::string out;
  flow::dead_letter letter;
  letter.type = "MESSAGE_CREATE";
  letter.d = R"({"id":"7","guild_id":"33554432","author":{"id":"5"},"content":"secret"})";
  l.repeat(letter, out);
  letter.type = "BRAND_NEW";
  letter.d = R"({"id":"8"})";
  l.repeat(letter, out);
  const auto got = json_in(out);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0]["s"], 1) << "outside of the numbering";
  EXPECT_EQ(got[0]["d"]["content"], "");
  EXPECT_EQ(got[1]["t"], "BRAND_NEW");
}

TEST_F(LaneTest, ACleanCloseWithALongGraceIsAsExact) {
  auto l = make({.close_grace = 2'000ms});
  l.start(grant(0), 1, 5);
  base::instant t{1000s};
  // A mark a millisecond would fill any list long before the first is old enough.
  for (int i = 1; i <= 4'000; ++i, t += 1ms) {
    journal_.message(guild, i);
    (void)run(l);
    l.flushed(t);
  }
  l.closed_cleanly(t);
  EXPECT_NEAR(l.acked_seq(), 2'000, 130) << "what left up to 2 s before, to a sixteenth";
  EXPECT_LE(l.acked_seq(), 2'002u);
}

TEST_F(LaneTest, ACleanCloseOfALaggingBotCountsLess) {
  auto l = make({.close_grace = 100ms});
  l.start(grant(0), 1, 5);
  const base::instant t{1000s};
  for (int i = 1; i <= 10; ++i) {
    journal_.message(guild, i);
    (void)run(l);
    l.flushed(t + i * 100ms);
  }
  // Number 7 (message 6) left at 600 ms, and its successor 300 ms before this beat: so far behind is the bot.
  l.heard(7, t + 1'000ms);
  l.acknowledge(7);
  l.closed_cleanly(t + 1'400ms);
  EXPECT_EQ(l.acked_seq(), 9u) << "within twice the lag: what left after 800 ms";
}

TEST_F(LaneTest, ACleanCloseAfterABurstCountsWhatWasAcknowledged) {
  for (int i = 1; i <= 10; ++i) journal_.message(guild, i);
  auto l = make({.close_grace = 100ms});
  l.start(grant(0), 1, 5);
  (void)run(l);
  const base::instant t{1000s};
  l.burst();
  l.flushed(t);
  l.heard(4, t);
  l.acknowledge(4);
  l.closed_cleanly(t + 10s);
  EXPECT_EQ(l.acked_seq(), 4u);
  l.heard(11, t + 11s);
  l.acknowledge(11);
  journal_.message(guild, 11);
  (void)run(l);
  l.flushed(t + 12s);
  l.closed_cleanly(t + 13s);
  EXPECT_EQ(l.acked_seq(), 12u) << "the bot has caught up";
}

TEST_F(LaneTest, EndsBeforeItsNumbersDo) {
  for (int i = 1; i <= 5; ++i) journal_.message(guild, i);
  auto l = make({.seq_max = 4});
  l.start(grant(0), 1, 5);
  EXPECT_EQ(run(l).size(), 3u);
  EXPECT_EQ(last_, lane::pace::window);
  l.acknowledge(4);
  (void)run(l);
  EXPECT_EQ(last_, lane::pace::spent);
}

TEST_F(LaneTest, DeliverEventDecidesWhatItsListsLetPass) {
  for (int i = 1; i <= 4; ++i) journal_.message(guild, i);
  journal_.add(event_type::guild_delete, guild, R"({"id":"8"})");
  controller_table table;
  table.deliver_event = [](const auto& asked, const auto&) {
    EXPECT_EQ(asked.consumer, "shadow");
    return asked.d.find(R"("id":"3")") != std::string_view::npos;
  };
  const decide::desk decisions(table, nullptr, 1s);
  consumer_policy policy;
  const auto before = policy.filter_version();
  policy.decisions = &decisions;
  EXPECT_NE(policy.filter_version(), before) << "sessions numbered without it are not resumed";
  auto from = grant(0);
  from->session.consumer = "shadow";
  from->policy = std::make_shared<const consumer_policy>(policy);
  auto l = make();
  l.start(from, 1, 5);
  const auto got = run(l);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0]["s"], 2);
  EXPECT_EQ(got[0]["d"]["id"], "3");
  EXPECT_EQ(got[1]["t"], "GUILD_DELETE") << "it is not asked about";
}

}  // namespace
}  // namespace evergate::downstream
