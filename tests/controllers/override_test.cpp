#include <gtest/gtest.h>

#include <set>

#include "controller_cases.h"
#include "scripted_desk.h"

namespace evergate::decide::controllers_test {
namespace {

controller_status status_of(const desk& from, std::string_view name) {
  for (auto& one : from.status()) {
    if (one.name == name) return one;
  }
  return {};
}

std::string shown(const testing::TestParamInfo<controller_case>& info) {
  return info.param.name;
}

class Override : public testing::TestWithParam<controller_case> {};
INSTANTIATE_TEST_SUITE_P(Controllers, Override, testing::ValuesIn(controller_cases()), shown);

TEST_P(Override, NothingChangesWithoutOne) {
  EXPECT_EQ(GetParam().ask(desk::plain()), GetParam().standard);
}

TEST_P(Override, InCppChangesTheAnswer) {
  controller_table table;
  GetParam().cpp.changing(table);
  const desk one(table, nullptr, std::chrono::seconds(10));
  EXPECT_EQ(GetParam().ask(one), GetParam().changed);
  const auto status = status_of(one, GetParam().name);
  EXPECT_TRUE(status.in_cpp);
  EXPECT_EQ(status.calls, 1u);
  EXPECT_EQ(status.last_failure, "");
}

TEST_P(Override, InLuaChangesTheAnswer) {
  scripted_desk one(GetParam().lua);
  ASSERT_EQ(one.problem, "");
  EXPECT_EQ(GetParam().ask(one.asked), GetParam().changed);
  const auto status = status_of(one.asked, GetParam().name);
  EXPECT_TRUE(status.in_lua);
  EXPECT_FALSE(status.in_cpp);
  EXPECT_EQ(status.calls, 1u);
  EXPECT_EQ(status.last_failure, "");
}

TEST_P(Override, TheScriptsStandardIsTheFunctionsAnswer) {
  controller_table table;
  GetParam().cpp.changing(table);
  scripted_desk one("function " + GetParam().name + "(asked, standard) return standard(asked) end", {},
                    table);
  ASSERT_EQ(one.problem, "");
  EXPECT_EQ(GetParam().ask(one.asked), GetParam().changed);
  EXPECT_EQ(status_of(one.asked, GetParam().name).last_failure, "");
}

TEST_P(Override, TheStandardMayBeAskedWithoutAQuestion) {
  scripted_desk one("function " + GetParam().name + "(asked, standard) return standard() end");
  EXPECT_EQ(GetParam().ask(one.asked), GetParam().standard);
  EXPECT_EQ(status_of(one.asked, GetParam().name).last_failure, "");
}

TEST_P(Override, EveryFieldCanBeWalkedAndHandedOn) {
  scripted_desk one("function " + GetParam().name +
                    "(asked, standard)\n"
                    "  local other, count = {}, 0\n"
                    "  for name, value in pairs(asked) do other[name] = value; count = count + 1 end\n"
                    "  assert(count > 0)\n"
                    "  return standard(other)\nend");
  EXPECT_EQ(GetParam().ask(one.asked), GetParam().standard);
  EXPECT_EQ(status_of(one.asked, GetParam().name).last_failure, "");
}

TEST_P(Override, OfTheWrongKindIsAFailure) {
  scripted_desk one("function " + GetParam().name + "() return function() end end");
  EXPECT_EQ(GetParam().ask(one.asked), GetParam().standard);
  const auto status = status_of(one.asked, GetParam().name);
  EXPECT_EQ(status.failures, 1u);
  EXPECT_TRUE(status.last_failure.starts_with("answered function, allowed ")) << status.last_failure;
}

TEST_P(Override, ThatThrowsInCppIsAFailure) {
  controller_table table;
  GetParam().cpp.throwing(table);
  const desk one(table, nullptr, std::chrono::seconds(10));
  EXPECT_EQ(GetParam().ask(one), GetParam().standard);
  const auto status = status_of(one, GetParam().name);
  EXPECT_EQ(status.failures, 1u);
  EXPECT_EQ(status.last_failure, "no idea");
}

TEST_P(Override, ThatRaisesInLuaLeavesTheFunctionsAnswer) {
  controller_table table;
  GetParam().cpp.changing(table);
  scripted_desk one("function " + GetParam().name + "(asked, standard) error('no idea', 0) end", {}, table);
  EXPECT_EQ(GetParam().ask(one.asked), GetParam().changed);
  const auto status = status_of(one.asked, GetParam().name);
  EXPECT_EQ(status.failures, 1u);
  EXPECT_EQ(status.last_failure, "no idea");
}

TEST(Overrides, ThereIsACaseForEveryController) {
  std::set<std::string> tested;
  for (const auto& one : controller_cases()) tested.insert(one.name);
  std::set<std::string> names;
  for (const auto& one : desk::plain().status()) names.insert(one.name);
  EXPECT_EQ(tested, names);
}

}  // namespace
}  // namespace evergate::decide::controllers_test
