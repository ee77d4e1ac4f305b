#include "downstream/delivery_filter.h"

#include <gtest/gtest.h>

namespace evergate::downstream {
namespace {

using proto::event_type;
namespace intent = proto::intent;

constexpr proto::snowflake guild_on_lane(std::uint32_t lane) {
  return proto::snowflake{lane} << 22;
}

flow::event_row row(event_type type, proto::snowflake guild, std::uint8_t flags = 0,
                    std::uint32_t target = 0) {
  flow::event_row out;
  out.type = type;
  out.guild = guild;
  out.flags = flags;
  out.target = target;
  return out;
}

struct one {
  const char* what;
  flow::event_row event;
  filter_key key;
  bool passes;
};

TEST(DeliveryFilterTest, Table) {
  const auto g1 = guild_on_lane(1);
  const auto g5 = guild_on_lane(5);
  const proto::shard_key lane0{0, 4};
  const proto::shard_key lane1{1, 4};
  const proto::shard_key alone{0, 1};
  using namespace flow::row_flag;
  const one table[] = {
      {"own lane", row(event_type::guild_update, g1), {lane1, intent::guilds, 7}, true},
      {"same residue", row(event_type::guild_update, g5), {lane1, intent::guilds, 7}, true},
      {"other lane", row(event_type::guild_update, g1), {lane0, intent::guilds, 7}, false},
      {"lane of one", row(event_type::guild_update, g1), {alone, intent::guilds, 7}, true},
      {"no intent", row(event_type::guild_update, g1), {lane1, intent::guild_messages, 7}, false},
      {"guild message", row(event_type::message_create, g1), {lane1, intent::guild_messages, 7}, true},
      {"guild message, DM intent",
       row(event_type::message_create, g1),
       {lane1, intent::direct_messages, 7},
       false},
      {"DM", row(event_type::message_create, 0), {lane0, intent::direct_messages, 7}, true},
      {"DM, guild intent", row(event_type::message_create, 0), {lane0, intent::guild_messages, 7}, false},
      {"DM on lane 1", row(event_type::message_create, 0), {lane1, intent::direct_messages, 7}, false},
      {"DM typing", row(event_type::typing_start, 0), {alone, intent::direct_message_typing, 7}, true},
      {"DM poll", row(event_type::message_poll_vote_add, 0), {alone, intent::guild_message_polls, 7}, false},
      {"pins of a guild", row(event_type::channel_pins_update, g1), {lane1, intent::guilds, 7}, true},
      {"pins of a DM", row(event_type::channel_pins_update, 0), {lane0, intent::guilds, 7}, false},
      {"interactions have no number",
       row(event_type::interaction_create, g1),
       {lane1, intent::all, 7},
       false},
      {"entitlement", row(event_type::entitlement_create, 0), {lane0, 0, 7}, true},
      {"entitlement on lane 1", row(event_type::entitlement_create, 0), {lane1, 0, 7}, false},
      {"USER_UPDATE", row(event_type::user_update, 0), {lane0, 0, 7}, true},
      {"USER_UPDATE on lane 1", row(event_type::user_update, 0), {lane1, 0, 7}, false},
      {"unknown", row(event_type::unknown, g1), {lane1, 0, 7}, true},
      {"unknown on another lane", row(event_type::unknown, g1), {lane0, 0, 7}, false},
      {"member update", row(event_type::guild_member_update, g1), {lane1, intent::guilds, 7}, false},
      {"own member update", row(event_type::guild_member_update, g1, self), {lane1, 0, 7}, true},
      {"own member update elsewhere", row(event_type::guild_member_update, g1, self), {lane0, 0, 7}, false},
      {"thread members", row(event_type::thread_members_update, g1), {lane1, intent::guilds, 7}, false},
      {"thread members, members",
       row(event_type::thread_members_update, g1),
       {lane1, intent::guild_members, 7},
       true},
      {"thread members, self",
       row(event_type::thread_members_update, g1, self),
       {lane1, intent::guilds, 7},
       true},
      {"thread members, self, none", row(event_type::thread_members_update, g1, self), {lane1, 0, 7}, false},
      {"voice state", row(event_type::voice_state_update, g1), {lane1, intent::guilds, 7}, false},
      {"voice server", row(event_type::voice_server_update, g1), {lane1, 0, 7}, true},
      {"presence", row(event_type::presence_update, g1), {lane1, intent::guild_presences, 7}, true},
      {"reply to us", row(event_type::guild_members_chunk, g1, reply, 7), {lane1, 0, 7}, true},
      {"reply to us on another lane",
       row(event_type::guild_members_chunk, g1, reply, 7),
       {lane0, 0, 7},
       true},
      {"reply to another", row(event_type::guild_members_chunk, g1, reply, 8), {lane1, 0, 7}, false},
      {"reply to nobody", row(event_type::guild_members_chunk, g1, reply, 0), {lane1, 0, 0}, false},
      {"chunk that is no reply", row(event_type::guild_members_chunk, g1), {lane1, 0, 7}, true},
      {"internal", row(event_type::guild_create, g1, internal), {lane1, intent::all, 7}, false},
      {"session started", row(event_type::session_started, 0), {lane0, intent::all, 7}, false},
      {"gap", row(event_type::gap, 0), {lane0, intent::all, 7}, false},
      {"READY", row(event_type::ready, 0), {lane0, intent::all, 7}, false},
      {"RESUMED", row(event_type::resumed, 0), {lane0, intent::all, 7}, false},
  };
  for (const auto& [what, event, key, passes] : table) EXPECT_EQ(deliverable(event, key), passes) << what;
}

TEST(DeliveryFilterTest, InteractionsNeedNoIntent) {
  const auto guild = guild_on_lane(1);
  EXPECT_TRUE(interaction_for(row(event_type::interaction_create, guild), {{1, 4}, 0, 7}));
  EXPECT_FALSE(interaction_for(row(event_type::interaction_create, guild), {{0, 4}, 0, 7}));
  EXPECT_TRUE(interaction_for(row(event_type::interaction_create, 0), {{0, 4}, 0, 7}));
  EXPECT_FALSE(interaction_for(row(event_type::message_create, guild), {{1, 4}, intent::all, 7}));
}

TEST(DeliveryFilterTest, EveryEventReachesExactlyOneLaneOfABotWithAllIntents) {
  for (unsigned type = 3; type <= 86; ++type) {
    for (const auto guild : {proto::snowflake{0}, guild_on_lane(1), guild_on_lane(6)}) {
      int lanes = 0;
      for (std::uint32_t i = 0; i < 4; ++i) {
        const auto event = row(static_cast<event_type>(type), guild);
        const filter_key key{{i, 4}, intent::all, 1};
        lanes += deliverable(event, key) || interaction_for(event, key) ? 1 : 0;
      }
      EXPECT_EQ(lanes, 1) << proto::info_of(static_cast<event_type>(type)).name;
    }
  }
}

}  // namespace
}  // namespace evergate::downstream
