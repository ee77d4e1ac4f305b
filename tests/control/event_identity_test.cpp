#include "control/event_identity.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace evergate::control::event_identity_cases {
namespace {

using proto::event_type;

event_identity of(event_type type, std::string_view d) {
  return identify(type, proto::info_of(type).name, d);
}

TEST(EventIdentity, AMessageIsToldByItsIdWhateverElseDiffers) {
  const auto a = of(event_type::message_create, R"({"id":"11","content":"hello","nonce":1})");
  const auto b = of(event_type::message_create, R"({"content":"","id":"11"})");
  EXPECT_TRUE(a.same_as(b));
  EXPECT_EQ(a.kind, identity_kind::unique);
  EXPECT_FALSE(a.same_as(of(event_type::message_create, R"({"id":"12","content":"hello","nonce":1})")));
}

TEST(EventIdentity, NotesAboutTheSendingDoNotCount) {
  const auto a = of(event_type::typing_start, R"({"_trace":["one"],"user_id":"2","timestamp":5})");
  EXPECT_TRUE(a.same_as(of(event_type::typing_start, R"({"user_id":"2","timestamp":5,"_trace":["two"]})")));
  EXPECT_FALSE(a.same_as(of(event_type::typing_start, R"({"user_id":"2","timestamp":6})")));
}

TEST(EventIdentity, TheTypeCounts) {
  // The same d under two names: discordeno's de-duplication dropped the second of each pair.
  const auto* ban = R"({"guild_id":"1","user":{"id":"2"}})";
  EXPECT_FALSE(of(event_type::guild_ban_add, ban).same_as(of(event_type::guild_ban_remove, ban)));
  EXPECT_FALSE(of(event_type::message_create, R"({"id":"1"})")
                   .same_as(of(event_type::message_delete, R"({"id":"1"})")));
  EXPECT_FALSE(identify(event_type::unknown, "A_NEW_ONE", "{}")
                   .same_as(identify(event_type::unknown, "ANOTHER", "{}")));
}

TEST(EventIdentity, WhatCanRepeatIsNeverUnique) {
  for (const auto type :
       {event_type::typing_start, event_type::presence_update, event_type::message_reaction_add,
        event_type::message_reaction_remove, event_type::guild_ban_add, event_type::guild_ban_remove,
        event_type::message_poll_vote_add, event_type::guild_scheduled_event_user_add,
        event_type::guild_member_add, event_type::guild_member_update, event_type::thread_create,
        event_type::message_update, event_type::voice_state_update, event_type::channel_create,
        event_type::unknown}) {
    EXPECT_EQ(of(type, R"({"id":"1","guild_id":"2"})").kind, identity_kind::repeats)
        << proto::info_of(type).name;
    EXPECT_EQ(identity_kind_of(type), identity_kind::repeats);
  }
}

TEST(EventIdentity, TheWholeOfDWhereThereIsNoId) {
  const auto a = of(event_type::typing_start, R"({"user_id":"1","timestamp":5,"channel_id":"3"})");
  EXPECT_TRUE(a.same_as(of(event_type::typing_start, R"({"channel_id":"3","timestamp":5,"user_id":"1"})")));
  EXPECT_FALSE(a.same_as(of(event_type::typing_start, R"({"channel_id":"3","timestamp":6,"user_id":"1"})")));
  EXPECT_FALSE(a.same_as(of(event_type::typing_start, R"({"channel_id":"3","timestamp":5})")));
  // Names and values do not blend, and lists keep their order.
  EXPECT_FALSE(of(event_type::unknown, R"({"a":"b"})").same_as(of(event_type::unknown, R"({"b":"a"})")));
  EXPECT_FALSE(of(event_type::unknown, R"({"a":[1,2]})").same_as(of(event_type::unknown, R"({"a":[2,1]})")));
  EXPECT_FALSE(of(event_type::unknown, R"({"a":{"b":1},"c":2})")
                   .same_as(of(event_type::unknown, R"({"a":{"b":2},"c":1})")));
  EXPECT_TRUE(of(event_type::unknown, R"({"a":{"b":1,"x":[{"p":1,"q":2}]}})")
                  .same_as(of(event_type::unknown, R"({"a":{"x":[{"q":2,"p":1}],"b":1}})")));
}

TEST(EventIdentity, WhatDiffersBetweenSessionsIsLeftOut) {
  EXPECT_TRUE(of(event_type::voice_state_update, R"({"user_id":"1","channel_id":"2","session_id":"a"})")
                  .same_as(of(event_type::voice_state_update,
                              R"({"user_id":"1","channel_id":"2","session_id":"b"})")));
  EXPECT_FALSE(of(event_type::voice_state_update, R"({"user_id":"1","channel_id":"2","session_id":"a"})")
                   .same_as(of(event_type::voice_state_update,
                               R"({"user_id":"1","channel_id":null,"session_id":"a"})")));
  EXPECT_TRUE(of(event_type::guild_create, R"({"id":"1","joined_at":"t","members":[1,2]})")
                  .same_as(of(event_type::guild_create, R"({"id":"1","joined_at":"t","members":[]})")));
  EXPECT_FALSE(of(event_type::guild_create, R"({"id":"1","joined_at":"t"})")
                   .same_as(of(event_type::guild_create, R"({"id":"1","joined_at":"u"})")));
  EXPECT_TRUE(
      of(event_type::message_update, R"({"id":"1","edited_timestamp":"t","content":"x"})")
          .same_as(of(event_type::message_update, R"({"id":"1","edited_timestamp":"t","content":""})")));
}

TEST(EventIdentity, AnEventWithoutItsIdIsNoCut) {
  EXPECT_EQ(of(event_type::message_create, R"({"content":"x"})").kind, identity_kind::repeats);
  EXPECT_EQ(of(event_type::guild_role_create, R"({"role":{}})").kind, identity_kind::repeats);
  EXPECT_EQ(of(event_type::guild_soundboard_sound_delete, R"({"sound_id":null})").kind,
            identity_kind::repeats);
  EXPECT_EQ(of(event_type::guild_role_create, R"({"role":{"id":"5"}})").kind, identity_kind::unique);
}

TEST(EventIdentity, RepliesBelongToOneSession) {
  for (const auto type : {event_type::guild_members_chunk, event_type::soundboard_sounds,
                          event_type::channel_info, event_type::rate_limited, event_type::voice_server_update,
                          event_type::session_started, event_type::gap}) {
    EXPECT_EQ(identity_kind_of(type), identity_kind::apart);
  }
}

TEST(EventIdentity, BrokenTextIsToldByWhatItIs) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (const auto* d : {"", "{", "[", R"({"a":)", R"({"a":1)", "nul", R"("x)", "{}", "[]"}) {
    const auto what = of(event_type::unknown, d);
    seen.insert({what.low, what.high});
    EXPECT_TRUE(what.same_as(of(event_type::unknown, d)));
  }
  EXPECT_GT(seen.size(), 4U);
  const std::string deep(400, '[');
  EXPECT_TRUE(of(event_type::unknown, deep).same_as(of(event_type::unknown, deep)));
}

}  // namespace
}  // namespace evergate::control::event_identity_cases
