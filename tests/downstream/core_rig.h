// Bots' cores without sockets, loops and clocks: time and turns are the test's. What a core writes is read as
// JSON; orders and commits of positions reach it when the test says so.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "downstream/bot_core.h"
#include "fake_journal.h"
#include "frames_read.h"

namespace evergate::downstream::testing {

struct idle_fleet final : flow::command_sink, flow::fleet_view {
  bool submit(flow::command) override { return true; }
  std::uint32_t shard_count() const override { return 2; }
  std::uint32_t shards_ready() const override { return 2; }
};

using names = std::vector<std::string>;

inline bool has(const names& events, const std::string& wanted) {
  return std::ranges::find(events, wanted) != events.end();
}

class core_rig;

/// One connection, and the bot at its other end.
class rig_bot final : private bot_wire {
 public:
  rig_bot(core_rig& home, holder_id id);

  void say(std::string_view text);
  void identify(proto::shard_key lane = {0, 1}, std::string_view library = "discord.js");
  /// As identify() and beat(), with what follows from it still on its way to other loops.
  void identify_unsettled(proto::shard_key lane, std::string_view library = "discord.js");
  void beat_unsettled();
  void resume(const std::string& session, std::uint32_t seq);
  /// Acknowledges everything received, or `seq`.
  void beat() { beat(seq); }
  void beat(std::uint32_t upto) { say(fmt::format(R"({{"op":1,"d":{}}})", upto)); }
  /// What was written since the last call; the sequence and session id are noted.
  std::vector<nlohmann::json> frames();
  /// The same, of dispatches, as "NAME" or "NAME id" when d has an id.
  std::vector<std::string> events();
  void drop() { core.closed({.by_bot = false, .code = 1006}, now()); }
  void close(std::uint16_t code = 1000) { core.closed({.by_bot = true, .code = code}, now()); }
  [[nodiscard]] bot_time now() const;

  std::uint32_t seq = 0;
  std::string session;
  std::size_t asked = 0;   ///< op 1s that came
  std::size_t unsent = 0;  ///< bytes that the kernel has not taken
  bool full = false;       ///< the wire is congested
  std::uint16_t closed_with = 0;
  bool hungry = false;  ///< wants another turn

 private:
  core_rig& home_;
  std::string out_;

 public:
  bot_core core;

 private:
  [[nodiscard]] std::string& output() override { return out_; }
  void output_ready() override {}
  [[nodiscard]] std::size_t queued_bytes() const override { return unsent; }
  [[nodiscard]] std::size_t output_room() const override { return full ? 0 : std::size_t{1} << 20; }
  void close(std::uint16_t code, std::string_view) override { closed_with = code; }
  void pump_later() override { hungry = true; }
  void authenticated() override {}
  [[nodiscard]] std::string new_session_id() override;
};

class core_rig : private order_desk {
 public:
  core_rig() {
    options.token = base::secret("MTA.x.y");
    options.intents = proto::intent::all;
    options.queue_quiet = base::milliseconds{0};
    read_with(consumer_rules{.queue_quiet = base::milliseconds{0}});
  }

  void read_with(consumer_rules rules) {
    consumer_policies policies;
    policies.fallback = policy;
    readers = std::make_unique<consumers>(journal, rules, 8, policies);
  }
  rig_bot& connect() {
    bots.push_back(std::make_unique<rig_bot>(*this, (bots.size() + 1) << 8));
    bots.back()->core.open(now());
    return *bots.back();
  }
  /// Everything that waits, again and again until nothing does.
  void settle() {
    for (bool more = true; more;) {
      more = !posted.empty();
      while (!posted.empty()) {
        auto next = std::move(posted.front());
        posted.pop_front();
        next();
      }
      for (auto& one : bots) {
        if (!std::exchange(one->hungry, false)) continue;
        one->core.pump(now());
        more = true;
      }
    }
  }
  void pump() {
    for (auto& one : bots) one->core.pump(now());
    settle();
  }
  /// Time passes, in ticks.
  void pass(base::milliseconds span) {
    for (base::milliseconds gone{0}; gone < span; gone += options.tick) {
      clock += options.tick;
      unix_ms += options.tick.count();
      for (auto& one : bots) one->core.tick(now());
      settle();
    }
  }
  [[nodiscard]] bot_time now() const { return {clock, unix_ms}; }
  [[nodiscard]] order_desk& desk() noexcept { return *this; }
  [[nodiscard]] bot_services services() {
    return {options, journal, journal, *readers, router, *this, log, reader, frames};
  }
  /// The stored position of lane 0 of the newest layout.
  [[nodiscard]] flow::layout_record stored() {
    readers->flush(clock);
    return journal.consumers_now().at("main").layouts.back();
  }

