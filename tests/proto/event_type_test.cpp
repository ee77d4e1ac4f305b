#include "proto/event_type.h"

#include <gtest/gtest.h>

#include <set>

namespace evergate::proto {
namespace {

TEST(event_type, every_row_is_found_by_its_name) {
  std::set<std::string_view> names;
  int known = 0;
  for (int i = 1; i < 240; ++i) {
    const event_info& info = info_of(static_cast<event_type>(i));
    if (info.type == event_type::unknown) continue;
    ++known;
    EXPECT_EQ(static_cast<int>(info.type), i);
    EXPECT_EQ(event_type_of(info.name), info.type) << info.name;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ((info.guild_intents | info.dm_intents) & ~intent::all, 0u);
  }
  EXPECT_EQ(known, 86);
}

TEST(event_type, other_names_are_unknown) {
  for (const std::string_view name : {"", "MESSAGE", "MESSAGE_CREATE ", "message_create", "SESSION_STARTED",
                                      "GAP", "A_NAME_THAT_NOBODY_HAS_EVER_HEARD_OF_AND_THAT_IS_LONG"}) {
    EXPECT_EQ(event_type_of(name), event_type::unknown) << name;
  }
}

TEST(event_type, rows_say_what_the_documentation_says) {
  EXPECT_EQ(info_of(event_type::guild_create).place, guild_place::id);
  EXPECT_EQ(info_of(event_type::entitlement_create).place, guild_place::none);
  EXPECT_EQ(info_of(event_type::rate_limited).place, guild_place::meta);
  EXPECT_EQ(info_of(event_type::message_create).guild_intents, intent::guild_messages);
  EXPECT_EQ(info_of(event_type::message_create).dm_intents, intent::direct_messages);
  EXPECT_EQ(info_of(event_type::typing_start).retention, event_class::ephemeral);
  EXPECT_EQ(info_of(event_type::guild_members_chunk).guild_intents, 0u);
  EXPECT_EQ(info_of(event_type::session_started).retention, event_class::state);
  EXPECT_EQ(info_of(static_cast<event_type>(200)).type, event_type::unknown);
}

}  // namespace
}  // namespace evergate::proto
