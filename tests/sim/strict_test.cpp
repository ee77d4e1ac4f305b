// Discord's rules by scripts, each broken once: limits and their consequences, payloads, intents.
#include <gtest/gtest.h>

#include <set>

#include "recorded_gateway.h"
#include "sim/control_api.h"
#include "sim/rest_api.h"

namespace evergate::sim {
namespace {

using nlohmann::json;

TEST(strict, one_session_start_too_many_ends_them_all_and_voids_the_token) {
  discord_options o = recorded_gateway::small();
  o.identify_total = 2;
  recorded_gateway g(o);
  rest_api rest(g.core);
  const std::string bot = std::string("Bot ") + default_token;
  const auto first = g.identify(0, 4);
  const auto second = g.identify(1, 4);
  EXPECT_EQ(g.core.identifies_left(g.now), 0U);
  EXPECT_EQ(rest.handle("GET", "/api/v10/gateway/bot", bot, {}, g.now).status, 200U);
  const std::string session = g.session_of(first);
  const auto third = g.identify(2, 4);
  for (const auto id : {first, second, third}) EXPECT_EQ(g.closes.at(id), 4004);
  EXPECT_TRUE(g.core.sessions().empty());
  EXPECT_EQ(g.core.violations().count("identify_budget"), 1U);
  EXPECT_EQ(rest.handle("GET", "/api/v10/gateway/bot", bot, {}, g.now).status, 401U);
  g.pass(86'400'000);
  EXPECT_EQ(g.closes.at(g.identify(0, 4)), 4004);  // a new day brings no new token
  const auto resuming = g.connect(true);
  g.say(resuming, g.resume_frame(session, 1));
  EXPECT_EQ(g.closes.at(resuming), 4004);
  control_api control(g.core, rest);
  const auto none = [](std::string_view) { return std::nullopt; };
  const auto answer = control.handle({"POST", "/control/token", none, R"({"token":"MTIz.new.one"})"}, g.now);
  EXPECT_EQ(std::get<http_reply>(answer).status, 200U);
  EXPECT_EQ(rest.handle("GET", "/api/v10/gateway/bot", bot, {}, g.now).status, 401U);
  EXPECT_EQ(rest.handle("GET", "/api/v10/gateway/bot", "Bot MTIz.new.one", {}, g.now).status, 200U);
  json frame = recorded_gateway::identify_frame(0, 4);
  frame["d"]["token"] = "MTIz.new.one";
  const auto again = g.connect();
  g.say(again, frame);
  EXPECT_EQ(g.dispatches(again).size(), 1U);
}

TEST(strict, the_limit_may_also_only_refuse) {
  discord_options o = recorded_gateway::small();
  o.identify_total = 1;
  o.limit_consequence = limit_consequence::refuse;
  recorded_gateway g(o);
  const auto first = g.identify(0, 4);
  EXPECT_EQ(g.closes.at(g.identify(1, 4)), 4004);
  EXPECT_FALSE(g.closes.contains(first));
  EXPECT_EQ(g.core.identifies_left(g.now + 86'400'000), 1U);
  for (int i = 0; i < 3; ++i) {
    g.pass(28'800'000);
    g.core.closed(first, 1006, g.now);
  }
  EXPECT_EQ(g.dispatches(g.identify(1, 4)).size(), 1U);
}

TEST(strict, payloads_that_an_opcode_does_not_take_are_closed_with_4001) {
  recorded_gateway g;
  const std::string guild_id = std::to_string(g.core.world().id_at(0));
  const json bad[] = {
      {{"op", 3}, {"d", {{"status", "away"}, {"activities", json::array()}, {"since", nullptr}}}},
      {{"op", 3}, {"d", {{"status", "idle"}, {"activities", nullptr}}}},
      {{"op", 3}, {"d", {{"status", "idle"}, {"activities", json::array()}, {"since", "now"}}}},
      {{"op", 4}, {"d", {{"channel_id", nullptr}}}},
      {{"op", 4}, {"d", {{"guild_id", "x"}, {"channel_id", nullptr}}}},
      {{"op", 8}, {"d", {{"query", ""}, {"limit", 0}}}},
      {{"op", 8}, {"d", {{"guild_id", guild_id}}}},
      {{"op", 31}, {"d", {{"guild_ids", 5}}}},
      {{"op", 31}, {"d", {{"guild_ids", {nullptr, nullptr}}}}},
      {{"op", 43}, {"d", {{"fields", {"status"}}}}},
      {{"op", 43}, {"d", 5}},
  };
  std::size_t breaches = 0;
  for (const json& frame : bad) {
    g.pass(5000);
    const auto id = g.identify();
    g.backfill();
    g.say(id, frame);
    EXPECT_EQ(g.closes[id], 4001) << frame;
    EXPECT_EQ(g.core.violations().count("bad_payload"), ++breaches) << frame;
  }
  g.pass(5000);
  const auto id = g.identify();
  g.say(id,
        {{"op", 3}, {"d", {{"status", "dnd"}, {"activities", json::array()}, {"since", 5}, {"afk", true}}}});
  EXPECT_FALSE(g.closes.contains(id));
}

TEST(strict, presences_are_counted_over_twenty_seconds) {
  recorded_gateway g;
  const auto id = g.identify();
  const json frame = {{"op", 3},
                      {"d", {{"status", "idle"}, {"activities", json::array()}, {"since", nullptr}}}};
  for (int i = 0; i < 5; ++i) g.say(id, frame);
  g.pass(20'000);
  g.say(id, frame);
  EXPECT_EQ(g.core.violations().count(), 0U);
  for (int i = 0; i < 5; ++i) g.say(id, frame);
  EXPECT_EQ(g.core.violations().count("presence_rate"), 1U);
}

TEST(strict, a_beat_that_was_asked_for_must_come) {
  recorded_gateway g;
  const auto id = g.identify();
  (void)g.core.fault({.kind = fault_kind::op1}, g.now);
  g.pass(5'000);
  g.say(id, {{"op", 1}, {"d", 1}});
  g.pass(20'000);
  EXPECT_EQ(g.core.violations().count(), 0U);
  (void)g.core.fault({.kind = fault_kind::op1}, g.now);
  g.pass(11'000);
  g.pass(11'000);
  EXPECT_EQ(g.core.violations().count("op1_unanswered"), 1U);
}

// Seed 1380: the frame's length took the op 1 for its payload.
TEST(strict, a_beat_asked_for_behind_a_false_length_cannot_be_heard) {
  recorded_gateway g;
  const auto id = g.identify();
  (void)g.core.fault({.kind = fault_kind::corrupt_frame, .how = damage::false_length}, g.now);
  (void)g.core.fault({.kind = fault_kind::op1}, g.now);
  g.pass(11'000);
  g.pass(11'000);
  EXPECT_EQ(g.core.violations().count("op1_unanswered"), 0U);
  g.core.closed(id, 1006, g.now);
  const auto next = g.identify();
  ASSERT_NE(next, id);
  (void)g.core.fault({.kind = fault_kind::op1}, g.now);
  g.pass(11'000);
  g.pass(11'000);
  EXPECT_EQ(g.core.violations().count("op1_unanswered"), 1U);
}

TEST(strict, a_session_without_owner_may_command_nothing) {
  recorded_gateway g;
  const auto id = g.identify();
  g.backfill();
  (void)g.core.fault({.kind = fault_kind::op9}, g.now);
  g.say(id, {{"op", 3}, {"d", json::object()}});
  EXPECT_EQ(g.closes[id], 4003);
}

TEST(strict, the_guilds_of_the_very_shard_are_counted) {
  discord_options o = recorded_gateway::small();
  recorded_gateway probe(o);
  std::size_t of_shard[2] = {0, 0};
  for (std::uint32_t i = 0; i < probe.core.world().slots(); ++i)
    ++of_shard[(probe.core.world().id_at(i) >> 22) % 2];
  for (const std::uint32_t shard : {0U, 1U}) {
    o.guilds_per_shard_max = static_cast<std::uint32_t>(of_shard[shard]);
    recorded_gateway fits(o);
    EXPECT_EQ(fits.dispatches(fits.identify(shard, 2)).size(), 1U);
    --o.guilds_per_shard_max;
    recorded_gateway over(o);
    EXPECT_EQ(over.closes[over.identify(shard, 2)], 4011);
  }
}

TEST(strict, the_url_of_the_gateway_is_forgiven_to_resumes_that_were_led_astray) {
  recorded_gateway g;
  const auto id = g.identify();
  g.core.closed(id, 1006, g.now);
  (void)g.core.fault({.kind = fault_kind::refuse_upgrade, .path = path_choice::resume}, g.now);
  EXPECT_EQ(g.core.knock({.resume_path = true}).how, upgrade_verdict::answer::refuse);
  const auto back = g.connect(false);
  g.say(back, g.resume_frame(g.session_of(id), 1));
  EXPECT_EQ(g.core.violations().count("resume_wrong_host"), 1U);
  EXPECT_EQ(g.core.violations().count(), 0U);  // an info
}

// "List of Intents" in Discord's documentation, written anew: nothing here comes from the simulator.
const std::map<std::string, std::vector<std::string>>& documented() {
  static const std::map<std::string, std::vector<std::string>> table{
      {"GUILDS",
       {"GUILD_CREATE",
        "GUILD_UPDATE",
        "GUILD_DELETE",
        "GUILD_ROLE_CREATE",
        "GUILD_ROLE_UPDATE",
        "GUILD_ROLE_DELETE",
        "CHANNEL_CREATE",
        "CHANNEL_UPDATE",
        "CHANNEL_DELETE",
        "CHANNEL_PINS_UPDATE",
        "THREAD_CREATE",
        "THREAD_UPDATE",
        "THREAD_DELETE",
        "THREAD_LIST_SYNC",
        "THREAD_MEMBER_UPDATE",
        "STAGE_INSTANCE_CREATE",
        "STAGE_INSTANCE_UPDATE",
        "STAGE_INSTANCE_DELETE",
        "VOICE_CHANNEL_STATUS_UPDATE",
        "VOICE_CHANNEL_START_TIME_UPDATE"}},
      {"GUILD_MEMBERS", {"GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE"}},
      {"GUILD_MODERATION",
       {"GUILD_AUDIT_LOG_ENTRY_CREATE", "GUILD_BAN_ADD", "GUILD_BAN_REMOVE", "GUILD_JOIN_REQUEST_CREATE",
        "GUILD_JOIN_REQUEST_UPDATE", "GUILD_JOIN_REQUEST_DELETE"}},
      {"GUILD_EXPRESSIONS",
       {"GUILD_EMOJIS_UPDATE", "GUILD_STICKERS_UPDATE", "GUILD_SOUNDBOARD_SOUND_CREATE",
        "GUILD_SOUNDBOARD_SOUND_UPDATE", "GUILD_SOUNDBOARD_SOUND_DELETE", "GUILD_SOUNDBOARD_SOUNDS_UPDATE"}},
      {"GUILD_INTEGRATIONS",
       {"GUILD_INTEGRATIONS_UPDATE", "INTEGRATION_CREATE", "INTEGRATION_UPDATE", "INTEGRATION_DELETE"}},
      {"GUILD_WEBHOOKS", {"WEBHOOKS_UPDATE"}},
      {"GUILD_INVITES", {"INVITE_CREATE", "INVITE_DELETE"}},
      {"GUILD_VOICE_STATES", {"VOICE_STATE_UPDATE", "VOICE_CHANNEL_EFFECT_SEND"}},
      {"GUILD_PRESENCES", {"PRESENCE_UPDATE"}},
      {"GUILD_MESSAGES", {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK"}},
      {"GUILD_MESSAGE_REACTIONS",
       {"MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE", "MESSAGE_REACTION_REMOVE_ALL",
        "MESSAGE_REACTION_REMOVE_EMOJI"}},
      {"GUILD_MESSAGE_TYPING", {"TYPING_START"}},
      {"GUILD_SCHEDULED_EVENTS",
       {"GUILD_SCHEDULED_EVENT_CREATE", "GUILD_SCHEDULED_EVENT_UPDATE", "GUILD_SCHEDULED_EVENT_DELETE",
        "GUILD_SCHEDULED_EVENT_USER_ADD", "GUILD_SCHEDULED_EVENT_USER_REMOVE"}},
      {"AUTO_MODERATION_CONFIGURATION",
       {"AUTO_MODERATION_RULE_CREATE", "AUTO_MODERATION_RULE_UPDATE", "AUTO_MODERATION_RULE_DELETE"}},
      {"AUTO_MODERATION_EXECUTION", {"AUTO_MODERATION_ACTION_EXECUTION"}},
      {"GUILD_MESSAGE_POLLS", {"MESSAGE_POLL_VOTE_ADD", "MESSAGE_POLL_VOTE_REMOVE"}},
  };
  return table;
}

// In a guild, or (the second) in a direct message.
const std::map<std::string, std::pair<unsigned, unsigned>>& bits() {
  static const std::map<std::string, std::pair<unsigned, unsigned>> table{
      {"GUILDS", {0, 12}},
      {"GUILD_MEMBERS", {1, 1}},
      {"GUILD_MODERATION", {2, 2}},
      {"GUILD_EXPRESSIONS", {3, 3}},
      {"GUILD_INTEGRATIONS", {4, 4}},
      {"GUILD_WEBHOOKS", {5, 5}},
      {"GUILD_INVITES", {6, 6}},
      {"GUILD_VOICE_STATES", {7, 7}},
      {"GUILD_PRESENCES", {8, 8}},
      {"GUILD_MESSAGES", {9, 12}},
      {"GUILD_MESSAGE_REACTIONS", {10, 13}},
      {"GUILD_MESSAGE_TYPING", {11, 14}},
      {"GUILD_SCHEDULED_EVENTS", {16, 16}},
      {"AUTO_MODERATION_CONFIGURATION", {20, 20}},
      {"AUTO_MODERATION_EXECUTION", {21, 21}},
      {"GUILD_MESSAGE_POLLS", {24, 25}}};
  return table;
}

// The intents of which one must be there; 0 = always sent.
std::uint32_t documented_intents(std::string_view type, bool in_guild, const json& d,
                                 const std::string& self) {
  if (type == "GUILD_MEMBER_UPDATE" && d["user"]["id"] == self) return 0;
  if (type == "THREAD_MEMBERS_UPDATE") {
    bool own = false;
    for (const auto& m : d.value("added_members", json::array())) own |= m["user_id"] == self;
    for (const auto& id : d.value("removed_member_ids", json::array())) own |= id == self;
    return own ? 0b11U : 0b10U;
  }
  for (const auto& [name, types] : documented()) {
    if (std::ranges::find(types, type) == types.end()) continue;
    const auto [guild_bit, direct_bit] = bits().at(name);
    return 1U << (in_guild ? guild_bit : direct_bit);
  }
  return 0;
}

TEST(strict, every_event_is_gated_by_its_documented_intent) {
  discord_options o = recorded_gateway::small();
  world w(o.world);
  event_mix mix(w, o.mix, 5);
  event e;
  std::set<std::string> seen;
  intent_bits tried = 0;
  for (int round = 0; round < 25; ++round) {
    for (const auto wanted : event_mix::types()) {
      if (!mix.make(wanted, recorded_gateway::start_ms + round, e)) continue;
      seen.emplace(e.type);
      tried |= e.intents;
      json d = json::object();
      if (e.type == "GUILD_MEMBER_UPDATE" || e.type == "THREAD_MEMBERS_UPDATE") d = json::parse(e.d);
      EXPECT_EQ(e.intents, documented_intents(e.type, e.guild != 0, d, std::to_string(o.world.bot)))
          << e.type << ' ' << wanted;
    }
  }
  for (const auto& [name, types] : documented()) {
    for (const auto& type : types) EXPECT_TRUE(seen.contains(type)) << type << " never came";
  }
  EXPECT_EQ(tried, intent::all & ~intent::message_content);  // that one is about fields, not events
}

}  // namespace
}  // namespace evergate::sim