  fake_journal journal;
  gateway_options options;
  /// Of every consumer; lanes of later connections keep to it.
  std::shared_ptr<consumer_policy> policy = std::make_shared<consumer_policy>();
  base::instant clock{base::seconds{1'000}};
  std::int64_t unix_ms = 1'770'000'000'000;
  std::unique_ptr<consumers> readers;
  std::vector<std::unique_ptr<rig_bot>> bots;
  std::deque<std::function<void()>> posted;
  bool hold_commits = false;  ///< commits of positions are not told

 private:
  [[nodiscard]] rig_bot* find(holder_id who) {
    return who >> 8 >= 1 && (who >> 8) <= bots.size() ? bots[(who >> 8) - 1].get() : nullptr;
  }
  void carry(consumer_orders orders) override {
    for (auto& order : orders) {
      posted.push_back([this, one = std::move(order)] { find(one.to)->core.carry(one, now()); });
    }
  }
  void reserved(holder_id who, flow::offset upto) override {
    posted.push_back([this, who, upto] { find(who)->core.reserved(upto, now()); });
  }
  void interactions_reserved(holder_id who, std::uint64_t ticket) override {
    auto tell = [this, who, ticket] { find(who)->core.interactions_reserved(ticket, now()); };
    (hold_commits ? held_ : posted).push_back(std::move(tell));
  }

  std::deque<std::function<void()>> held_;
  idle_fleet fleet_;
  flow::reply_table replies_;

 public:
  void tell_commits() {
    hold_commits = false;
    while (!held_.empty()) {
      posted.push_back(std::move(held_.front()));
      held_.pop_front();
    }
    settle();
  }
  command_router router{fleet_, replies_, fleet_};
  batch_reader reader{journal, 1024};
  client_frame_reader frames;
  base::logger log{base::log_level::off};
};

inline rig_bot::rig_bot(core_rig& home, holder_id id)
    : home_(home), core(home.services(), *this, {id, "main", "ws://rig", proto::compression::none}) {}

inline bot_time rig_bot::now() const {
  return home_.now();
}

inline void rig_bot::say(std::string_view text) {
  core.message(text, now());
  home_.settle();
}

inline void rig_bot::identify(proto::shard_key lane, std::string_view library) {
  identify_unsettled(lane, library);
  home_.settle();
}

inline void rig_bot::identify_unsettled(proto::shard_key lane, std::string_view library) {
  core.message(
      fmt::format(
          R"({{"op":2,"d":{{"token":"MTA.x.y","intents":{},"shard":[{},{}],"properties":{{"browser":"{}"}}}}}})",
          home_.options.intents, lane.id, lane.count, library),
      now());
}

inline void rig_bot::beat_unsettled() {
  core.message(fmt::format(R"({{"op":1,"d":{}}})", seq), now());
}

inline void rig_bot::resume(const std::string& id, std::uint32_t from) {
  session = id;
  seq = from;
  say(fmt::format(R"({{"op":6,"d":{{"token":"MTA.x.y","session_id":"{}","seq":{}}}}})", id, from));
}

inline std::vector<nlohmann::json> rig_bot::frames() {
  auto out = json_in(std::exchange(out_, {}));
  for (const auto& one : out) {
    if (one.at("op") == 1) ++asked;
    if (one.at("op") != 0) continue;
    seq = one.at("s");
    if (one.at("t") == "READY") session = one.at("d").at("session_id");
  }
  return out;
}

inline std::vector<std::string> rig_bot::events() {
  std::vector<std::string> out;
  for (const auto& one : frames()) {
    if (one.at("op") != 0) continue;
    const auto& d = one.at("d");
    const auto name = one.at("t").get<std::string>();
    if (d.contains("_serial")) {
      out.push_back(fmt::format("{} {}", name, d["_serial"].get<int>()));
    } else {
      out.push_back(d.contains("id") ? name + " " + d["id"].get<std::string>() : name);
    }
  }
  return out;
}

inline std::string rig_bot::new_session_id() {
  return fmt::format("s{}", home_.now().now.time_since_epoch().count() + (home_.bots.size() << 8));
}

}  // namespace evergate::downstream::testing
