#include "downstream/consumer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "downstream/delivery_filter.h"

namespace evergate::downstream {
namespace {

using namespace std::chrono_literals;
using kind = consumer_order::kind;

class ConsumerTest : public ::testing::Test {
 protected:
  consumer_orders identify(holder_id by, proto::shard_key lane, std::uint64_t head = 100) {
    flow::downstream_record who;
    who.id = "s" + std::to_string(by);
    who.number = static_cast<std::uint32_t>(by);
    who.lane = lane;
    who.intents = 1;
    consumer_orders out;
    body_.identify(by, who, {}, flow::offset{head}, now_, out);
    return out;
  }
  consumer_orders left(holder_id by, bool discard = false) {
    consumer_orders out;
    body_.left(by, discard, flow::offset{500}, now_, out);
    return out;
  }
  consumer_orders released(holder_id by) {
    consumer_orders out;
    body_.released(by, flow::offset{500}, out);
    return out;
  }
  bool report(holder_id by, std::uint64_t cursor, std::uint32_t seq, bool acknowledged = true) {
    return body_.report(by, {.cursor = flow::offset{cursor},
                             .position = flow::offset{cursor},
                             .anchor_offset = flow::offset{cursor},
                             .anchor_seq = seq,
                             .sent_seq = seq,
                             .began = true,
                             .acknowledged = acknowledged});
  }
  std::shared_ptr<const lane_grant> resume(holder_id by, const std::string& id, std::int64_t seq) {
    orders_.clear();
    return body_.resume(by, id, seq, orders_);
  }
  flow::consumer_change changes() {
    flow::consumer_change out;
    body_.take_changes(out);
    return out;
  }

  base::instant now_{1000s};
  consumer body_{"main", {.queue_quiet = 1s, .queue_wait_max = 15s}};
  consumer_orders orders_;
};

TEST_F(ConsumerTest, TheFirstIdentifyStartsEveryLaneAtTheHead) {
  const auto out = identify(1, {1, 3}, 100);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].what, kind::grant);
  EXPECT_EQ(out[0].to, 1u);
  EXPECT_EQ(out[0].grant->start.value, 100u);
  EXPECT_EQ(out[0].grant->session.consumer, "main");
  EXPECT_EQ(out[0].grant->session.filter_version, rules_version);
  EXPECT_EQ(identify(2, {2, 3}, 900)[0].grant->start.value, 100u) << "a lane that comes later misses nothing";
}

TEST_F(ConsumerTest, StandsWhenItsBeginningIsStored) {
  EXPECT_TRUE(body_.begin(2, flow::offset{100}));
  EXPECT_FALSE(body_.begin(3, flow::offset{200})) << "it has begun";
  EXPECT_FALSE(body_.standing());
  const auto stored = changes();
  ASSERT_EQ(stored.consumers.size(), 1u);
  body_.stands();
  EXPECT_TRUE(body_.standing());
  EXPECT_EQ(identify(1, {1, 2}, 900)[0].grant->start.value, 100u);
  EXPECT_TRUE(consumer(stored.consumers[0], {}).standing());
}

TEST_F(ConsumerTest, ALaneGoesOnAtItsCursor) {
  identify(1, {0, 1});
  EXPECT_TRUE(report(1, 150, 4));
  EXPECT_TRUE(left(1).empty());
  EXPECT_EQ(identify(2, {0, 1})[0].grant->start.value, 150u);
  EXPECT_FALSE(report(1, 170, 9)) << "the lane is another's";
}

TEST_F(ConsumerTest, CursorsNeverGoBack) {
  identify(1, {0, 1});
  report(1, 150, 4);
  report(1, 120, 4);
  left(1);
  EXPECT_EQ(identify(2, {0, 1})[0].grant->start.value, 150u);
}

TEST_F(ConsumerTest, ResumeFindsItsAnchor) {
  identify(1, {0, 1});
  EXPECT_EQ(resume(9, "s1", 0), nullptr) << "inside the backfill";
  report(1, 150, 4);
  left(1);
  EXPECT_EQ(resume(9, "s1", 3), nullptr) << "before the anchor";
  EXPECT_EQ(resume(9, "nobody", 4), nullptr);
  EXPECT_EQ(resume(9, "s1", -1), nullptr);
  EXPECT_EQ(resume(9, "s1", 1LL << 40), nullptr);
  const auto got = resume(9, "s1", 40);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->start.value, 150u);
  EXPECT_EQ(got->session.anchor_seq, 4u);
  EXPECT_TRUE(report(9, 160, 5));
}

