#include "control/reshard_plan.h"

#include <gtest/gtest.h>

namespace evergate::control::reshard_plan_cases {
namespace {

plan_facts facts(std::uint32_t shards, std::uint32_t guilds_each) {
  plan_facts f;
  f.current = shards;
  f.guilds.assign(shards, guilds_each);
  f.remaining = 1'000;
  f.allowance = 900;
  return f;
}

TEST(ReshardPlan, NotBeforeTheThreshold) {
  EXPECT_FALSE(plan_automatic({}, facts(2, 1'999)).wanted());
  const auto plan = plan_automatic({}, facts(2, 2'000));
  EXPECT_TRUE(plan.wanted());
  EXPECT_TRUE(plan.possible());
  EXPECT_EQ(plan.target, 4U);  // 4,000 guilds, half full
  EXPECT_EQ(plan.identifies, 4U);
  EXPECT_EQ(plan.remaining_after, 996U);
  EXPECT_EQ(plan.fullest_percent, 80U);
  EXPECT_EQ(plan.fullest_after_percent, 40U);
}

TEST(ReshardPlan, OneFullShardIsEnough) {
  auto f = facts(10, 100);
  f.guilds[7] = 2'100;
  const auto plan = plan_automatic({}, f);
  EXPECT_TRUE(plan.wanted());
  EXPECT_NE(plan.cause.find("shard 7"), std::string::npos);
  EXPECT_EQ(plan.target, 11U);  // never the same count, nor fewer
}

TEST(ReshardPlan, DiscordsRecommendationCounts) {
  auto f = facts(2, 100);
  f.recommended = 3;
  EXPECT_FALSE(plan_automatic({}, f).wanted());  // 1,500 a shard: not yet 80 % of 2,500
  f.recommended = 4;
  const auto plan = plan_automatic({}, f);
  EXPECT_TRUE(plan.wanted());
  EXPECT_EQ(plan.target, 4U);
  f.recommended = 2;
  EXPECT_FALSE(plan_automatic({}, f).wanted());
}

TEST(ReshardPlan, NeverIntoTheReserve) {
  auto f = facts(2, 2'400);
  f.remaining = 103;
  f.allowance = 3;
  const auto plan = plan_automatic({}, f);
  EXPECT_TRUE(plan.wanted());
  EXPECT_FALSE(plan.possible());
  EXPECT_NE(plan.refusal.find("4 session starts are needed, 3 are left"), std::string::npos);
  f.allowance = 4;
  EXPECT_TRUE(plan_automatic({}, f).possible());
}

TEST(ReshardPlan, SomebodyWhoAsksMayUseTheReserve) {
  auto f = facts(2, 1'000);
  f.remaining = 20;
  f.allowance = 0;
  EXPECT_TRUE(plan_manual({}, f, 20).possible());
  EXPECT_FALSE(plan_manual({}, f, 21).possible());
}

TEST(ReshardPlan, UpDownAndTheSame) {
  const auto f = facts(8, 500);
  for (const std::uint32_t target : {2U, 8U, 40U}) {
    const auto plan = plan_manual({}, f, target);
    EXPECT_TRUE(plan.possible()) << plan.text();
    EXPECT_EQ(plan.identifies, target);
  }
  EXPECT_FALSE(plan_manual({}, f, 1).possible());  // 4,000 guilds on one shard
  EXPECT_FALSE(plan_manual({}, f, 0).possible());
  EXPECT_FALSE(plan_manual({}, f, 65'536).possible());
  EXPECT_FALSE(plan_manual({}, plan_facts{}, 2).possible());
}

TEST(ReshardPlan, LargeBotsGetMultiples) {
  auto f = facts(160, 1'999);
  f.guilds[3] = 2'000;
  f.recommended = 320;
  f.max_concurrency = 16;
  const auto plan = plan_automatic({}, f);
  EXPECT_EQ(shard_multiple({}, f), 16U);
  EXPECT_EQ(plan.target, 320U);
  EXPECT_EQ(plan.seconds, 106U);  // 20 rounds of 5.3 s
  EXPECT_FALSE(plan_manual({}, f, 200).possible());
  EXPECT_TRUE(plan_manual({}, f, 208).possible());
  f.recommended = 330;
  EXPECT_EQ(shard_multiple({}, f), 330U);
  EXPECT_EQ(plan_automatic({}, f).target, 330U);
  EXPECT_EQ(shard_multiple({.multiple = 5}, f), 5U);
}

TEST(ReshardPlan, OrdinaryBotsDoNot) {
  auto f = facts(3, 900);
  f.recommended = 3;
  EXPECT_EQ(shard_multiple({}, f), 1U);
  EXPECT_TRUE(plan_manual({}, f, 7).possible());
}

TEST(ReshardPlan, SaysWhatItCosts) {
  auto f = facts(2, 2'000);
  EXPECT_EQ(
      plan_automatic({}, f).text(),
      "2 -> 4 shards: 4 session starts, about 1 min, 996 left today; fullest shard 80 % now, 40 % then; "
      "shard 0 holds 2000 guilds, 80 % of 2500");
  EXPECT_EQ(
      plan_manual({}, f, 3).to_json(),
      R"({"current":2,"target":3,"identifies":3,"seconds":16,"remaining_after":997,"fullest_percent":80,)"
      R"("fullest_after_percent":54,"wanted":true,"cause":"asked for","possible":true,"refusal":""})");
}

}  // namespace
}  // namespace evergate::control::reshard_plan_cases
