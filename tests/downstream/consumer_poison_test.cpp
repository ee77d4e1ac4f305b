// How a consumer finds the event that its bots die of.
#include <gtest/gtest.h>

#include "downstream/consumer.h"

namespace evergate::downstream {
namespace {

using namespace std::chrono_literals;

class ConsumerPoisonTest : public ::testing::Test {
 protected:
  std::shared_ptr<const lane_grant> identify(proto::shard_key lane = {0, 1}) {
    flow::downstream_record who;
    who.id = "s" + std::to_string(++by_);
    who.lane = lane;
    consumer_orders out;
    body_.identify(by_, who, {}, flow::offset{100}, now_, out);
    return out.empty() ? nullptr : out.back().grant;
  }
  void report(std::uint64_t cursor, std::uint64_t first, std::uint32_t unacknowledged) {
    body_.report(by_, {.cursor = flow::offset{cursor},
                       .position = flow::offset{cursor + 10},
                       .unacknowledged = unacknowledged,
                       .first_unacknowledged = flow::offset{first},
                       .first_left = left_,
                       .began = true});
  }
  std::optional<flow::offset> end(bool unclean = true) {
    const auto out = unclean ? body_.convicts(by_) : std::nullopt;
    flow::dead_letter letter;
    if (out) letter.at = *out;
    if (out) body_.convict(by_, std::move(letter));
    consumer_orders orders;
    body_.left(by_, false, flow::offset{500}, now_, orders, unclean);
    return out;
  }
  /// A session that dies with `count` in flight from 111 on.
  std::optional<flow::offset> die(std::uint32_t count) {
    grant_ = identify();
    report(110, 111, count);
    return end();
  }

  base::instant now_{1000s};
  consumer body_{"main", {.poison = {.suspect_after = 3, .convict_after = 2}}};
  holder_id by_ = 0;
  bool left_ = true;
  std::shared_ptr<const lane_grant> grant_;
};

TEST_F(ConsumerPoisonTest, SuspectsThenConvictsThenGoesOn) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(die(5));
    EXPECT_EQ(grant_->suspect.value, 0u) << i;
  }
  EXPECT_FALSE(die(1));
  EXPECT_EQ(grant_->suspect.value, 120u) << "all that was in flight";
  EXPECT_EQ(die(1), flow::offset{111});
  flow::consumer_change change;
  body_.take_changes(change);
  ASSERT_EQ(change.dead_letters.size(), 1u);
  EXPECT_EQ(change.dead_letters[0]->consumer, "main");
  EXPECT_EQ(change.dead_letters[0]->lane, (proto::shard_key{0, 1}));
  ASSERT_EQ(change.consumers.size(), 1u) << "the cursor passes it in the same change";
  EXPECT_EQ(change.consumers[0].layouts[0].cursors[0], flow::offset{111});
  EXPECT_TRUE(change.consumers[0].suspicions.empty());
  const auto next = identify();
  EXPECT_EQ(next->start, flow::offset{111});
  EXPECT_EQ(next->suspect.value, 0u);
}

TEST_F(ConsumerPoisonTest, OnlyWhatIsAloneInFlightIsConvicted) {
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(die(2)) << "one of two";
}

// A connection too slow for its guilds ends again and again before the event's turn (seed 1916).
TEST_F(ConsumerPoisonTest, WhatHadNotLeftIsNotConvicted) {
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(die(1));
  left_ = false;
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(die(1));
  left_ = true;
  EXPECT_FALSE(die(1));
  EXPECT_EQ(die(1), flow::offset{111});
}

TEST_F(ConsumerPoisonTest, AnAcknowledgementClearsTheSuspicion) {
  for (int i = 0; i < 3; ++i) (void)die(5);
  grant_ = identify();
  EXPECT_EQ(grant_->suspect.value, 120u);
  EXPECT_EQ(grant_->suspect_count, 5u);
  report(111, 112, 3);
  EXPECT_TRUE(body_.record().suspicions.empty());
  (void)end(false);
  EXPECT_EQ(identify()->suspect.value, 0u);
}

TEST_F(ConsumerPoisonTest, TheSearchGoesOnAmongTheOthersInQuestion) {
  for (int i = 0; i < 3; ++i) (void)die(6);
  identify();
  report(113, 114, 2);  // three are innocent; it dies of one of the next two
  (void)end();
  grant_ = identify();
  EXPECT_EQ(grant_->suspect.value, 123u);
  EXPECT_EQ(grant_->suspect_count, 2u);
  report(113, 114, 1);
  EXPECT_FALSE(end());
  identify();
  report(113, 114, 1);
  EXPECT_EQ(end(), flow::offset{114});
}

TEST_F(ConsumerPoisonTest, AnotherFirstEventBeginsAnew) {
  (void)die(5);
  (void)die(5);
  identify();
  report(112, 113, 5);
  (void)end();
  ASSERT_EQ(body_.record().suspicions.size(), 1u);
  EXPECT_EQ(body_.record().suspicions[0].at.value, 113u);
  EXPECT_EQ(body_.record().suspicions[0].ends, 1u);
}

TEST_F(ConsumerPoisonTest, CleanEndsAndIdleOnesDoNotCount) {
  for (int i = 0; i < 10; ++i) {
    identify();
    report(110, 111, 5);
    (void)end(false);
    identify();
    report(110, 0, 0);
    (void)end();
  }
  EXPECT_TRUE(body_.record().suspicions.empty());
}

TEST_F(ConsumerPoisonTest, IsRememberedOverARestart) {
  for (int i = 0; i < 4; ++i) (void)die(i < 3 ? 5 : 1);
  flow::consumer_change change;
  body_.take_changes(change);
  consumer again(change.consumers.at(0), {.poison = {.suspect_after = 3, .convict_after = 2}});
  consumer_orders out;
  flow::downstream_record who;
  who.id = "later";
  who.lane = {0, 1};
  again.identify(77, who, {}, flow::offset{500}, now_, out);
  EXPECT_EQ(out.at(0).grant->suspect.value, 120u);
  again.report(77, {.cursor = flow::offset{110},
                    .position = flow::offset{111},
                    .unacknowledged = 1,
                    .first_unacknowledged = flow::offset{111},
                    .first_left = true,
                    .began = true});
  EXPECT_EQ(again.convicts(77), flow::offset{111});
}

TEST_F(ConsumerPoisonTest, AnotherNForgetsIt) {
  for (int i = 0; i < 3; ++i) (void)die(5);
  EXPECT_EQ(identify({0, 2})->suspect.value, 0u);
  EXPECT_TRUE(body_.record().suspicions.empty());
}

TEST_F(ConsumerPoisonTest, KnowsWhoServesAGuild) {
  EXPECT_EQ(body_.server_of(proto::snowflake{3} << 22), 0u);
  identify({1, 2});
  EXPECT_EQ(body_.server_of(proto::snowflake{3} << 22), 0u) << "it has not got its guilds";
  report(100, 0, 0);
  EXPECT_EQ(body_.server_of(proto::snowflake{3} << 22), by_);
  EXPECT_EQ(body_.server_of(proto::snowflake{2} << 22), 0u) << "of a lane without a bot";
}

}  // namespace
}  // namespace evergate::downstream
