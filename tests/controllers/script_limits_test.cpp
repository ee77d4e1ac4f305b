#include <gtest/gtest.h>

#include <string>

#include "scripted_desk.h"

namespace evergate::decide::controllers_test {
namespace {

constexpr auto seven = [](const total_shards_question&) { return 7u; };

struct fault {
  std::string name;
  std::string body;       ///< of calculate_total_shards(asked, standard)
  std::string failure;    ///< its beginning
  std::string outside{};  ///< before the function
};

constexpr const char* too_long = "ran past controllers.instructions_max = 300000";
constexpr const char* too_much = "ran past controllers.memory_max = 1048576";

const std::vector<fault>& faults() {
  static const std::vector<fault> all{
      {"error", "error('no idea', 0)", "no idea"},
      {"error_with_place", "error('no idea')", "test.lua:2: no idea"},
      {"error_that_is_no_text", "error({})", "an error that is no text"},
      {"nil_call", "return asked.nothing()", "test.lua:2: attempt to call a nil value (field 'nothing')"},
      {"loop", "while true do end", too_long},
      {"loop_in_pcall", "while true do pcall(function() while true do end end) end", too_long},
      {"loop_in_nested_pcall", "local function again() while true do pcall(again) end end again()", too_long},
      {"loop_in_xpcall", "xpcall(function() while true do end end, function() while true do end end)",
       too_long},
      {"loop_in_handler", "xpcall(error, function() while true do end end)", too_long},
      {"caught_and_answered", "pcall(function() while true do end end) return 9", too_long},
      {"loop_in_metamethod", "return setmetatable({}, {__index = function() while true do end end}).x",
       too_long},
      {"loop_in_close",
       "local x <close> = setmetatable({}, {__close = function() while true do end end}) error(1)", too_long},
      {"loop_in_sort", "table.sort({1, 2, 3}, function() while true do end end)", too_long},
      {"finalizer", "setmetatable({}, {__gc = function() while true do end end})",
       "test.lua:2: a script has no finalizers (__gc)"},
      {"pattern", "return #string.rep('a', 60000):match('.-.-.-.-b')", too_long},
      {"pattern_gsub", "return #string.rep('a', 60000):gsub('.-.-.-.-b', '')", too_long},
      {"pattern_gmatch", "for _ in string.rep('a', 60000):gmatch('.-.-.-.-b') do end", too_long},
      {"pattern_balance", "return string.rep('(', 60000):find('%b()')", too_long},
      {"empty_rep", "return #string.rep('', math.maxinteger)", too_long},
      {"table_move", "table.move({}, 1, 1 << 40, 2)", too_long},
      {"table_insert",
       "local n, t = 0 t = setmetatable({}, {__len = function() n = n + 1 return n == 1 and 0 or 1 << 60 "
       "end}) "
       "table.insert(t, 1, 1)",
       "a table with __len is not allowed here"},
      {"table_unpack", "table.unpack({}, 1, 900000)", too_long},
      {"long_copies", "local s = string.rep('a', 200000) while true do local t = s .. 'b' end", too_long},
      {"recursion", "local function deep() return 1 + deep() end return deep()", too_much},
      {"tail_recursion", "local function again() return again() end return again()", too_long},
      {"recursion_in_pcall", "local function deep() return pcall(deep), deep() end deep()", ""},
      {"rep", "return #string.rep('a', 1 << 30)", too_much},
      {"rep_in_pcall", "pcall(string.rep, 'a', 1 << 30) return 9", too_much},
      {"rep_in_loop", "while true do pcall(string.rep, 'a', 1 << 30) end", too_much},
      {"doubling", "local s = 'a' while true do s = s .. s end", too_much},
      {"table_growth", "local t = {} while true do t[#t + 1] = {} end", too_much},
      {"table_growth_in_pcall",
       "local t = {} pcall(function() while true do t[#t + 1] = {} end end) return 9", too_much},
      {"kept_between_calls", "for i = 1, 5000 do kept[#kept + 1] = {i} end return 9", too_much,
       "kept = {}\n"},
      {"decode", "return evergate.json.decode('[' .. string.rep('1,', 100000) .. '1]')",
       "json: 200003 bytes are too many to decode within controllers.memory_max"},
      {"encode_of_a_circle", "local t = {} t.t = t return evergate.json.encode(t)",
       "json: more than 64 levels"},
      {"wrong_kind", "return 'many'", "answered string, allowed a whole number within its range"},
      {"nothing", "", "answered nil, allowed a whole number within its range"},
      {"fraction", "return 7.5", "answered number, allowed a whole number within its range"},
      {"out_of_range", "return -1", "answered number, allowed a whole number within its range"},
      {"not_allowed", "return 65536", "answered 65536, allowed 1 to 65535"},
      {"wrong_field", "return standard({recommended = 'many'})",
       "standard: the field recommended is of the wrong kind or out of range"},
      {"wrong_question", "return standard(5)", "bad argument #1 to 'standard' (table expected, got number)"},
      {"no_io", "return io.open('/etc/passwd')", "test.lua:2: attempt to index a nil value (global 'io')"},
      {"no_load", "return load('return 9')()", "test.lua:2: attempt to call a nil value (global 'load')"},
      {"no_collection", "collectgarbage('collect')",
       "bad argument #1 to 'collectgarbage' (invalid option 'collect')"},
  };
  return all;
}

std::string shown(const testing::TestParamInfo<fault>& info) {
  return info.param.name;
}

class ScriptFault : public testing::TestWithParam<fault> {};
INSTANTIATE_TEST_SUITE_P(Scripts, ScriptFault, testing::ValuesIn(faults()), shown);

/// Two calls: one fault leaves a machine that answers the next.
TEST_P(ScriptFault, LeavesTheStandardAndIsCounted) {
  const auto& wrong = GetParam();
  scripted_desk one(wrong.outside + "function calculate_total_shards(asked, standard)" +
                        (wrong.outside.empty() ? "\n" : " ") + wrong.body +
                        "\nend\n"
                        "function calculate_lanes(asked) return asked.shards end",
                    {.instructions_max = 300'000, .memory_max = 1 << 20});
  ASSERT_EQ(one.problem, "");
  const int calls = wrong.name == "kept_between_calls" ? 20 : 2;
  for (int i = 0; i < calls; ++i) {
    const auto answer = one.asked.calculate_total_shards.ask({}, seven);
    EXPECT_TRUE(answer == 7u || calls > 2) << answer;
    EXPECT_EQ(one.asked.calculate_lanes.ask({.shards = 12}, [](const lanes_question&) { return 1u; }), 12u);
  }
  const auto status = one.asked.calculate_total_shards.status();
  EXPECT_GE(status.failures, calls > 2 ? 1u : 2u);
  EXPECT_NE(status.last_failure.find(wrong.failure), std::string::npos) << status.last_failure;
  EXPECT_EQ(one.asked.calculate_lanes.status().failures, 0u);
}

TEST(ScriptLimits, ALimitIsToldWithItsPlace) {
  scripted_desk one("function calculate_total_shards()\n  while true do\n  end\nend");
  EXPECT_EQ(one.asked.calculate_total_shards.ask({}, seven), 7u);
  const auto failure = one.asked.calculate_total_shards.status().last_failure;
  EXPECT_EQ(failure, "ran past controllers.instructions_max = 1000000 at test.lua:2");
}

TEST(ScriptLimits, OfInstructionsAreOfACallNotOfTheState) {
  scripted_desk one("function calculate_lanes(asked) for i = 1, 5000 do end return asked.shards end",
                    {.instructions_max = 20'000});
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(one.asked.calculate_lanes.ask({.shards = 12}, [](const lanes_question&) { return 1u; }), 12u);
  }
  EXPECT_EQ(one.asked.calculate_lanes.status().last_failure, "");
}

TEST(ScriptLimits, HoldWhileTheScriptIsLoaded) {
  EXPECT_EQ(scripted_desk("while true do end").problem,
            "test.lua: ran past controllers.instructions_max = 1000000 at test.lua:1");
  EXPECT_EQ(scripted_desk("t = {} while true do t[#t + 1] = {} end", {.memory_max = 1 << 20}).problem,
            "test.lua: ran past controllers.memory_max = 1048576");
}

TEST(ScriptLimits, AnOverrideThatOnlyRunsPastThemIsAskedNoMoreForAWhile) {
  scripted_desk one("function calculate_total_shards() while true do end end", {.instructions_max = 1'000});
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(one.asked.calculate_total_shards.ask({}, seven), 7u);
  EXPECT_EQ(one.asked.calculate_total_shards.status().failures, 1'000u);
  // It rests, or a thousand calls would have been asked. A new script is asked at once.
  EXPECT_TRUE(one.asked.calculate_total_shards.counts().rests());
  ASSERT_TRUE(one.reload("function calculate_total_shards() return 9 end"));
  EXPECT_EQ(one.asked.calculate_total_shards.ask({}, seven), 9u);
}

TEST(ScriptLimits, OneThatKeepsThemInBetweenDoesNotRest) {
  scripted_desk one(
      "local n = 0\nfunction calculate_total_shards()\n"
      "  n = n + 1\n  while n % 10 ~= 0 do end\n  return 9\nend",
      {.instructions_max = 1'000});
  int nines = 0;
  for (int i = 0; i < 100; ++i) nines += one.asked.calculate_total_shards.ask({}, seven) == 9 ? 1 : 0;
  EXPECT_EQ(nines, 10);
  EXPECT_FALSE(one.asked.calculate_total_shards.counts().rests());
}

/// The state that a failed allocation leaves is thrown away, with what the script had kept.
TEST(ScriptLimits, WithoutMemoryTheScriptBeginsAnew) {
  scripted_desk one(
      "local count = 0\n"
      "function calculate_lanes(asked)\n"
      "  count = count + 1\n"
      "  if asked.shards == 99 then return #string.rep('a', 1 << 30) end\n"
      "  return count\nend");
  const auto ask = [&](std::uint32_t shards) {
    return one.asked.calculate_lanes.ask({.shards = shards}, [](const lanes_question&) { return 77u; });
  };
  EXPECT_EQ(ask(1), 1u);
  EXPECT_EQ(ask(1), 2u);
  EXPECT_EQ(ask(99), 77u);
  EXPECT_EQ(ask(1), 1u);
}

/// The n-th allocation and all after it fail, for every n: while the state is made, while the script is run,
/// in the call. Whatever fails, the standard answers, and nothing leaks or is used after it is gone.
TEST(ScriptLimits, AnyAllocationMayFail) {
  constexpr std::string_view script =
      "local seen = {}\n"
      "function on_event(asked, standard)\n"
      "  seen[#seen + 1] = asked.type .. #seen\n"
      "  local d = evergate.json.decode(asked.d)\n"
      "  for name, value in pairs(asked) do d[name] = value end\n"
      "  d.content = d.content:gsub('%w+', function(word) return word:upper() .. '!' end)\n"
      "  local ok, why = pcall(error, {'caught'})\n"
      "  if not ok then d.why = why[1] end\n"
      "  local kept = standard({d = evergate.json.encode(d), guild = asked.guild})\n"
      "  return kept and evergate.json.encode(d)\nend";
  const std::string d = R"({"content":"a text that is a little longer","list":[1,2,{"x":null}],"n":1.5})";
  const auto keep = [](const event_question& q) {
    return event_answer{q.d.contains("A! TEXT!") ? event_answer::verdict::keep : event_answer::verdict::drop,
                        {}};
  };
  script_file file(script);
  std::uint64_t n = 0;
  std::uint64_t refused = 0;
  for (bool whole = false; !whole; ++n) {
    ASSERT_LT(n, 5'000u);
    desk asked;
    script_host host(asked, {.allocations_max = n}, nullptr);
    // Slots ask although load() refuses: the machine of a thread may fail where the trial's did not.
    if (auto loaded = host.load(file.path()); !loaded) {
      ++refused;
      EXPECT_TRUE(loaded.error().detail.contains("ran past controllers.memory_max")) << loaded.error().detail;
      continue;
    }
    const auto answer =
        asked.on_event.ask({.type = "MESSAGE_CREATE", .guild = 81'384'788'765'712'384, .d = d}, keep);
    whole = asked.on_event.status().failures == 0;
    EXPECT_EQ(answer.what, whole ? event_answer::verdict::rewrite : event_answer::verdict::drop);
    if (!whole) {
      EXPECT_TRUE(asked.on_event.status().last_failure.starts_with("ran past controllers.memory_max"))
          << asked.on_event.status().last_failure;
    }
  }
  EXPECT_GT(refused, 100u);
  EXPECT_GT(n, refused + 50);
}

}  // namespace
}  // namespace evergate::decide::controllers_test
