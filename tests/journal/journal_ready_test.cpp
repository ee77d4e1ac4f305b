// What a READY of Discord's does to the guilds that bots are shown.
#include <gtest/gtest.h>

#include "core_rig.h"

namespace evergate::journal {
namespace {

using test::batch_maker;
using test::core_rig;
using test::g1;
using enum proto::event_type;

constexpr std::string_view listing =
    R"({"user":{"id":"900"},"guilds":[{"id":"4194304","unavailable":true}]})";
constexpr std::string_view document = R"({"id":"4194304","name":"n","members":[]})";

// Else a shard that identifies long after the last guild of the others would be taken as waited for.
TEST(journal_ready, a_ready_says_that_guilds_may_still_come) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  const auto expected = [&](std::unique_ptr<flow::event_batch> batch) {
    round work;
    work.batches.push_back(std::move(batch));
    rig.run(work);
    return work.guilds_expected;
  };
  EXPECT_TRUE(expected(batch_maker().ready(listing).done()));
  EXPECT_TRUE(expected(batch_maker().event(guild_create, g1, document).done()));
  EXPECT_FALSE(expected(batch_maker().event(guild_update, g1, R"({"id":"4194304"})").done()));
}

// Versions are loaded before the rows: what a guild was earlier must not be lost behind them.
TEST(journal_ready, an_awaited_guild_is_named_as_of_then_after_a_restart_too) {
  auto image = std::make_shared<memory_image>();
  core_rig rig({}, image);
  ASSERT_TRUE(rig.recover());
  rig.change(test::cursor_at(1));
  rig.commit(batch_maker().ready(listing).done());
  rig.commit(batch_maker().event(guild_create, g1, document).done());
  rig.keep(g1);
  core_rig again({}, image);
  ASSERT_TRUE(again.recover());
  for (auto* const one : {&rig, &again}) {
    const auto named = one->guilds.guilds({0, 1}, 1);
    ASSERT_EQ(named.size(), 1U);
    EXPECT_EQ(named.front().id, g1);
    EXPECT_FALSE(named.front().available);
    EXPECT_TRUE(one->guilds.guilds({0, 1}, 2).front().available);
    EXPECT_EQ(one->guilds.awaiting(), 0U);
  }
}

// Found by the simulation: the READY of a fleet that was prepared goes on long after it came.
TEST(journal_ready, a_session_that_takes_over_says_nothing_of_the_account) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  constexpr std::string_view old = R"({"user":{"id":"900","username":"old"},"guilds":[]})";
  rig.commit(batch_maker().on(0, 1).ready(old).done());
  rig.commit(batch_maker().event(user_update, 0, R"({"id":"900","username":"new"})").done());
  auto taken_over = batch_maker().on(0, 2).ready(old).done();
  taken_over->rows.back().flags = flow::row_flag::known_guilds;
  const auto before = rig.head();
  rig.commit(std::move(taken_over));
  EXPECT_TRUE(rig.core.state().ready.contains(R"("username":"new")"));
  EXPECT_EQ(rig.head(), before + 1) << "no USER_UPDATE was made";
}

}  // namespace
}  // namespace evergate::journal
