// Simulated Discord's gateway by scripts: who may come in, what they get, and what they are blamed for.
#include <gtest/gtest.h>

#include <set>

#include "recorded_gateway.h"

namespace evergate::sim {
namespace {

using nlohmann::json;

TEST(gateway, says_hello_and_acknowledges_with_null_s_and_t) {
  recorded_gateway g;
  const auto id = g.connect();
  const json hello = g.last_sent(id);
  EXPECT_EQ(hello["op"], 10);
  EXPECT_EQ(hello["d"]["heartbeat_interval"], 41'250);
  g.say(id, {{"op", 1}, {"d", nullptr}});
  const json ack = g.last_sent(id);
  EXPECT_EQ(ack["op"], 11);
  EXPECT_TRUE(ack.at("s").is_null() && ack.at("t").is_null());
}

TEST(gateway, ready_lists_this_shards_guilds_and_then_gives_each_once) {
  recorded_gateway g;
  const auto id = g.identify(1, 3);
  const json ready = g.dispatches(id).at(0);
  EXPECT_EQ(ready["t"], "READY");
  EXPECT_EQ(ready["s"], 1);
  EXPECT_EQ(ready["d"]["shard"], json({1, 3}));
  EXPECT_TRUE(ready["d"].contains("private_channels"));
  std::set<std::string> listed;
  for (const auto& entry : ready["d"]["guilds"]) {
    EXPECT_EQ(entry["unavailable"], true);
    listed.insert(entry["id"]);
    EXPECT_EQ((std::stoull(entry["id"].get<std::string>()) >> 22) % 3, 1U);
  }
  EXPECT_FALSE(listed.empty());
  g.backfill();
  std::set<std::string> given;
  std::uint64_t seq = 0;
  for (const auto& f : g.dispatches(id)) {
    EXPECT_EQ(f["s"], ++seq);
    if (f["t"] != "GUILD_CREATE") continue;
    EXPECT_EQ(f["d"]["unavailable"], false);
    EXPECT_TRUE(given.insert(f["d"]["id"]).second);
  }
  EXPECT_EQ(given, listed);
  EXPECT_EQ(g.core.violations().count(), 0U);
}

TEST(gateway, guilds_come_at_the_rate_asked_for) {
  discord_options o = recorded_gateway::small();
  o.guild_create_rate = 100;
  recorded_gateway g(o);
  const auto id = g.identify();
  g.pass(50);
  EXPECT_EQ(g.dispatches(id).size(), 1U + 5U);
  g.slow = true;
  g.pass(50);
  EXPECT_EQ(g.dispatches(id).size(), 6U);  // a congested client is waited for
}

struct refused_identify {
  const char* name;
  json change;
  std::uint16_t code;
  const char* kind;
};

TEST(gateway, refuses_each_wrong_identify_with_its_close_code) {
  const refused_identify cases[] = {
      {"token", {{"token", "MTIz.x.y"}}, 4004, "auth_failed"},
      {"no token", {{"token", nullptr}}, 4004, "auth_failed"},
      {"shard beyond", {{"shard", {2, 2}}}, 4010, "invalid_shard"},
      {"shard of none", {{"shard", {0, 0}}}, 4010, "invalid_shard"},
      {"shard negative", {{"shard", {-1, 2}}}, 4010, "invalid_shard"},
      {"shard shape", {{"shard", "0/1"}}, 4010, "invalid_shard"},
      {"unknown intents", {{"intents", 1U << 30}}, 4013, "invalid_intents"},
      {"no intents", {{"intents", nullptr}}, 4013, "invalid_intents"},
      {"disallowed", {{"intents", intent::presences}}, 4014, "disallowed_intents"},
      {"too few shards", {{"shard", {0, 1}}}, 4011, "sharding_required"},
      {"properties", {{"properties", 5}}, 4001, "bad_payload"},
      {"threshold", {{"large_threshold", 7}}, 4001, "bad_payload"},
  };
  for (const auto& c : cases) {
    discord_options o = recorded_gateway::small();
    o.intents_allowed = intent::all & ~intent::presences;
    o.guilds_per_shard_max = 10;
    recorded_gateway g(o);
    const auto id = g.connect();
    json frame = recorded_gateway::identify_frame(0, 2, intent::guilds);
    frame["d"].update(c.change);
    g.say(id, frame);
    EXPECT_EQ(g.closes[id], c.code) << c.name;
    EXPECT_EQ(g.core.violations().count(c.kind), 1U) << c.name;
    EXPECT_TRUE(g.dispatches(id).empty()) << c.name;
  }
}

TEST(gateway, accepts_the_token_with_its_prefix) {
  recorded_gateway g;
  const auto id = g.connect();
  json frame = recorded_gateway::identify_frame(0, 1);
  frame["d"]["token"] = std::string("Bot ") + default_token;
  g.say(id, frame);
  EXPECT_EQ(g.dispatches(id).size(), 1U);
}

TEST(gateway, closes_for_bad_frames) {
  const auto code = [](const std::function<void(recorded_gateway&, connection_id)>& act) {
    recorded_gateway g;
    const auto id = g.connect();
    act(g, id);
    EXPECT_EQ(g.core.violations().count(), 1U);
    return g.closes[id];
  };
  const auto raw = [&](std::string text, bool binary = false) {
    return code([&](auto& g, auto id) { g.core.receive(id, text, binary, g.now); });
  };
  EXPECT_EQ(raw("{"), 4002);
  EXPECT_EQ(raw("[1]"), 4002);
  EXPECT_EQ(raw("{\"op\":1,\"d\":null}", true), 4002);
  EXPECT_EQ(raw(std::string(4097, ' ')), 4002);
  EXPECT_EQ(raw(std::string(4000, '[')), 4002);
  EXPECT_EQ(raw("{\"op\":\"1\"}"), 4001);
  EXPECT_EQ(raw("{\"op\":99}"), 4001);
  EXPECT_EQ(raw("{\"op\":2,\"d\":7}"), 4001);
  EXPECT_EQ(raw("{\"op\":3,\"d\":{}}"), 4003);
  EXPECT_EQ(raw("{\"op\":1,\"d\":\"x\"}"), 4001);
  EXPECT_EQ(code([](auto& g, auto id) {
              g.say(id, recorded_gateway::identify_frame(0, 1));
              g.say(id, recorded_gateway::identify_frame(0, 1));
            }),
            4005);
}

TEST(gateway, refuses_versions_and_encodings_it_does_not_speak) {
  recorded_gateway g;
  g.core.open(901, {.version = "6"}, g.now);
  g.core.open(902, {.encoding = "etf"}, g.now);
  EXPECT_EQ(g.closes[901], 4012);
  EXPECT_EQ(g.closes[902], 4002);
}

TEST(gateway, identify_buckets_are_kept_apart_and_enforced) {
  discord_options o = recorded_gateway::small();
  o.max_concurrency = 2;
  recorded_gateway g(o);
  EXPECT_EQ(g.dispatches(g.identify(0, 4)).size(), 1U);
  EXPECT_EQ(g.dispatches(g.identify(1, 4)).size(), 1U);  // another bucket
  const auto early = g.identify(2, 4);                   // bucket 0 again
  EXPECT_EQ(g.last_sent(early)["op"], 9);
  EXPECT_EQ(g.last_sent(early)["d"], false);
  EXPECT_FALSE(g.closes.contains(early));
  EXPECT_EQ(g.core.violations().count("identify_too_fast"), 1U);
  g.pass(5000);
  g.say(early, recorded_gateway::identify_frame(2, 4));  // the connection stays usable
  EXPECT_EQ(g.dispatches(early).size(), 1U);
  EXPECT_EQ(g.core.counters().identifies, 3U);
  EXPECT_EQ(g.core.counters().identifies_refused, 1U);
}

TEST(gateway, events_reach_the_shard_and_the_intents_they_belong_to) {
  recorded_gateway g;
  const auto first = g.identify(0, 2);
  const auto second = g.identify(1, 2);
  g.pass(5000);
  const auto few = g.identify(0, 1, intent::guilds);
  g.backfill();
  ASSERT_EQ(g.core.emit(3000, "", g.now), 3000U);
  std::set<std::uint64_t> serials;
  for (const auto id : {first, second}) {
    const std::uint64_t shard = id == first ? 0 : 1;
    for (const auto& f : g.dispatches(id)) {
      EXPECT_TRUE(serials.insert(f["d"]["_serial"].get<std::uint64_t>()).second);
      const bool by_id = f["t"] == "GUILD_CREATE" || f["t"] == "GUILD_UPDATE" || f["t"] == "GUILD_DELETE";
      const std::string type = f["t"];
      if (type == "READY" || type.starts_with("ENTITLEMENT")) continue;
      const std::string guild = f["d"].value(by_id ? "id" : "guild_id", "0");
      EXPECT_EQ((std::stoull(guild) >> 22) % 2, shard) << type;
    }
  }
  EXPECT_GE(serials.size(), 3000U);  // between them they got everything
  for (const auto& f : g.dispatches(few)) {
    const std::string type = f["t"];
    EXPECT_FALSE(type.starts_with("MESSAGE") || type == "PRESENCE_UPDATE" || type == "TYPING_START") << type;
    if (type == "GUILD_MEMBER_UPDATE") EXPECT_EQ(f["d"]["user"]["id"], "1100000000000000001");
  }
  EXPECT_EQ(g.core.violations().count(), 0U);
}

TEST(gateway, sessions_of_other_counts_and_twins_each_get_their_copy) {
  recorded_gateway g;
  const auto one = g.identify(0, 1);
  g.pass(5000);
  const auto twin = g.identify(0, 1);
  g.pass(5000);
  const auto third = g.identify(0, 3);
  g.backfill();
  ASSERT_EQ(g.core.emit(600, "MESSAGE_CREATE", g.now), 600U);
  const auto count = [&](connection_id id) {
    const auto all = g.dispatches(id);
    return std::ranges::count_if(all, [](const json& f) { return f["t"] == "MESSAGE_CREATE"; });
  };
  EXPECT_EQ(count(one), 600);
  EXPECT_EQ(count(twin), 600);
  EXPECT_GT(count(third), 50);
  EXPECT_LT(count(third), 500);
}

TEST(gateway, content_is_withheld_from_sessions_without_the_intent) {
  recorded_gateway g;
  const auto blind = g.identify(0, 1, intent::all & ~intent::message_content);
  g.backfill();
  ASSERT_EQ(g.core.emit(300, "MESSAGE_CREATE", g.now), 300U);
  int withheld = 0;
  for (const auto& f : g.dispatches(blind)) {
    if (f["t"] != "MESSAGE_CREATE" || !f["d"]["mentions"].empty()) continue;
    EXPECT_EQ(f["d"]["content"], "");
    ++withheld;
  }
  EXPECT_GT(withheld, 200);
}

TEST(gateway, resume_replays_exactly_what_was_missed) {
  recorded_gateway g;
  const auto id = g.identify();
  g.backfill();
  g.core.emit(50, "", g.now);
  const auto before = g.dispatches(id);
  const std::uint32_t seen = before.back()["s"].get<std::uint32_t>() - 10;  // ten were lost on the way
  g.core.closed(id, 1006, g.now);
  g.core.emit(40, "", g.now);
  const auto back = g.connect(true);
  g.say(back, g.resume_frame(g.session_of(id), seen));
  const auto replayed = g.dispatches(back);
  ASSERT_EQ(replayed.size(), 51U);
  for (std::size_t i = 0; i < replayed.size(); ++i) EXPECT_EQ(replayed[i]["s"], seen + 1 + i);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(replayed[i], before[before.size() - 10 + i]);
  EXPECT_EQ(replayed.back()["t"], "RESUMED");
  g.core.emit(1, "", g.now);
  EXPECT_EQ(g.last_sent(back)["s"], seen + 52);
  EXPECT_EQ(g.core.counters().resumes, 1U);
  EXPECT_EQ(g.core.violations().count(), 0U);
}

TEST(gateway, resume_is_refused_when_the_buffer_has_passed_or_the_session_ended) {
  discord_options o = recorded_gateway::small();
  o.replay_max = 30;
  recorded_gateway g(o);
  const auto id = g.identify();
  g.backfill();
  const std::string session = g.session_of(id);
  g.core.closed(id, 4000, g.now);
  g.core.emit(200, "", g.now);
  const auto late = g.connect(true);
  g.say(late, g.resume_frame(session, 21));
  EXPECT_EQ(g.last_sent(late)["op"], 9);
  EXPECT_TRUE(g.core.sessions().empty());
  EXPECT_EQ(g.core.counters().resumes_refused, 1U);
  g.pass(6000);
  const auto next = g.identify();
  const std::string ended = g.session_of(next);
  g.core.closed(next, 1000, g.now);
  const auto after = g.connect(true);
  g.say(after, g.resume_frame(ended, 1));
  EXPECT_EQ(g.last_sent(after)["op"], 9);
  EXPECT_EQ(g.core.violations().count("closed_1000"), 1U);
  EXPECT_EQ(g.core.violations().count(), 0U);  // infos are no breaches
}

TEST(gateway, heartbeats_free_the_replay_buffer_only_when_asked_to) {
  for (const bool prune : {true, false}) {
    discord_options o = recorded_gateway::small();
    o.replay_prune = prune;
    recorded_gateway g(o);
    const auto id = g.identify();
    g.backfill();
    const std::uint32_t seq = g.last_sent(id)["s"];
    g.say(id, {{"op", 1}, {"d", seq}});
    g.core.closed(id, 1006, g.now);
    const auto back = g.connect(true);
    g.say(back, g.resume_frame(g.session_of(id), seq - 5));
    EXPECT_EQ(g.last_sent(back)["op"], prune ? 9 : 0);
  }
}

TEST(gateway, wrong_resumes_are_noted) {
  recorded_gateway g;
  const auto id = g.identify();
  const std::string session = g.session_of(id);
  const auto host = g.connect(false);
  g.say(host, g.resume_frame(session, 1));
  EXPECT_EQ(g.core.violations().count("resume_wrong_host"), 1U);
  EXPECT_EQ(g.closes[id], 0);  // the newcomer took the session over
  g.core.open(500, {.resume_path = true, .compress = "zlib-stream"}, g.now);
  g.say(500, g.resume_frame(session, 1));
  EXPECT_EQ(g.core.violations().count("resume_transport"), 1U);
  const auto ahead = g.connect(true);
  g.say(ahead, g.resume_frame(session, 999));
  EXPECT_EQ(g.closes[ahead], 4007);
  EXPECT_TRUE(g.core.sessions().empty());
  const auto wrong = g.connect(true);
  json frame = g.resume_frame(session, 1);
  frame["d"]["token"] = "x";
  g.say(wrong, frame);
  EXPECT_EQ(g.closes[wrong], 4004);
}

TEST(gateway, sessions_are_forgotten_after_their_time_and_take_their_voice_along) {
  recorded_gateway g;
  const auto id = g.identify();
  g.pass(5000);
  const auto watcher = g.identify();
  g.backfill();
  const guild& target = g.core.world().touch(0);
  g.say(id, {{"op", 4},
             {"d",
              {{"guild_id", std::to_string(target.id)},
               {"channel_id", std::to_string(target.afk_channel)},
               {"self_mute", true},
               {"self_deaf", false}}}});
  const json state = g.dispatches(id).at(g.dispatches(id).size() - 2);
  EXPECT_EQ(state["t"], "VOICE_STATE_UPDATE");
  EXPECT_EQ(state["d"]["session_id"], g.session_of(id));
  EXPECT_EQ(g.last_sent(id)["t"], "VOICE_SERVER_UPDATE");
  EXPECT_EQ(g.last_sent(watcher)["t"], "VOICE_STATE_UPDATE");  // the server is told to the asker only
  ASSERT_NE(target.find_voice(1'100'000'000'000'000'001), nullptr);
  g.core.closed(id, 1006, g.now);
  for (int i = 0; i < 4; ++i) {
    g.pass(46'000);
    g.say(watcher, {{"op", 1}, {"d", nullptr}});
  }
  EXPECT_EQ(g.core.sessions().size(), 1U);
  EXPECT_EQ(target.find_voice(1'100'000'000'000'000'001), nullptr);
  const auto heard = g.dispatches(watcher);
  EXPECT_TRUE(heard.back()["d"]["channel_id"].is_null());
}

TEST(gateway, zombies_and_the_silent_are_closed) {
  recorded_gateway g;
  const auto zombie = g.identify();
  const auto mute = g.connect();
  g.pass(61'000);
  EXPECT_EQ(g.closes[mute], 4009);
  g.pass(5'000);
  EXPECT_EQ(g.closes[zombie], 4009);
  EXPECT_EQ(g.core.violations().count("heartbeat_missing"), 1U);
  EXPECT_EQ(g.core.sessions().size(), 1U);  // it may still be resumed
}

TEST(gateway, too_many_sends_close_with_4008) {
  recorded_gateway g;
  const auto id = g.identify();
  for (int i = 0; i < 119; ++i) g.say(id, {{"op", 1}, {"d", 1}});
  EXPECT_FALSE(g.closes.contains(id));
  g.say(id, {{"op", 1}, {"d", 1}});
  EXPECT_EQ(g.closes[id], 4008);
  EXPECT_EQ(g.core.violations().count("send_rate"), 1U);
}

TEST(gateway, a_heartbeat_beyond_what_was_sent_is_a_breach) {
  recorded_gateway g;
  const auto id = g.identify();
  g.say(id, {{"op", 1}, {"d", 2}});
  EXPECT_EQ(g.core.violations().count("heartbeat_seq_ahead"), 1U);
}

TEST(gateway, member_requests_are_answered_in_chunks_with_their_nonce) {
  discord_options o = recorded_gateway::small();
  o.world.members = 300;
  recorded_gateway g(o);
  const auto id = g.identify();
  g.backfill();
  const guild& big = g.core.world().touch(7);
  const std::string guild_id = std::to_string(big.id);
  const auto ask = [&](json d) {
    d["guild_id"] = guild_id;
    const std::size_t before = g.sent[id].size();
    g.say(id, {{"op", 8}, {"d", d}});
    return std::vector<json>(g.sent[id].begin() + static_cast<std::ptrdiff_t>(before), g.sent[id].end());
  };
  const auto whole = ask({{"query", ""}, {"limit", 0}, {"nonce", "n1"}, {"presences", true}});
  ASSERT_EQ(whole.size(), 3U);
  std::size_t members = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(whole[i]["d"]["chunk_index"], i);
    EXPECT_EQ(whole[i]["d"]["chunk_count"], 3);
    EXPECT_EQ(whole[i]["d"]["nonce"], "n1");
    EXPECT_TRUE(whole[i]["d"].contains("presences"));
    members += whole[i]["d"]["members"].size();
  }
  EXPECT_EQ(members, big.members.size());
  const auto again = ask({{"query", ""}, {"limit", 0}, {"nonce", "n2"}});
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0]["t"], "RATE_LIMITED");
  EXPECT_EQ(again[0]["d"]["meta"]["nonce"], "n2");
  EXPECT_EQ(again[0]["d"]["retry_after"], 30);
  const auto some =
      ask({{"user_ids", {std::to_string(big.members[3].id), "5"}}, {"nonce", std::string(33, 'x')}});
  EXPECT_EQ(some.at(0)["d"]["members"].size(), 1U);
  EXPECT_EQ(some.at(0)["d"]["not_found"], json({"5"}));
  EXPECT_FALSE(some.at(0)["d"].contains("nonce"));
  EXPECT_EQ(ask({{"query", "user1"}, {"limit", 5}}).at(0)["d"]["members"].size(), 5U);
  EXPECT_EQ(g.core.violations().count("whole_list_rate"), 1U);
  EXPECT_EQ(g.core.violations().count("nonce_too_long"), 1U);
}

TEST(gateway, sounds_and_channel_information_are_answered) {
  recorded_gateway g;
  const auto id = g.identify();
  g.backfill();
  const guild& target = g.core.world().touch(0);
  g.say(id, {{"op", 31}, {"d", {{"guild_ids", {std::to_string(target.id)}}}}});
  EXPECT_EQ(g.last_sent(id)["t"], "SOUNDBOARD_SOUNDS");
  EXPECT_EQ(g.last_sent(id)["d"]["soundboard_sounds"].size(), target.sounds.size());
  g.say(id, {{"op", 43}, {"d", {{"guild_id", std::to_string(target.id)}, {"fields", {"status"}}}}});
  EXPECT_EQ(g.last_sent(id)["t"], "CHANNEL_INFO");
  EXPECT_FALSE(g.last_sent(id)["d"]["channels"].empty());
  g.say(id, {{"op", 43}, {"d", {{"guild_id", "1"}, {"fields", {"status"}}}}});
  EXPECT_EQ(g.core.violations().count("unknown_guild"), 1U);
}

TEST(gateway, a_guild_in_an_outage_is_deleted_and_created_again) {
  recorded_gateway g;
  const auto id = g.identify();
  g.backfill();
  ASSERT_EQ(g.core.emit(1, "GUILD_OUTAGE", g.now), 1U);
  const json gone = g.last_sent(id);
  EXPECT_EQ(gone["t"], "GUILD_DELETE");
  EXPECT_EQ(gone["d"]["unavailable"], true);
  g.pass(5000);
  const auto newcomer = g.identify();
  g.backfill();
  const auto heard = g.dispatches(newcomer);
  EXPECT_EQ(std::ranges::count_if(heard, [](const json& f) { return f["t"] == "GUILD_DELETE"; }), 1);
  EXPECT_EQ(g.core.settle(g.now), 1U);
  EXPECT_EQ(g.last_sent(id)["t"], "GUILD_CREATE");
  EXPECT_EQ(g.last_sent(id)["d"]["id"], gone["d"]["id"]);
  ASSERT_EQ(g.core.emit(1, "GUILD_CREATE", g.now), 1U);
  EXPECT_FALSE(g.last_sent(id)["d"].contains("unavailable"));  // a guild that was joined
}

TEST(gateway, the_ledger_tells_who_got_what) {
  discord_options o = recorded_gateway::small();
  o.ledger_max = 500;
  recorded_gateway g(o);
  const auto id = g.identify(0, 2);
  g.backfill();
  g.core.emit(2000, "", g.now);
  std::string lines;
  g.core.ledger().write(lines, 0, 10'000);
  std::map<std::uint64_t, json> by_serial;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    const json entry = json::parse(line);
    by_serial[entry["serial"]] = entry;
  }
  EXPECT_EQ(by_serial.size(), 500U);
  EXPECT_GT(g.core.ledger().forgotten(), 1000U);
  std::size_t matched = 0;
  const std::string session = g.session_of(id);
  for (const auto& f : g.dispatches(id)) {
    const auto at = by_serial.find(f["d"]["_serial"]);
    if (at == by_serial.end()) continue;
    ASSERT_EQ(at->second["deliveries"].size(), 1U);
    EXPECT_EQ(at->second["deliveries"][0]["seq"], f["s"]);
    EXPECT_EQ(at->second["deliveries"][0]["session"], session);
    EXPECT_EQ(at->second["type"], f["t"]);
    ++matched;
  }
  EXPECT_GT(matched, 100U);
  std::string page;
  g.core.ledger().write(page, by_serial.begin()->first, 3);
  EXPECT_EQ(std::ranges::count(page, '\n'), 3);
}

}  // namespace
}  // namespace evergate::sim
