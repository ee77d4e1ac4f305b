#include "controllers/script_host.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "controllers/errc.h"
#include "scripted_desk.h"

namespace evergate::decide::controllers_test {
namespace {

constexpr auto one_lane = [](const lanes_question&) { return 1u; };
constexpr auto keep = [](const event_question&) { return event_answer{}; };

std::uint32_t lanes(const desk& from, std::uint32_t shards = 8) {
  return from.calculate_lanes.ask({.consumer = "main", .shards = shards}, one_lane);
}

TEST(ScriptHost, ReloadsForTheNextQuestion) {
  scripted_desk one("function calculate_lanes() return 2 end");
  EXPECT_EQ(lanes(one.asked), 2u);
  ASSERT_TRUE(one.reload("function calculate_lanes() return 3 end"));
  EXPECT_EQ(lanes(one.asked), 3u);
  ASSERT_TRUE(one.reload("function judge_close(asked, standard) return standard(asked) end"));
  EXPECT_EQ(lanes(one.asked), 1u);
  EXPECT_FALSE(one.asked.calculate_lanes.scripted());
  EXPECT_TRUE(one.asked.judge_close.scripted());
}

struct bad_script {
  std::string text;
  std::string why;
};

TEST(ScriptHost, RefusesABadScriptAndKeepsTheOld) {
  scripted_desk one("function calculate_lanes() return 2 end");
  const auto version = one.host.version();
  const bad_script bad[] = {
      {"function calculate_lanes(", "test.lua:1: <name> or '...' expected near <eof>"},
      {"\nerror('no idea')", "test.lua:2: no idea"},
      {"\nfunction on_evnt() end",
       "test.lua:2: the global function on_evnt is no controller: make it local, or name it as one of "
       "calculate_total_shards, calculate_worker_id, "},
      {"function tostring() end", "test.lua:1: the global function tostring is no controller"},
      {"on_event = true", "test.lua: on_event is a controller's name, so it must be a function"},
      {"calculate_lanes = function() end os.exit(1)",
       "test.lua:1: attempt to index a nil value (global 'os')"},
      {"\x1bLua", "test.lua: attempt to load a binary chunk (mode is 't')"},
      {"return standard", ""},
  };
  for (const auto& [text, why] : bad) {
    const auto done = one.reload(text);
    if (why.empty()) continue;
    ASSERT_FALSE(done) << text;
    EXPECT_EQ(done.error().code, errc::bad_script);
    EXPECT_TRUE(done.error().detail.starts_with(why)) << done.error().detail;
    EXPECT_EQ(lanes(one.asked), 2u);
    EXPECT_EQ(one.host.version(), version);
  }
  const auto missing = one.host.load("/nonexistent/x.lua");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::unreadable_script);
  EXPECT_EQ(missing.error().detail, "/nonexistent/x.lua: No such file or directory");
}

TEST(ScriptHost, ChecksWithoutADesk) {
  const script_file good("local function mine() end\nlimit = 5\nfunction on_event() return mine() end");
  EXPECT_TRUE(script_host::check(good.path(), {}));
  const script_file bad("function mine() end");
  EXPECT_FALSE(script_host::check(bad.path(), {}));
}

TEST(ScriptHost, TellsWhenDeliveriesMayHaveChanged) {
  scripted_desk one("function calculate_lanes() return 2 end");
  EXPECT_EQ(one.asked.delivery_version(), 0u);
  EXPECT_EQ(one.reload("function calculate_lanes() return 3 end"), false);
  EXPECT_EQ(one.reload("function deliver_event() return true end"), true);
  const auto version = one.asked.delivery_version();
  EXPECT_NE(version, 0u);
  EXPECT_EQ(one.reload("function deliver_event() return true end"), false);
  EXPECT_EQ(one.reload("function deliver_event() return false end"), true);
  EXPECT_NE(one.asked.delivery_version(), version);
  EXPECT_EQ(one.reload("function calculate_lanes() return 3 end"), true);
  EXPECT_EQ(one.asked.delivery_version(), 0u);
}

TEST(ScriptHost, TheVersionIsTheSameInAnotherProcess) {
  EXPECT_EQ(scripted_desk("function deliver_event() return true end").asked.delivery_version(),
            scripted_desk("function deliver_event() return true end").asked.delivery_version());
}

TEST(ScriptHost, TheStandardAnswersInsideACallOnly) {
  scripted_desk one(
      "local kept\n"
      "function calculate_lanes(asked, standard) kept = standard return standard(asked) + 1 end\n"
      "function judge_close(asked, standard) return 'fatal' end\n"
      "function on_event(asked) return kept() end");
  EXPECT_EQ(lanes(one.asked), 2u);
  // In another call it is that call's.
  EXPECT_EQ(one.asked.on_event.ask({.type = "X", .d = "{}"}, keep).what, event_answer::verdict::keep);
  EXPECT_EQ(one.asked.on_event.status().last_failure, "");
}

TEST(ScriptHost, AQuestionThatIsOverHasNoFields) {
  scripted_desk one(
      "local kept\n"
      "function calculate_lanes(asked)\n"
      "  local last = kept and kept.consumer\n"
      "  kept = asked\n"
      "  return last == nil and kept.consumer == 'main' and 5 or 6\nend");
  EXPECT_EQ(lanes(one.asked), 5u);
  EXPECT_EQ(lanes(one.asked), 5u);
}

/// A standard that asks another controller of the same script, on the same thread.
TEST(ScriptHost, ACallInsideACallSharesItsLimits) {
  scripted_desk one(
      "function calculate_lanes(asked, standard) return standard(asked) + 1 end\n"
      "function calculate_total_shards(asked) if asked.stored == 1 then while true do end end return 40 end",
      {.instructions_max = 10'000});
  const auto nested = [&one](std::uint32_t stored) {
    return one.asked.calculate_lanes.ask({.shards = 3}, [&](const lanes_question&) {
      return one.asked.calculate_total_shards.ask({.stored = stored},
                                                  [](const total_shards_question&) { return 7u; });
    });
  };
  EXPECT_EQ(nested(0), 41u);
  EXPECT_EQ(nested(1), 7u);  // both failed, and the outer one's standard asked the inner once more
  EXPECT_EQ(one.asked.calculate_total_shards.status().failures, 2u);
  EXPECT_EQ(one.asked.calculate_lanes.status().failures, 1u);
  EXPECT_EQ(nested(0), 41u);
}

TEST(ScriptHost, AReloadInsideACallWaitsForItsEnd) {
  scripted_desk one("function calculate_lanes(asked, standard) return standard(asked) + 1 end");
  const auto answer = one.asked.calculate_lanes.ask({.shards = 3}, [&](const lanes_question&) {
    EXPECT_TRUE(one.reload("function calculate_lanes(asked, standard) return standard(asked) + 2 end"));
    return one.asked.calculate_lanes.ask({.shards = 3}, [](const lanes_question&) { return 10u; });
  });
  EXPECT_EQ(answer, 12u);
  EXPECT_EQ(one.asked.calculate_lanes.ask({.shards = 3}, [](const lanes_question&) { return 10u; }), 12u);
  EXPECT_EQ(one.asked.calculate_lanes.status().failures, 0u);
}

/// Every thread has a state of its own: what one counts the others do not see.
TEST(ScriptHost, AnswersManyThreadsWhileItIsReloaded) {
  scripted_desk one("local n = 0 function calculate_lanes(asked) n = n + 1 return asked.shards end");
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::jthread> threads;
  std::array<std::atomic<std::uint64_t>, 4> asked{};
  for (auto& count : asked) {
    threads.emplace_back([&] {
      while (!over) {
        const auto shards = static_cast<std::uint32_t>(count.load() % 1000 + 2);
        const auto answer = lanes(one.asked, shards);
        if (answer != shards && answer != shards + 1 && answer != 1) ++wrong;
        ++count;
      }
    });
  }
  for (int i = 0; i < 60; ++i) {
    const auto before = asked.front().load();
    const char* const texts[] = {"function calculate_lanes(asked) return asked.shards end",
                                 "function calculate_lanes(asked) return asked.shards + 1 end",
                                 "function calculate_lanes(asked) error('no idea') end", "this is no Lua"};
    EXPECT_EQ(one.reload(texts[i % 4]).has_value(), i % 4 != 3);
    while (asked.front() < before + 20) std::this_thread::yield();
  }
  over = true;
  threads.clear();
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(one.asked.calculate_lanes.status().failures, 0u);
}

TEST(ScriptHost, TwoHostsOnOneThreadKeepApart) {
  scripted_desk first("function calculate_lanes() return 2 end");
  scripted_desk second("function calculate_lanes() return 3 end");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(lanes(first.asked), 2u);
    EXPECT_EQ(lanes(second.asked), 3u);
  }
}

TEST(Rewriting, WhatIsNoJsonIsAFailure) {
  for (const std::string& text :
       std::vector<std::string>{"no json", "{}x", "{\"a\":}", "[]", "\"{}\"", "{\"a\":\"\xff\"}"}) {
    scripted_desk one("local text = ...\nfunction on_event(asked) return asked.type end");
    const auto answer = one.asked.on_event.ask({.type = text, .d = "{}"}, keep);
    EXPECT_EQ(answer.what, event_answer::verdict::keep) << text;
    EXPECT_EQ(one.asked.on_event.status().failures, 1u) << text;
  }
}

TEST(Rewriting, KeepsHalfSurrogatePairs) {
  scripted_desk one("function on_event(asked) return '{\"x\":1,' .. asked.d:sub(2) end");
  const auto answer = one.asked.on_event.ask({.type = "X", .d = R"({"content":"half \ud83d"})"}, keep);
  EXPECT_EQ(answer.d, R"({"x":1,"content":"half \ud83d"})");
}

TEST(Rewriting, AReadyKeepsItsSession) {
  scripted_desk one("function make_ready(asked) return '{\"session_id\":\"b\"}' end");
  const auto as_it_is = [](const ready_question& q) { return std::string(q.d); };
  EXPECT_EQ(one.asked.make_ready.ask({.d = R"({"session_id":"a"})"}, as_it_is), R"({"session_id":"a"})");
  EXPECT_EQ(one.asked.make_ready.status().last_failure, "answered with another session_id");
  EXPECT_EQ(one.asked.make_ready.ask({.d = R"({"session_id":"b","v":10})"}, as_it_is),
            R"({"session_id":"b"})");
}

}  // namespace
}  // namespace evergate::decide::controllers_test
