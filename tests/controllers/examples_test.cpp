// The scripts of docs/controllers.md, as they are shown there.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "scripted_desk.h"

namespace evergate::decide::controllers_test {
namespace {

using namespace std::chrono_literals;

std::string text_of(const std::string& path) {
  std::ifstream in(EVERGATE_SOURCE_DIR "/" + path);
  std::ostringstream out;
  out << in.rdbuf();
  EXPECT_TRUE(in) << path;
  return out.str();
}

/// A desk with one of the example scripts; at its end no call of it has failed.
struct example : scripted_desk {
  explicit example(const std::string& name)
      : scripted_desk(text_of("examples/controllers/" + name + ".lua")) {
    EXPECT_EQ(problem, "");
  }
  ~example() {
    for (const auto& one : asked.status()) EXPECT_EQ(one.last_failure, "") << one.name;
  }
};

TEST(Examples, Scale) {
  const example one("scale");
  const auto recommended = [](const total_shards_question& q) { return q.recommended; };
  EXPECT_EQ(one.asked.calculate_total_shards.ask({.recommended = 5}, recommended), 8u);
  EXPECT_EQ(one.asked.calculate_total_shards.ask({.recommended = 8}, recommended), 8u);
  const auto at_once = [](const identify_question&) { return 0ms; };
  EXPECT_EQ(one.asked.permit_identify.ask({.cause = "start"}, at_once), 5s);
  EXPECT_EQ(one.asked.permit_identify.ask({.cause = "start", .asked_before = 1}, at_once), 0s);
  EXPECT_EQ(one.asked.permit_identify.ask({.cause = "reconnect"}, at_once), 0s);
  const auto as_it_is = [](const presence_question& q) { return std::string(q.presence); };
  const auto said = one.asked.make_presence.ask({.shard = 3, .presence = R"({"status":"idle"})"}, as_it_is);
  EXPECT_TRUE(said.contains(R"("state":"shard 3")") && said.contains(R"("status":"idle")")) << said;
  EXPECT_EQ(one.asked.make_presence.ask({}, as_it_is), "");
}

TEST(Examples, Sessions) {
  const example one("sessions");
  const auto resume = [](const close_question&) { return close_verdict::resume; };
  for (const auto expected : {close_verdict::resume, close_verdict::resume, close_verdict::identify}) {
    EXPECT_EQ(one.asked.judge_close.ask({.shard = 2, .code = 4000}, resume), expected);
  }
  EXPECT_EQ(one.asked.judge_close.ask({.shard = 2, .code = 4000}, resume), close_verdict::resume);
  const auto as_drawn = [](const reconnect_question& q) { return q.delay; };
  EXPECT_EQ(one.asked.reconnect_delay.ask({.delay = 60s}, as_drawn), 10s);
  EXPECT_EQ(one.asked.reconnect_delay.ask({.delay = 2s}, as_drawn), 2s);
}

TEST(Examples, Events) {
  const example one("events");
  const auto kept = [](const event_question&) { return event_answer{}; };
  using enum event_answer::verdict;
  EXPECT_EQ(one.asked.on_event.ask({.type = "TYPING_START", .d = "{}"}, kept).what, drop);
  EXPECT_EQ(one.asked.on_event.ask({.type = "MESSAGE_CREATE", .d = R"({"content":"hello"})"}, kept).what,
            event_answer{}.what);
  const auto cleaned = one.asked.on_event.ask(
      {.type = "MESSAGE_CREATE", .d = R"({"content":"join discord.gg/abc-1 now","mentions":[]})"}, kept);
  EXPECT_EQ(cleaned.what, rewrite);
  EXPECT_TRUE(cleaned.d.contains(R"("content":"join [invite] now")")) << cleaned.d;
  EXPECT_TRUE(cleaned.d.contains(R"("mentions":[])")) << cleaned.d;
  const auto yes = [](const delivery_question&) { return true; };
  EXPECT_TRUE(one.asked.deliver_event.ask({.consumer = "main", .type = "X"}, yes));
  EXPECT_FALSE(one.asked.deliver_event.ask({.consumer = "audit", .type = "MESSAGE_CREATE"}, yes));
  EXPECT_TRUE(one.asked.deliver_event.ask({.consumer = "audit", .type = "GUILD_BAN_ADD"}, yes));
  overflow_question full;
  full.groups[0].there = full.groups[1].there = true;
  const auto first = [](const overflow_question&) { return event_group::ephemeral; };
  EXPECT_EQ(one.asked.choose_overflow.ask(full, first), event_group::ephemeral);
  full.groups[1].oldest = 2h;
  EXPECT_EQ(one.asked.choose_overflow.ask(full, first), event_group::message);
}

TEST(Examples, Bots) {
  const example one("bots");
  const auto passed = [](const command_question&) { return command_answer{}; };
  using enum command_answer::verdict;
  EXPECT_EQ(one.asked.on_command.ask({.consumer = "readonly-x", .op = 3, .d = "{}"}, passed).what, drop);
  EXPECT_EQ(one.asked.on_command.ask({.consumer = "readonly-x", .op = 8, .d = "{}"}, passed).what,
            command_answer{}.what);
  EXPECT_EQ(one.asked.on_command.ask({.consumer = "main", .op = 3, .d = "{}"}, passed).what,
            command_answer{}.what);
  const auto welcome = [](const bot_question&) { return std::uint16_t{0}; };
  EXPECT_EQ(one.asked.admit_bot.ask({.consumer = "staging", .intents = 257}, welcome), 4014);
  EXPECT_EQ(one.asked.admit_bot.ask({.consumer = "staging", .intents = 1}, welcome), 0);
  EXPECT_EQ(one.asked.admit_bot.ask({.consumer = "main", .intents = 257}, welcome), 0);
  const auto as_it_is = [](const ready_question& q) { return std::string(q.d); };
  constexpr std::string_view ready = R"({"session_id":"s","user":{"username":"Bot"}})";
  EXPECT_EQ(one.asked.make_ready.ask({.consumer = "main", .d = ready}, as_it_is), ready);
  EXPECT_TRUE(
      one.asked.make_ready.ask({.consumer = "staging", .d = ready}, as_it_is).contains("\"Bot (staging)\""));
}

TEST(Examples, Resharding) {
  const example one("resharding");
  const auto target = [](const reshard_question& q) { return q.due ? q.target : 0; };
  EXPECT_EQ(one.asked.decide_resharding.ask({.target = 20, .due = true, .remaining = 1000}, target), 32u);
  EXPECT_EQ(one.asked.decide_resharding.ask({.target = 20, .due = true, .remaining = 40}, target), 0u);
  EXPECT_EQ(one.asked.decide_resharding.ask({.target = 20, .due = false, .remaining = 1000}, target), 0u);
  const auto now = [](const switch_question&) { return true; };
  EXPECT_FALSE(one.asked.permit_switch.ask({.waited = 59s}, now));
  EXPECT_TRUE(one.asked.permit_switch.ask({.waited = 60s}, now));
}

/// docs/controllers.md shows each of the files whole.
TEST(Examples, AreWhatTheDocumentShows) {
  const auto document = text_of("docs/controllers.md");
  for (const std::string& name :
       std::vector<std::string>{"scale", "sessions", "events", "bots", "resharding"}) {
    EXPECT_TRUE(document.contains(text_of("examples/controllers/" + name + ".lua"))) << name;
  }
}

}  // namespace
}  // namespace evergate::decide::controllers_test
