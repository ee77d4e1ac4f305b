#include "downstream/consumer_policy.h"

#include <gtest/gtest.h>

#include <set>

#include "downstream/consumer.h"
#include "downstream/delivery_filter.h"
#include "flow/intake.h"

namespace evergate::downstream {
namespace {

using proto::event_type;

constexpr proto::snowflake a = 8ULL << 22;
constexpr proto::snowflake b = 9ULL << 22;

bool passes(const filter_lists& lists, event_type type, proto::snowflake guild, std::uint8_t flags = 0,
            const char* name = "") {
  const auto filter = consumer_filter::make(lists);
  EXPECT_TRUE(filter);
  flow::event_batch batch;
  auto& row = flow::append_row(batch, type, name, "{}");
  row.guild = guild;
  row.flags = flags;
  return filter->passes(batch, row);
}

TEST(ConsumerFilterTest, EventsByName) {
  EXPECT_TRUE(passes({}, event_type::typing_start, a));
  EXPECT_FALSE(passes({.events_deny = {"TYPING_START"}}, event_type::typing_start, a));
  EXPECT_TRUE(passes({.events_deny = {"TYPING_START"}}, event_type::message_create, a));
  const filter_lists only{.events_allow = {"MESSAGE_CREATE", "BRAND_NEW"}};
  EXPECT_TRUE(passes(only, event_type::message_create, a));
  EXPECT_FALSE(passes(only, event_type::message_update, a));
  EXPECT_TRUE(passes(only, event_type::unknown, a, 0, "BRAND_NEW"));
  EXPECT_FALSE(passes(only, event_type::unknown, a, 0, "OTHER_NEW"));
  EXPECT_FALSE(passes({.events_deny = {"BRAND_NEW"}}, event_type::unknown, a, 0, "BRAND_NEW"));
  EXPECT_FALSE(passes({.events_allow = {"TYPING_START"}, .events_deny = {"TYPING_START"}},
                      event_type::typing_start, a));
}

TEST(ConsumerFilterTest, WhatEveryLibraryNeedsComesInAnyCase) {
  const filter_lists only{.events_allow = {"MESSAGE_CREATE"}};
  EXPECT_TRUE(passes(only, event_type::guild_create, a));
  EXPECT_TRUE(passes(only, event_type::guild_delete, a));
  EXPECT_TRUE(passes(only, event_type::guild_members_chunk, a, flow::row_flag::reply));
  for (const auto* name : {"READY", "RESUMED", "GUILD_CREATE", "GUILD_DELETE", "typing", ""}) {
    EXPECT_FALSE(consumer_filter::make({.events_deny = {name}})) << name;
  }
}

TEST(ConsumerFilterTest, Guilds) {
  EXPECT_FALSE(passes({.guilds_deny = {a}}, event_type::message_create, a));
  EXPECT_TRUE(passes({.guilds_deny = {a}}, event_type::message_create, b));
  EXPECT_TRUE(passes({.guilds_allow = {a}}, event_type::message_create, a));
  EXPECT_FALSE(passes({.guilds_allow = {a}}, event_type::guild_create, b)) << "not even its GUILD_CREATE";
  EXPECT_TRUE(passes({.guilds_allow = {a}}, event_type::message_create, 0)) << "direct messages";
  EXPECT_FALSE(passes({.guilds_allow = {a}, .guilds_deny = {a}}, event_type::message_create, a));
}

TEST(ConsumerPolicyTest, TheFilterVersionTellsPoliciesApart) {
  const auto version = [](const filter_lists& lists, proto::intent_bits intents = proto::intent::all) {
    consumer_policy policy;
    policy.intents = intents;
    policy.filter = *consumer_filter::make(lists);
    return policy.filter_version();
  };
  EXPECT_EQ(version({}), rules_version) << "sessions of a consumer without a filter go on";
  const std::vector<std::uint32_t> different{
      version({}),
      version({.events_deny = {"TYPING_START"}}),
      version({.events_allow = {"TYPING_START"}}),
      version({.events_deny = {"TYPING_START", "MESSAGE_CREATE"}}),
      version({.guilds_allow = {a}}),
      version({.guilds_deny = {a}}),
      version({.guilds_deny = {a, b}}),
      version({}, proto::intent::guilds),
      version({.guilds_deny = {a}}, proto::intent::guilds),
  };
  const std::set<std::uint32_t> all(different.begin(), different.end());
  EXPECT_EQ(all.size(), different.size());
  EXPECT_EQ(version({.guilds_deny = {a, b}}), version({.guilds_deny = {b, a, b}})) << "order says nothing";
}

TEST(ConsumerPolicyTest, AnotherFilterEndsTheSession) {
  consumer first("x", {});
  consumer_orders out;
  flow::downstream_record who;
  who.id = "a";
  first.identify(1, who, {}, flow::offset{1}, {}, out);
  first.report(1, {.began = true});
  flow::consumer_change stored;
  first.take_changes(stored);
  ASSERT_EQ(stored.sessions.size(), 1u);

  const auto again = [&](const filter_lists& lists) {
    consumer_policy policy;
    policy.filter = *consumer_filter::make(lists);
    consumer body(stored.consumers.at(0), {}, std::make_shared<const consumer_policy>(policy));
    body.restore(stored.sessions.at(0), {});
    consumer_orders orders;
    return body.resume(2, "a", 0, orders) != nullptr;
  };
  EXPECT_TRUE(again({}));
  EXPECT_FALSE(again({.events_deny = {"TYPING_START"}}));
}

TEST(ConsumerPoliciesTest, UnlistedConsumers) {
  consumer_policies all;
  consumer_policy listed;
  listed.read_only = true;
  all.named["staging"] = std::make_shared<const consumer_policy>(listed);
  EXPECT_TRUE(all.of("staging")->read_only);
  EXPECT_FALSE(all.of("other")->read_only);
  all.unlisted = false;
  EXPECT_EQ(all.of("other"), nullptr);
  EXPECT_NE(all.of("main"), nullptr) << "main always is";
}

}  // namespace
}  // namespace evergate::downstream
