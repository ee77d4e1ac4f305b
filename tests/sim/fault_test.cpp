// Faults on command, on the core by scripts: each does what it says, as often as asked, to whom it was asked.
#include <gtest/gtest.h>

#include <sstream>

#include "recorded_gateway.h"

namespace evergate::sim {
namespace {

using nlohmann::json;
using enum fault_kind;

struct faulty : recorded_gateway {
  using recorded_gateway::recorded_gateway;

  std::size_t strike(fault_order order) {
    const auto outcome = core.fault(order, now);
    EXPECT_FALSE(outcome.armed);
    return outcome.done;
  }
  void arm(fault_order order) { EXPECT_TRUE(core.fault(order, now).armed); }
  std::uint64_t fired(fault_kind kind) const { return core.faults().fired(kind); }
  connection_id ready(std::uint32_t shard = 0, std::uint32_t count = 1) {
    pass(5000);
    const auto id = identify(shard, count);
    backfill();
    return id;
  }
  connection_id resume(connection_id old, std::uint32_t seq) {
    const auto id = connect(true);
    say(id, resume_frame(session_of(old), seq));
    return id;
  }
  std::uint32_t seq_of(connection_id id) const { return dispatches(id).back()["s"]; }
  std::map<std::uint64_t, json> ledger() const {
    std::string text;
    core.ledger().write(text, 0, 1'000'000);
    std::istringstream in(text);
    std::map<std::uint64_t, json> out;
    for (std::string line; std::getline(in, line);) {
      json entry = json::parse(line);
      out[entry["serial"]] = entry;
    }
    return out;
  }
};

TEST(faults, who_cannot_know_that_its_session_ended_is_not_blamed) {
  for (const fault_order& why :
       {fault_order{.kind = half_open}, fault_order{.kind = corrupt_frame, .how = damage::false_length}}) {
    faulty g;
    const auto id = g.ready();
    EXPECT_EQ(g.strike(why), 1U);
    EXPECT_EQ(g.strike({.kind = op9}), 1U);
    const auto presence = R"({"op":3,"d":{"since":null,"activities":[],"status":"idle","afk":false}})";
    g.say(id, faulty::json::parse(presence));
    EXPECT_EQ(g.core.violations().count(), 0U) << name_of(why.kind);
    EXPECT_FALSE(g.closes.contains(id)) << name_of(why.kind);
  }
}

TEST(faults, connections_end_or_fall_silent_and_their_sessions_stay) {
  for (const auto kind : {rst, fin, close, stall, half_open}) {
    faulty g;
    const auto first = g.ready(0, 2);
    const auto second = g.ready(1, 2);
    EXPECT_EQ(g.strike({.kind = kind, .shard = 0, .code = 1001}), 1U);
    EXPECT_EQ(g.fired(kind), 1U);
    const std::size_t before = g.sent[first].size();
    const std::uint32_t seen = g.seq_of(first);
    g.core.emit(400, "MESSAGE_CREATE", g.now);
    EXPECT_EQ(g.sent[first].size(), before) << name_of(kind);
    EXPECT_FALSE(g.closes.contains(second));
    if (kind == close) EXPECT_EQ(g.closes[first], 1001);
    if (kind == fin) EXPECT_EQ(g.closes[first], 0);
    if (kind == rst) EXPECT_EQ(g.damaged.at(0), std::pair(first, damage::reset));
    if (kind == stall || kind == half_open) {
      EXPECT_FALSE(g.closes.contains(first));
      g.say(first, {{"op", 1}, {"d", nullptr}});
      EXPECT_EQ(g.sent[first].size(), before);
      EXPECT_EQ(g.core.counters().heartbeats, kind == stall ? 0U : 1U);
    }
    const auto back = g.resume(first, seen);
    EXPECT_GT(g.dispatches(back).size(), 50U);
    EXPECT_EQ(g.last_sent(back)["t"], "RESUMED");
    EXPECT_EQ(g.core.violations().count(), 0U);
  }
}

TEST(faults, a_silent_connection_is_not_blamed_and_its_session_ends_in_its_time) {
  faulty g;
  const auto id = g.ready();
  g.strike({.kind = stall});
  g.pass(100'000);
  EXPECT_FALSE(g.closes.contains(id));
  g.pass(200'000);
  EXPECT_TRUE(g.core.sessions().empty());
  EXPECT_EQ(g.core.violations().count(), 0U);
}

TEST(faults, gateway_ops_come_as_asked) {
  faulty g;
  const auto id = g.ready();
  EXPECT_EQ(g.strike({.kind = op1, .times = 3}), 3U);
  EXPECT_EQ(g.last_sent(id)["op"], 1);
  EXPECT_EQ(g.strike({.kind = op7, .close_ms = 300}), 1U);
  EXPECT_EQ(g.last_sent(id)["op"], 7);
  g.pass(200);
  EXPECT_FALSE(g.closes.contains(id));
  g.pass(200);
  EXPECT_EQ(g.closes[id], 4000);
  const auto back = g.resume(id, g.seq_of(id));
  g.strike({.kind = op9, .resumable = true});
  EXPECT_EQ(g.last_sent(back)["d"], true);
  const auto again = g.resume(id, g.seq_of(id));
  EXPECT_EQ(g.last_sent(again)["t"], "RESUMED");
  g.strike({.kind = op9});
  EXPECT_EQ(g.last_sent(again)["d"], false);
  EXPECT_TRUE(g.core.sessions().empty());
}

TEST(faults, acks_are_missing_or_late_while_events_flow) {
  faulty g;
  const auto id = g.ready();
  const auto beat = [&] {
    g.say(id, {{"op", 1}, {"d", g.seq_of(id)}});
    return g.last_sent(id)["op"] == 11;
  };
  g.arm({.kind = missing_ack, .shard = 0, .times = 2});
  EXPECT_FALSE(beat());
  g.core.emit(1, "MESSAGE_CREATE", g.now);
  EXPECT_EQ(g.last_sent(id)["t"], "MESSAGE_CREATE");
  EXPECT_FALSE(beat());
  EXPECT_TRUE(beat());
  g.arm({.kind = late_ack, .delay_ms = 1000});
  EXPECT_TRUE((g.core.emit(1, "MESSAGE_CREATE", g.now), !beat()));
  g.pass(900);
  EXPECT_NE(g.last_sent(id)["op"], 11);
  g.pass(200);
  EXPECT_EQ(g.last_sent(id)["op"], 11);
  EXPECT_EQ(g.fired(missing_ack), 2U);
  EXPECT_EQ(g.fired(late_ack), 1U);
}

TEST(faults, sequences_jump_and_repeat_and_the_ledger_has_the_numbers_sent) {
  faulty g;
  const auto id = g.ready();
  const std::uint32_t before = g.seq_of(id);
  g.arm({.kind = seq_jump, .by = 5});
  g.arm({.kind = seq_repeat});
  g.core.emit(2, "MESSAGE_CREATE", g.now);
  const auto all = g.dispatches(id);
  const std::vector<json> last(all.end() - 3, all.end());
  EXPECT_EQ(last[0]["s"], before + 6);
  EXPECT_EQ(last[1], last[0]);
  EXPECT_EQ(last[2]["s"], before + 7);
  auto entries = g.ledger();
  EXPECT_EQ(entries[last[0]["d"]["_serial"]]["deliveries"][0]["seq"], before + 6);
  EXPECT_EQ(entries[last[0]["d"]["_serial"]]["deliveries"].size(), 1U);
  g.core.closed(id, 1006, g.now);
  const auto back = g.resume(id, before);
  EXPECT_EQ(g.dispatches(back).size(), 3U);  // the hole needs no replay
}

TEST(faults, a_session_loses_a_type_until_it_identifies_anew) {
  faulty g;
  const auto id = g.ready();
  g.arm({.kind = drop_type, .times = 0, .type = "MESSAGE_CREATE"});
  const std::uint32_t before = g.seq_of(id);
  g.core.emit(10, "MESSAGE_CREATE", g.now);
  g.core.emit(1, "TYPING_START", g.now);
  EXPECT_EQ(g.seq_of(id), before + 1);  // no hole tells of it
  const auto newer = g.ready();
  g.core.emit(1, "MESSAGE_CREATE", g.now);
  EXPECT_EQ(g.last_sent(newer)["t"], "MESSAGE_CREATE");
  EXPECT_EQ(g.last_sent(id)["t"], "TYPING_START");
  const json entry = g.ledger().rbegin()->second;
  EXPECT_EQ(entry["deliveries"].size(), 1U);
  EXPECT_EQ(entry["dropped"].at(0)["session"], g.session_of(id));
  EXPECT_EQ(g.fired(drop_type), 11U);
  g.core.clear_faults();
  g.core.emit(1, "MESSAGE_CREATE", g.now);
  EXPECT_EQ(g.last_sent(id)["t"], "MESSAGE_CREATE");
}

TEST(faults, odd_payloads_go_to_one_guild_of_each_shard) {
  faulty g;
  const auto first = g.ready(0, 2);
  const auto second = g.ready(1, 2);
  const auto payload_of = [&](connection_id id) { return g.raw[id].back(); };
  EXPECT_EQ(g.strike({.kind = huge, .bytes = 300'000}), 2U);
  EXPECT_GT(payload_of(first).size(), 300'000U);
  EXPECT_GT(payload_of(second).size(), 300'000U);
  const std::string untouched = payload_of(second);
  EXPECT_EQ(g.strike({.kind = bad_utf8, .shard = 0}), 1U);
  EXPECT_NE(payload_of(first).find("\xff\xc3\x28"), std::string::npos);
  EXPECT_EQ(g.strike({.kind = lone_surrogate, .shard = 0}), 1U);
  EXPECT_NE(payload_of(first).find("odd: \\ud83d\""), std::string::npos);
  EXPECT_EQ(payload_of(second), untouched);
  EXPECT_EQ(g.strike({.kind = corrupt_frame, .shard = 1, .how = damage::false_length}), 1U);
  EXPECT_EQ(g.damaged.back(), std::pair(second, damage::false_length));
}

TEST(faults, bytes_are_spoilt_by_the_sink_before_the_message_they_meet) {
  faulty g;
  const auto id = g.ready();
  g.arm({.kind = broken_stream, .shard = 0});
  g.arm({.kind = split_stream, .times = 2});
  EXPECT_TRUE(g.damaged.empty());
  g.core.emit(4, "MESSAGE_CREATE", g.now);
  ASSERT_EQ(g.damaged.size(), 3U);
  EXPECT_EQ(g.damaged[0], std::pair(id, damage::broken_message));
  EXPECT_EQ(g.damaged[2], std::pair(id, damage::split_message));
}

TEST(faults, hello_is_withheld_delayed_or_replaced_by_path) {
  faulty g;
  g.arm({.kind = no_hello, .path = path_choice::resume});
  const auto main = g.connect();
  EXPECT_EQ(g.last_sent(main)["op"], 10);
  const auto silent = g.connect(true);
  EXPECT_FALSE(g.sent.contains(silent));
  g.arm({.kind = slow_hello, .delay_ms = 2000});
  const auto slow = g.connect();
  g.pass(1900);
  EXPECT_FALSE(g.sent.contains(slow));
  g.pass(200);
  EXPECT_EQ(g.last_sent(slow)["op"], 10);
  g.arm({.kind = op7_first});
  const auto sent_away = g.connect();
  EXPECT_EQ(g.last_sent(sent_away)["op"], 7);
  g.pass(5100);
  EXPECT_EQ(g.closes[sent_away], 4000);
}

TEST(faults, upgrades_are_refused_delayed_or_ignored_as_often_as_asked) {
  faulty g;
  using answer = upgrade_verdict::answer;
  g.arm({.kind = refuse_upgrade, .times = 2, .path = path_choice::main, .status = 520, .body = "1015"});
  EXPECT_EQ(g.core.knock({.resume_path = true}).how, answer::accept);
  for (int i = 0; i < 2; ++i) {
    const auto verdict = g.core.knock({});
    EXPECT_EQ(verdict.how, answer::refuse);
    EXPECT_EQ(verdict.status, 520U);
    EXPECT_EQ(verdict.body, "1015");
  }
  EXPECT_EQ(g.core.knock({}).how, answer::accept);
  g.arm({.kind = slow_upgrade, .delay_ms = 70});
  EXPECT_EQ(g.core.knock({}).delay_ms, 70);
  g.arm({.kind = silent_upgrade, .times = 0});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(g.core.knock({}).how, answer::silence);
  g.core.clear_faults();
  EXPECT_EQ(g.core.knock({}).how, answer::accept);
}

TEST(faults, an_identify_is_refused_ignored_or_closed) {
  faulty g;
  g.arm({.kind = op9_after_identify, .shard = 1});
  EXPECT_EQ(g.dispatches(g.identify(0, 2)).size(), 1U);
  const auto refused = g.identify(1, 2);
  EXPECT_EQ(g.last_sent(refused)["op"], 9);
  EXPECT_EQ(g.core.identifies_left(g.now), 998U);
  g.pass(5000);
  g.arm({.kind = no_ready});
  const auto ignored = g.identify(1, 2);
  EXPECT_EQ(g.last_sent(ignored)["op"], 10);
  g.pass(5000);
  g.arm({.kind = close_after_identify, .code = 4013});
  EXPECT_EQ(g.closes[g.identify(1, 2)], 4013);
  EXPECT_EQ(g.core.sessions().size(), 1U);
  EXPECT_EQ(g.core.violations().count(), 0U);
}

TEST(faults, a_resume_is_refused_put_off_or_ends_again_and_again) {
  faulty g;
  const auto id = g.ready();
  const std::uint32_t seq = g.seq_of(id);
  g.core.closed(id, 1006, g.now);
  g.arm({.kind = close_after_resume, .times = 2, .code = 0});
  for (int i = 0; i < 2; ++i) {
    const auto dropped = g.resume(id, seq);
    EXPECT_EQ(g.closes.at(dropped), 0);
    EXPECT_TRUE(g.dispatches(dropped).empty());
  }
  g.arm({.kind = no_resumed});
  const auto endless = g.resume(id, seq);
  EXPECT_EQ(g.last_sent(endless)["op"], 10);
  EXPECT_FALSE(g.closes.contains(endless));
  g.arm({.kind = op9_true_after_resume});
  EXPECT_EQ(g.last_sent(g.resume(id, seq))["d"], true);
  EXPECT_EQ(g.last_sent(g.resume(id, seq))["t"], "RESUMED");
  g.arm({.kind = refuse_resume});
  EXPECT_EQ(g.last_sent(g.resume(id, seq))["d"], false);
  EXPECT_TRUE(g.core.sessions().empty());
}

TEST(faults, urls_lead_astray_as_often_as_asked) {
  faulty g;
  g.core.set_urls({.main = "ws://m", .resume = "ws://m/resume", .dead = "ws://dead", .silent = "ws://quiet"});
  g.arm({.kind = resume_host, .shard = 1, .to = dead_end::silent});
  g.arm({.kind = gateway_url, .url = "ws://other"});
  const auto url = [&](connection_id id) { return g.dispatches(id).at(0)["d"]["resume_gateway_url"]; };
  EXPECT_EQ(url(g.identify(0, 2)), "ws://m/resume");
  EXPECT_EQ(url(g.identify(1, 2)), "ws://quiet");
  g.pass(5000);
  EXPECT_EQ(url(g.identify(1, 2)), "ws://m/resume");
  EXPECT_EQ(g.core.gateway_url(), "ws://other");
  EXPECT_EQ(g.core.gateway_url(), "ws://m");
}

TEST(faults, guilds_never_come_or_come_unavailable_first) {
  faulty g;
  g.arm({.kind = silent_guild, .times = 2});
  g.arm({.kind = unavailable_create});
  const auto id = g.ready();
  const auto all = g.dispatches(id);
  std::map<std::string, std::vector<bool>> came;
  for (const auto& f : all) {
    if (f["t"] == "GUILD_CREATE") came[f["d"]["id"]].push_back(f["d"]["unavailable"]);
  }
  EXPECT_EQ(all.at(0)["d"]["guilds"].size(), 20U);
  EXPECT_EQ(came.size(), 18U);
  EXPECT_EQ(std::ranges::count_if(came, [](const auto& c) { return c.second == std::vector{true, false}; }),
            1);
  EXPECT_EQ(std::ranges::count_if(came, [](const auto& c) { return c.second == std::vector{false}; }), 17);
  g.core.emit(2000, "", g.now);
  const auto heard = g.dispatches(id);
  for (const auto& f : heard) {
    if (f["t"] == "MESSAGE_CREATE" && f["d"].contains("guild_id"))
      EXPECT_TRUE(came.contains(f["d"]["guild_id"]));
  }
}

TEST(faults, the_same_seed_and_orders_give_the_same_frames) {
  const auto run = [] {
    faulty g;
    (void)g.ready(0, 2);
    const auto id = g.ready(1, 2);
    g.arm({.kind = lag, .times = 0, .delay_ms = 40, .jitter_ms = 60});
    g.arm({.kind = seq_jump, .times = 3, .by = 2});
    for (int i = 0; i < 30; ++i) {
      g.core.emit(10, "", g.now);
      g.pass(15);
    }
    g.strike({.kind = huge, .bytes = 500});
    g.strike({.kind = op9, .shard = 0});
    (void)g.resume(id, g.seq_of(id));
    g.pass(1000);
    return g.raw;
  };
  EXPECT_EQ(run(), run());
}

TEST(faults, a_lagging_fleet_hears_the_same_later_and_in_order) {
  faulty g;
  const auto prompt = g.ready(0, 1);
  const auto slow = g.ready(0, 2);
  g.arm({.kind = lag, .count = 2, .times = 0, .delay_ms = 500, .jitter_ms = 200});
  const std::size_t before = g.sent[slow].size();
  for (int i = 0; i < 40; ++i) {
    g.core.emit(5, "MESSAGE_CREATE", g.now);
    g.pass(10);
  }
  EXPECT_EQ(g.sent[slow].size(), before);
  EXPECT_EQ(g.ledger().rbegin()->second.value("pending", json::array()).size() +
                g.ledger().rbegin()->second["deliveries"].size(),
            (std::stoull(g.ledger().rbegin()->second["guild"].get<std::string>()) >> 22) % 2 == 0 ? 2U : 1U);
  const std::uint32_t seen = g.seq_of(slow);
  for (int i = 0; i < 80; ++i) g.pass(10);
  std::uint32_t seq = seen;
  std::uint64_t serial = 0;
  auto entries = g.ledger();
  const auto all = g.dispatches(slow);
  for (auto at = all.begin() + static_cast<std::ptrdiff_t>(before) - 1; at != all.end(); ++at) {
    EXPECT_EQ((*at)["s"], ++seq);
    EXPECT_GT((*at)["d"]["_serial"].get<std::uint64_t>(), serial);
    serial = (*at)["d"]["_serial"];
    EXPECT_FALSE(entries[serial].contains("pending"));
  }
  EXPECT_GT(seq, seen + 60);
  EXPECT_GT(g.dispatches(prompt).size(), 200U);
  g.core.emit(5, "MESSAGE_CREATE", g.now);
  g.core.closed(slow, 1000, g.now);  // what was on its way has nowhere to go
  const auto last = g.ledger();
  EXPECT_TRUE(std::ranges::none_of(last, [](const auto& e) { return e.second.contains("pending"); }));
}

}  // namespace
}  // namespace evergate::sim