TEST_F(ConsumerTest, ResumeDropsItsOwnOldConnection) {
  identify(1, {0, 1});
  report(1, 150, 4);
  ASSERT_NE(resume(2, "s1", 4), nullptr);
  ASSERT_EQ(orders_.size(), 1u);
  EXPECT_EQ(orders_[0].what, kind::drop);
  EXPECT_EQ(orders_[0].to, 1u);
  EXPECT_TRUE(left(1).empty());
  EXPECT_TRUE(report(2, 160, 5)) << "the old one's end changes nothing";
}

TEST_F(ConsumerTest, DiscardedAndUnbegunSessionsCannotBeResumed) {
  identify(1, {0, 1});
  report(1, 150, 4);
  left(1, true);
  EXPECT_EQ(resume(2, "s1", 4), nullptr);
  identify(3, {0, 1});
  left(3);
  EXPECT_EQ(resume(4, "s3", 0), nullptr);
  EXPECT_EQ(body_.sessions(), 0u);
}

TEST_F(ConsumerTest, TakeoverAsksTheOldAndStartsWhereItEnded) {
  identify(1, {0, 1});
  report(1, 150, 4);
  auto out = identify(2, {0, 1});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].what, kind::ask);
  EXPECT_EQ(out[0].to, 1u);
  EXPECT_TRUE(report(1, 180, 9)) << "its last acknowledgement still counts";
  out = released(1);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].what, kind::grant);
  EXPECT_EQ(out[0].to, 2u);
  EXPECT_EQ(out[0].grant->start.value, 180u);
  EXPECT_FALSE(report(1, 200, 10));
  EXPECT_EQ(resume(3, "s1", 9), nullptr) << "the lane is taken";
  EXPECT_TRUE(report(2, 190, 3));
  EXPECT_EQ(body_.sessions(), 1u) << "the old session has gone with the first acknowledgement";
}

TEST_F(ConsumerTest, TheLaneReturnsWhenTheNewcomerDiesUnacknowledged) {
  identify(1, {0, 1});
  report(1, 150, 4);
  identify(2, {0, 1});
  released(1);
  report(2, 150, 1, false);
  const auto out = left(2);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].what, kind::give_back);
  EXPECT_EQ(out[0].to, 1u);
  EXPECT_TRUE(report(1, 170, 6));
  left(1);
  EXPECT_NE(resume(3, "s1", 6), nullptr);
}

TEST_F(ConsumerTest, AReturnedLaneGoesOnWhereTheNewcomersInteractionsEnded) {
  identify(1, {0, 1});
  report(1, 150, 4);
  EXPECT_TRUE(body_.reserve_interactions(1, flow::offset{120}));
  identify(2, {0, 1});
  EXPECT_EQ(released(1)[0].grant->interactions, flow::offset{120});
  EXPECT_FALSE(body_.reserve_interactions(1, flow::offset{170})) << "superseded";
  EXPECT_TRUE(body_.reserve_interactions(2, flow::offset{180}));
  const auto out = left(2);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].what, kind::give_back);
  EXPECT_EQ(out[0].interactions, flow::offset{180});
  left(1);
  const auto grant = resume(3, "s1", 4);
  ASSERT_NE(grant, nullptr);
  EXPECT_EQ(grant->interactions, flow::offset{180});
}

TEST_F(ConsumerTest, TheLaneReturnsWhenTheNewcomerGivesUpBeforeItsTurn) {
  identify(1, {0, 1});
  EXPECT_TRUE(body_.reserve_interactions(1, flow::offset{120}));
  identify(2, {0, 1});
  const auto out = left(2);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].what, kind::give_back);
  EXPECT_EQ(out[0].interactions, flow::offset{120}) << "none is sent again (seed 31205753300039)";
  EXPECT_EQ(out[0].to, 1u);
  EXPECT_TRUE(released(1).empty());
}

TEST_F(ConsumerTest, TheHolderMayDieWhileItIsAsked) {
  identify(1, {0, 1});
  report(1, 150, 4);
  identify(2, {0, 1});
  auto out = identify(3, {0, 1});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].what, kind::drop);
  EXPECT_EQ(out[0].to, 2u);
  out = left(1);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].what, kind::grant);
  EXPECT_EQ(out[0].to, 3u);
}

