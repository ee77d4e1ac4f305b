// What scripts are given, run as scripts: an expression's value comes back as text through make_presence.
#include <gtest/gtest.h>

#include <lua.hpp>
#include <string>

#include "scripted_desk.h"

namespace evergate::decide::controllers_test {
namespace {

/// tostring() of the expression, or what failed.
std::string value_of(const std::string& expression) {
  scripted_desk one("function on_event(asked) error('=' .. tostring((" + expression + ")), 0) end");
  if (!one.problem.empty()) return one.problem;
  (void)one.asked.on_event.ask({.type = "X", .d = "{}"}, [](const event_question&) { return event_answer{}; });
  return one.asked.on_event.status().last_failure;
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
  EXPECT_TRUE(value_of("evergate.json.decode('{')").starts_with("json: ")) << value_of("evergate.json.decode('{')");
}

TEST(ScriptLibrary, DecodesAgainAfterAFailure) {
  EXPECT_EQ(value_of("not pcall(evergate.json.decode, '{') and evergate.json.decode('[5]')[1]"), "=5");
  EXPECT_EQ(value_of("not pcall(evergate.json.decode, string.rep('[', 70) .. string.rep(']', 70)) and "
                     "evergate.json.decode('[5]')[1]"),
            "=5");
}

TEST(ScriptLibrary, CatchesTheScriptsOwnErrors) {
  EXPECT_EQ(value_of("select(2, pcall(error, 'mine'))"), "=mine");
  EXPECT_EQ(value_of("select('#', pcall(function() return 1, nil, 3 end))"), "=4");
  EXPECT_EQ(value_of("select(2, xpcall(error, function(e) return e .. '!' end, 'mine'))"), "=mine!");
  EXPECT_EQ(value_of("select(3, xpcall(function(...) return ... end, error, 4, 5))"), "=5");
}

TEST(ScriptLibrary, HasNothingThatReachesOutside) {
  for (const std::string name : {"io", "os", "package", "require", "debug", "load", "loadfile", "dofile",
                                 "coroutine", "print", "warn", "string.dump"}) {
    EXPECT_EQ(value_of(name), "=nil") << name;
  }
  EXPECT_EQ(value_of("getmetatable(_G)"), "=globals");
  EXPECT_EQ(value_of("_G.tostring == tostring"), "=true");
  EXPECT_EQ(value_of("collectgarbage('count') > 1"), "=true");
}

/// Lua's own functions, in a state without limits.
std::string lua_itself(const std::string& expression) {
  lua_State* const L = luaL_newstate();
  luaL_openlibs(L);
  const auto text = "return '=' .. tostring((" + expression + "))";
  (void)luaL_dostring(L, text.c_str());
  std::string out = lua_tostring(L, -1);
  lua_close(L);
  if (const auto place = out.find(":1: "); place != std::string::npos) out.erase(0, place + 4);
  return out;
}

/// Every pattern against every subject, through all four functions, as Lua itself does it.
TEST(ScriptLibrary, MatchesPatternsAsLuaDoes) {
  const std::vector<std::string> subjects{"", "a", "aaa", "hello world", "key = value", "(a(b)c) d)",
                                          "THE (quick) fox", "x^2 + [y]", "a,b,,c", "  trim  ", "0x1F 077 -12.5",
                                          "a\\0b]c^d-e", "abcabcabc", "%d%%"};
  const std::vector<std::string> patterns{
      "", "a", "a*", "a+", "a-", "a?", ".", ".-", ".*b", "^a", "a$", "^$", "$", "%w+", "%W+", "%a%s?%a", "[abc]+",
      "[^abc]+", "[a-c]", "[%w_]+", "[]]", "[^]]", "[a-]", "[-a]", "[%a-z]", "(%w+)", "(%w+) (%w+)", "()ll()",
      "(a*(.)%w(%s*))", "%b()", "%f[%w]%w+", "%f[%W]", "(.)%1", "([abc])[abc]*%1", "%d+", "%x+", "%-", "%.", "%p",
      "%u%l*", "^%s*(.-)%s*$", "^(%w+)%s*=%s*(%w+)$", "[^,]*", "(a)(b)?", "%", "[", "[a", "(", ")", "%b", "%f",
      "%1", "(%1)", "x%0", "[%", "^*", "**", "a**", "%g+", "%c", "\\0"};
  for (const auto& subject : subjects) {
    for (const auto& pattern : patterns) {
      const auto arguments = "('" + subject + "'):";
      for (const std::string call :
           {"table.concat({" + arguments + "find('" + pattern + "')}, '|')",
            "table.concat({" + arguments + "find('" + pattern + "', -3)}, '|')",
            "table.concat({" + arguments + "match('" + pattern + "')}, '|')",
            "table.concat({" + arguments + "match('" + pattern + "', 3)}, '|')",
            "table.concat({" + arguments + "gsub('" + pattern + "', '<%0>')}, '|')",
            "table.concat({" + arguments + "gsub('" + pattern + "', '<%1>', 2)}, '|')",
            "table.concat({" + arguments + "gsub('" + pattern + "', {a = 'A', b = false})}, '|')",
            "(function() local t = {} for a, b in " + arguments + "gmatch('" + pattern +
                "') do t[#t + 1] = a t[#t + 1] = b end return table.concat(t, '|') end)()"}) {
        auto ours = value_of(call);
        if (const auto place = ours.find(":1: "); place != std::string::npos) ours.erase(0, place + 4);
        ASSERT_EQ(ours, lua_itself(call)) << call;
      }
    }
  }
}

}  // namespace
}  // namespace evergate::decide::controllers_test
