// What scripts are given, run as scripts: an expression's value comes back as text through make_presence.
#include <gtest/gtest.h>

#include <algorithm>
#include <lua.hpp>
#include <string>

#include "scripted_desk.h"

namespace evergate::decide::controllers_test {
namespace {

/// tostring() of the expression, or what failed.
std::string value_of(const std::string& expression) {
  scripted_desk one("function on_event(asked) error('=' .. tostring((" + expression + ")), 0) end");
  if (!one.problem.empty()) return one.problem;
  (void)one.asked.on_event.ask({.type = "X", .d = "{}"},
                               [](const event_question&) { return event_answer{}; });
  auto out = one.asked.on_event.status().last_failure;
  return out.starts_with("test.lua:1: ") ? out.substr(12) : out;
}

TEST(ScriptLibrary, ReadsAndWritesJson) {
  EXPECT_EQ(value_of(R"(evergate.json.decode('{"a":[1,{"b":"x"}]}').a[2].b)"), "=x");
  EXPECT_EQ(value_of(R"(evergate.json.encode(evergate.json.decode('{"a":[1,2.5,true,null,"\\u00e9\\n"]}')))"),
            "={\"a\":[1,2.5,true,null,\"\xc3\xa9\\u000a\"]}");
  EXPECT_EQ(value_of("evergate.json.encode({'a', evergate.json.null})"), R"(=["a",null])");
  EXPECT_EQ(value_of("evergate.json.encode({})"), "={}");
  EXPECT_EQ(value_of("evergate.json.encode(evergate.json.array({}))"), "=[]");
  EXPECT_EQ(value_of("evergate.json.encode(evergate.json.decode('[[],{}]'))"), "=[[],{}]");
  EXPECT_EQ(value_of(R"(evergate.json.encode('"\\\1'))"), R"(="\"\\\u0001")");
  EXPECT_EQ(value_of("evergate.json.encode(1 << 53)"), "=9007199254740992");
  EXPECT_EQ(value_of("evergate.json.decode('{\"x\":null}').x == evergate.json.null"), "=true");
  EXPECT_EQ(value_of("evergate.json.encode(0/0)"), "json: a number that is not finite cannot be encoded");
  EXPECT_EQ(value_of("evergate.json.encode({[1.5] = 1})"), "json: a member's name must be a string");
  EXPECT_EQ(value_of("evergate.json.encode(print or error)"), "json: a function cannot be encoded");
  EXPECT_EQ(value_of("evergate.json.decode(string.rep('[', 70) .. string.rep(']', 70))"),
            "json: more than 64 levels");
  EXPECT_TRUE(value_of("evergate.json.decode('{')").starts_with("json: "))
      << value_of("evergate.json.decode('{')");
}

TEST(ScriptLibrary, DecodesAgainAfterAFailure) {
  EXPECT_EQ(value_of("not pcall(evergate.json.decode, '{') and evergate.json.decode('[5]')[1]"), "=5");
  EXPECT_EQ(value_of("not pcall(evergate.json.decode, string.rep('[', 70) .. string.rep(']', 70)) and "
                     "evergate.json.decode('[5]')[1]"),
            "=5");
}

TEST(ScriptLibrary, ReadsHalfSurrogatePairsAsTheReplacement) {
  EXPECT_EQ(value_of(R"(evergate.json.decode('["a\\ud83d b"]')[1])"), "=a\xef\xbf\xbd b");
  EXPECT_EQ(value_of(R"(evergate.json.decode('["\\ud83d\\ude00\\ude00"]')[1])"),
            "=\xf0\x9f\x98\x80\xef\xbf\xbd");
  EXPECT_EQ(value_of(R"(evergate.json.decode('["\\\\ud83d"]')[1])"), R"(=\ud83d)");
  EXPECT_TRUE(value_of(R"(evergate.json.decode('["\\ud8"]')[1])").starts_with("json: "));
}

TEST(ScriptLibrary, CatchesTheScriptsOwnErrors) {
  EXPECT_EQ(value_of("select(2, pcall(error, 'mine'))"), "=mine");
  EXPECT_EQ(value_of("select('#', pcall(function() return 1, nil, 3 end))"), "=4");
  EXPECT_EQ(value_of("select(2, xpcall(error, function(e) return e .. '!' end, 'mine'))"), "=mine!");
  EXPECT_EQ(value_of("select(3, xpcall(function(...) return ... end, error, 4, 5))"), "=5");
}

TEST(ScriptLibrary, HasNothingThatReachesOutside) {
  for (const std::string& name :
       std::vector<std::string>{"io", "os", "package", "require", "debug", "load", "loadfile", "dofile",
                                "coroutine", "print", "warn", "string.dump"}) {
    EXPECT_EQ(value_of(name), "=nil") << name;
  }
  EXPECT_EQ(value_of("getmetatable(_G)"), "=globals");
  EXPECT_EQ(value_of("_G.tostring == tostring"), "=true");
  EXPECT_EQ(value_of("collectgarbage('count') > 1"), "=true");
}

/// Every pattern against every subject through all four functions, a line each.
constexpr std::string_view pattern_lines = R"lua(
local subjects = {'', 'a', 'aaa', 'hello world', 'key = value', '(a(b)c) d)', 'THE (quick) fox', 'x^2 + [y]',
                  'a,b,,c', '  trim  ', '0x1F 077 -12.5', 'a\0b]c^d-e', 'abcabcabc', '%d%%'}
local patterns = {'', 'a', 'a*', 'a+', 'a-', 'a?', '.', '.-', '.*b', '^a', 'a$', '^$', '$', '%w+', '%W+', '%a%s?%a',
                  '[abc]+', '[^abc]+', '[a-c]', '[%w_]+', '[]]', '[^]]', '[a-]', '[-a]', '[%a-z]', '(%w+)',
                  '(%w+) (%w+)', '()ll()', '(a*(.)%w(%s*))', '%b()', '%f[%w]%w+', '%f[%W]', '(.)%1',
                  '([abc])[abc]*%1', '%d+', '%x+', '%-', '%.', '%p', '%u%l*', '^%s*(.-)%s*$',
                  '^(%w+)%s*=%s*(%w+)$', '[^,]*', '(a)(b)?', '%', '[', '[a', '(', ')', '%b', '%f', '%1', '(%1)',
                  'x%0', '[%', '^*', '**', 'a**', '%g+', '%c', '\0'}
local ways = {function(s, p) return s:find(p) end, function(s, p) return s:find(p, -3) end,
              function(s, p) return s:find(p, 1, true) end, function(s, p) return s:match(p) end,
              function(s, p) return s:match(p, 3) end, function(s, p) return s:gsub(p, '<%0>') end,
              function(s, p) return s:gsub(p, '<%1>', 2) end,
              function(s, p) return s:gsub(p, {a = 'A', b = false}) end,
              function(s, p) return s:gsub(p, function(a, b) return b end) end,
              function(s, p)
                local out = {}
                for a, b in s:gmatch(p) do out[#out + 1] = tostring(a) .. '/' .. tostring(b) end
                return table.concat(out, ' ')
              end}
local lines = {}
for _, s in ipairs(subjects) do
  for _, p in ipairs(patterns) do
    for number, way in ipairs(ways) do
      local got = table.pack(pcall(way, s, p))
      for i = 1, got.n do got[i] = tostring(got[i]) end
      if got[1] == 'false' then got[2] = got[2]:gsub('^.-:%d+: ', '') end
      lines[#lines + 1] = s .. ' ' .. p .. ' ' .. number .. ': ' .. table.concat(got, '|')
    end
  end
end
)lua";

std::string lines_of_lua_itself() {
  lua_State* const L = luaL_newstate();
  luaL_openlibs(L);
  const auto text = std::string(pattern_lines) + "return table.concat(lines, '\\n')";
  EXPECT_FALSE(luaL_dostring(L, text.c_str())) << lua_tostring(L, -1);
  std::size_t size = 0;
  const char* const made = lua_tolstring(L, -1, &size);
  std::string out(made, size);
  lua_close(L);
  return out;
}

TEST(ScriptLibrary, MatchesPatternsAsLuaDoes) {
  const auto expected = lines_of_lua_itself();
  EXPECT_GT(std::ranges::count(expected, '\n'), 8'000);
  scripted_desk one("function on_event(asked)\n" + std::string(pattern_lines) +
                        "local from = 1\n"
                        "for _, line in ipairs(lines) do\n"
                        "  local theirs = asked.d:sub(from, from + #line - 1)\n"
                        "  if theirs ~= line then error('have ' .. line .. ' want ' .. theirs, 0) end\n"
                        "  from = from + #line + 1\n"
                        "end\n"
                        "assert(from == #asked.d + 2)\nend",
                    {.instructions_max = 100'000'000, .memory_max = 64 << 20});
  ASSERT_EQ(one.problem, "");
  (void)one.asked.on_event.ask({.type = "X", .d = expected},
                               [](const event_question&) { return event_answer{}; });
  EXPECT_EQ(one.asked.on_event.status().last_failure, "");
}

}  // namespace
}  // namespace evergate::decide::controllers_test
