#include "controllers/slot.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "controllers/desk.h"

namespace evergate::decide {
namespace {

constexpr auto recommended = [](const total_shards_question& asked) { return asked.recommended; };

TEST(Slot, AnswersWithTheStandardWhenNothingOverridesIt) {
  const desk none;
  EXPECT_FALSE(none.calculate_total_shards.overridden());
  EXPECT_EQ(none.calculate_total_shards.ask({.recommended = 7}, recommended), 7u);
  EXPECT_EQ(none.calculate_total_shards.status().calls, 0u);
}

TEST(Slot, AnOverrideMayAskTheStandardAboutAnotherQuestion) {
  controller_table table;
  table.calculate_total_shards = [](const auto& asked, const auto& standard) {
    auto other = asked;
    other.recommended *= 2;
    return standard(other) + 1;
  };
  const desk one(table, nullptr, std::chrono::seconds(1));
  EXPECT_EQ(one.calculate_total_shards.ask({.recommended = 7}, recommended), 15u);
  EXPECT_EQ(one.calculate_total_shards.status().calls, 1u);
  EXPECT_TRUE(one.calculate_total_shards.status().in_cpp);
}

TEST(Slot, TakesTheStandardWhenAnOverrideThrows) {
  controller_table table;
  table.calculate_total_shards = [](const auto&, const auto&) -> std::uint32_t {
    throw std::runtime_error("no idea");
  };
  const desk one(table, nullptr, std::chrono::seconds(1));
  EXPECT_EQ(one.calculate_total_shards.ask({.recommended = 7}, recommended), 7u);
  const auto status = one.calculate_total_shards.status();
  EXPECT_EQ(status.failures, 1u);
  EXPECT_EQ(status.last_failure, "no idea");
}

TEST(Slot, TakesTheStandardWhenAnAnswerIsNotAllowed) {
  controller_table table;
  table.calculate_total_shards = [](const auto&, const auto&) { return 0u; };
  const desk one(table, nullptr, std::chrono::seconds(1));
  EXPECT_EQ(one.calculate_total_shards.ask({.recommended = 7}, recommended), 7u);
  EXPECT_EQ(one.calculate_total_shards.status().last_failure, "answered 0, allowed 1 to 65535");
}

TEST(Slot, CountsWhatIsSlow) {
  controller_table table;
  table.calculate_total_shards = [](const auto& asked, const auto& standard) { return standard(asked); };
  const desk one(table, nullptr, std::chrono::nanoseconds(-1));
  EXPECT_EQ(one.calculate_total_shards.ask({.recommended = 7}, recommended), 7u);
  EXPECT_EQ(one.calculate_total_shards.status().slow, 1u);
}

TEST(Desk, WhatEveryBotLivesOnCannotBeDropped) {
  controller_table table;
  table.on_event = [](const auto&, const auto&) {
    return event_answer{.what = event_answer::verdict::drop, .d = {}};
  };
  const desk one(table, nullptr, std::chrono::seconds(1));
  const auto keep = [](const event_question&) { return event_answer{}; };
  EXPECT_EQ(one.on_event.ask({.type = "GUILD_CREATE"}, keep).what, event_answer::verdict::keep);
  EXPECT_EQ(one.on_event.ask({.type = "TYPING_START"}, keep).what, event_answer::verdict::drop);
  EXPECT_EQ(one.on_event.status().failures, 1u);
}

TEST(Desk, TheVersionOfDeliveriesChangesWithTheFunctionsAndTheScripts) {
  EXPECT_EQ(desk().delivery_version(), 0u);
  controller_table table;
  table.deliver_event = [](const auto&, const auto&) { return false; };
  desk first(table, nullptr, std::chrono::seconds(1));
  table.deliver_event_version = 2;
  const desk second(table, nullptr, std::chrono::seconds(1));
  EXPECT_NE(first.delivery_version(), 0u);
  EXPECT_NE(first.delivery_version(), second.delivery_version());
  const auto before = first.delivery_version();
  first.set_script_version(5);
  EXPECT_NE(first.delivery_version(), before);
}

TEST(Desk, HasASlotForEachControllerOfTheTable) {
  // sizeof, so that a controller that is added to the public table and forgotten here is seen.
  std::size_t slots = 0;
  desk().each([&slots](const auto&) { ++slots; });
  EXPECT_EQ(slots * sizeof(controller<close_question, close_verdict>) + sizeof(std::uint64_t),
            sizeof(controller_table));
}

}  // namespace
}  // namespace evergate::decide
