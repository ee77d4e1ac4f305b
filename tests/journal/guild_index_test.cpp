#include "journal/guild_index.h"

#include <gtest/gtest.h>

#include "core_rig.h"

namespace evergate::journal::test {
namespace {

TEST(GuildIndex, WhatLiesBeforeANewerVersionDoesNotClearItsMark) {
  guild_index index;
  index.load(g1, {50, guild_state::available}, false);
  index.load(g1, {100, guild_state::available}, true);
  index.note(g1, 70, 70, 10, guild_effect::available, true, 50);
  EXPECT_TRUE(index.find(g1)->reconcile) << "the version has it since a GAP at 90";
  index.note(g1, 120, 120, 10, guild_effect::available, true, 50);
  EXPECT_FALSE(index.find(g1)->reconcile);
}

TEST(GuildIndex, AReplyAsideIsNotApplied) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  const auto chunk = [](std::uint8_t flags, int nick) {
    auto batch = batch_maker()
                     .event(proto::event_type::guild_members_chunk, g1,
                            R"({"guild_id":"4194304","members":[{"user":{"id":"9"},"nick":")" +
                                std::to_string(nick) + R"("}]})")
                     .done();
    batch->rows.front().flags = static_cast<std::uint8_t>(flow::row_flag::reply | flags);
    return batch;
  };
  rig.commit(
      batch_maker().event(proto::event_type::guild_create, g1, R"({"id":"4194304","members":[]})").done());
  rig.commit(chunk(0, 1));
  EXPECT_NE(rig.shown(g1, rig.head()).find(R"("nick":"1")"), std::string::npos) << rig.shown(g1, rig.head());
  rig.commit(chunk(flow::row_flag::aside, 2));
  EXPECT_NE(rig.shown(g1, rig.head()).find(R"("nick":"1")"), std::string::npos) << rig.shown(g1, rig.head());
  rig.keep(g1);
  EXPECT_NE(rig.shown(g1, rig.head()).find(R"("nick":"1")"), std::string::npos);
}

}  // namespace
}  // namespace evergate::journal::test