TEST_F(ConsumerTest, AnotherNTakesForceAtOnceWhenNobodyIsThere) {
  identify(1, {0, 2});
  identify(2, {1, 2});
  report(1, 150, 4);
  report(2, 130, 4);
  left(1);
  left(2);
  const auto out = identify(3, {0, 4});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].what, kind::grant);
  EXPECT_EQ(out[0].grant->start.value, 150u) << "lane 0 of 4 holds guilds of lane 0 of 2";
  EXPECT_EQ(out[0].grant->older->settled().value, 150u);
  EXPECT_EQ(identify(4, {3, 4})[0].grant->start.value, 130u);
  EXPECT_EQ(resume(5, "s1", 4), nullptr) << "sessions of another layout are over";
}

TEST_F(ConsumerTest, AnotherNWaitsForAllItsLanes) {
  identify(1, {0, 1});
  report(1, 150, 4);
  EXPECT_TRUE(identify(2, {0, 2}).empty());
  EXPECT_TRUE(identify(3, {0, 2}).size() == 1 && body_.record().layouts.size() == 1) << "the same lane twice";
  const auto out = identify(4, {1, 2});
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].what, kind::close_layout);
  EXPECT_EQ(out[0].to, 1u);
  EXPECT_EQ(out[1].what, kind::grant);
  EXPECT_EQ(out[1].to, 3u);
  EXPECT_EQ(out[2].to, 4u);
  EXPECT_EQ(out[2].grant->start.value, 150u);
  EXPECT_FALSE(report(1, 160, 5)) << "the old layout is frozen";
  EXPECT_TRUE(left(1).empty());
}

TEST_F(ConsumerTest, AWaitingNTakesForceWhenTheLastOldLaneGoes) {
  identify(1, {0, 1});
  identify(2, {1, 2});
  const auto out = left(1);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].what, kind::grant);
  EXPECT_EQ(out[0].to, 2u);
}

TEST_F(ConsumerTest, AWaiterMayLeave) {
  identify(1, {0, 1});
  identify(2, {0, 2});
  left(2);
  EXPECT_TRUE(identify(3, {1, 2}).empty()) << "lane 0 of 2 is no longer there";
}

TEST_F(ConsumerTest, OldLayoutsGoWhenAllHavePassedThem) {
  identify(1, {0, 1});
  report(1, 150, 4);
  left(1);
  identify(2, {0, 2});
  identify(3, {1, 2});
  (void)changes();
  EXPECT_EQ(body_.record().layouts.size(), 1u) << "every new lane starts where the old one stood";
}

TEST_F(ConsumerTest, OldLayoutsStayWhileALaneIsBehind) {
  identify(1, {0, 2});
  identify(2, {1, 2});
  report(1, 150, 4);
  report(2, 130, 4);
  left(1);
  left(2);
  identify(3, {0, 1});
  (void)changes();
  EXPECT_EQ(body_.record().layouts.size(), 2u);
  report(3, 149, 9);
  (void)changes();
  EXPECT_EQ(body_.record().layouts.size(), 2u);
  report(3, 150, 9);
  (void)changes();
  EXPECT_EQ(body_.record().layouts.size(), 1u);
}

TEST_F(ConsumerTest, GenerationsAreBounded) {
  holder_id by = 1;
  for (std::uint32_t n = 1; n <= 20; ++n) {
    identify(by, {n - 1, n}, 1000 - n);
    left(by++);
  }
  EXPECT_LE(body_.record().layouts.size(), consumer::layouts_max);
  EXPECT_GT(body_.layouts_dropped(), 0u);
  EXPECT_EQ(body_.record().layout, 20u);
}

TEST_F(ConsumerTest, TheGateWaitsForBackfillsAndQuiet) {
  identify(1, {0, 2});
  identify(2, {1, 2});
  body_.backfill_began(1);
  body_.backfill_began(2);
  body_.backfill_ended(1, now_);
  const auto since = now_;
  EXPECT_FALSE(body_.gate_open(since, now_ + 2s));
  left(2);
  EXPECT_FALSE(body_.gate_open(since, now_ + 999ms));
  EXPECT_TRUE(body_.gate_open(since, now_ + 1s));
  now_ += 800ms;
  identify(3, {1, 2});
  body_.backfill_began(3);
  EXPECT_FALSE(body_.gate_open(since, since + 14999ms));
  EXPECT_TRUE(body_.gate_open(since, since + 15s));
}

TEST_F(ConsumerTest, InteractionPositionsAreStoredBeforeTheyCount) {
  identify(1, {0, 1});
  (void)changes();
  EXPECT_TRUE(body_.reserve_interactions(1, flow::offset{140}));
  const auto stored = changes();
  ASSERT_EQ(stored.consumers.size(), 1u) << "what is sent must be durable before";
  EXPECT_EQ(stored.consumers[0].layouts[0].interactions[0], flow::offset{140});
  EXPECT_TRUE(body_.reserve_interactions(1, flow::offset{130})) << "those past 130 were not sent after all";
  EXPECT_EQ(changes().consumers.at(0).layouts[0].interactions[0], flow::offset{130});
  left(1);
  EXPECT_EQ(identify(2, {0, 1})[0].grant->interactions, flow::offset{130});
}

TEST_F(ConsumerTest, InteractionPositionsFollowAChangeOfN) {
  identify(1, {0, 2});
  identify(2, {1, 2});
  body_.reserve_interactions(1, flow::offset{140});
  body_.reserve_interactions(2, flow::offset{170});
  left(1);
  left(2);
  const auto grant = identify(3, {0, 1})[0].grant;
  EXPECT_EQ(grant->interactions, flow::offset{140});
  EXPECT_EQ(grant->older->interactions_from(proto::snowflake{2} << 22), flow::offset{140});
  EXPECT_EQ(grant->older->interactions_from(proto::snowflake{3} << 22), flow::offset{170});
  report(3, 200, 9);
  (void)changes();
  EXPECT_EQ(body_.record().layouts.size(), 2u) << "interactions from 140 to 170 are still lane 0's alone";
  body_.reserve_interactions(3, flow::offset{170});
  (void)changes();
  EXPECT_EQ(body_.record().layouts.size(), 1u);
}

TEST_F(ConsumerTest, ADroppedGenerationGivesNoInteractionTwice) {
  identify(1, {0, 1});
  body_.reserve_interactions(1, flow::offset{500});
  left(1);
  holder_id by = 2;
  for (std::uint32_t n = 2; n <= 20; ++n) {
    identify(by, {n - 1, n});
    left(by++);
  }
  const auto& newest = body_.record().layouts.back();
  for (const auto at : newest.interactions) EXPECT_GE(at, flow::offset{500});
}

TEST_F(ConsumerTest, StoredStateComesBack) {
  identify(1, {0, 1});
  report(1, 150, 4);
  auto stored = changes();
  ASSERT_EQ(stored.consumers.size(), 1u);
  ASSERT_EQ(stored.sessions.size(), 1u);
  EXPECT_TRUE(changes().consumers.empty()) << "nothing new";
  consumer again(stored.consumers[0], {});
  again.restore(stored.sessions[0], now_);
  auto foreign = stored.sessions[0];
  foreign.id = "foreign";
  foreign.layout = 77;
  again.restore(foreign, now_);
  consumer_orders out;
  const auto got = again.resume(9, "s1", 10, out);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->start.value, 150u);
  flow::consumer_change change;
  again.take_changes(change);
  EXPECT_EQ(change.sessions_removed, std::vector<std::string>{"foreign"});
}

TEST_F(ConsumerTest, UnsoundStoredLayoutsAreLeftOut) {
  flow::consumer_record record;
  record.name = "x";
  record.layouts = {{2, {flow::offset{1}}, {}}, {0, {}, {}}, {1, {flow::offset{1}}, {}}};
  consumer again(record, {});
  EXPECT_TRUE(again.status().empty());
}

TEST_F(ConsumerTest, SessionsTimeOutByOption) {
  consumer_policy policy;
  policy.session_timeout = 60s;
  consumer body("x", {}, std::make_shared<const consumer_policy>(policy));
  consumer_orders out;
  flow::downstream_record who;
  who.id = "a";
  body.identify(1, who, {}, flow::offset{1}, now_, out);
  body.report(1, {.began = true});
  body.tick(now_ + 1h, out);
  EXPECT_EQ(body.sessions(), 1u) << "it is attached";
  body.left(1, false, flow::offset{1}, now_, out);
  body.tick(now_ + 59s, out);
  EXPECT_EQ(body.sessions(), 1u);
  body.tick(now_ + 60s, out);
  EXPECT_EQ(body.sessions(), 0u);
}

}  // namespace
}  // namespace evergate::downstream
