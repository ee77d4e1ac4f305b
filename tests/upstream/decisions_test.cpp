// What overridden controllers change about a session and about turns to identify.
#include <gtest/gtest.h>

#include "session_script.h"

namespace evergate::upstream {
namespace {

using namespace std::chrono_literals;
using enum session_state;

session_options with(const decide::desk& decisions) {
  auto out = session_script::options();
  out.decisions = &decisions;
  return out;
}

TEST(Decisions, JudgeCloseHasTheLastWord) {
  controller_table table;
  close_question seen;
  table.judge_close = [&seen](const auto& asked, const auto& standard) {
    seen = asked;
    return asked.code == 4000 ? close_verdict::identify : standard(asked);
  };
  const decide::desk desk(table, nullptr, 1s);
  session_script s(std::nullopt, with(desk));
  s.go_live().closed(4000);
  EXPECT_EQ(seen.shard, 3u);
  EXPECT_EQ(seen.shards, 8u);
  EXPECT_TRUE(seen.session);
  ASSERT_EQ(s.gaps.size(), 1u);
  EXPECT_FALSE(s.machine.has_session());
}

TEST(Decisions, JudgeCloseThatThrowsLeavesTheSession) {
  controller_table table;
  table.judge_close = [](const auto&, const auto&) -> close_verdict { throw std::runtime_error("no"); };
  const decide::desk desk(table, nullptr, 1s);
  session_script s(std::nullopt, with(desk));
  s.go_live().closed(4000);
  EXPECT_TRUE(s.machine.has_session());
  EXPECT_EQ(desk.judge_close.status().failures, 1u);
}

TEST(Decisions, AnInvalidSessionMayBeTakenForResumable) {
  controller_table table;
  table.judge_invalid_session = [](const auto&, const auto&) { return true; };
  const decide::desk desk(table, nullptr, 1s);
  session_script s(std::nullopt, with(desk));
  s.go_live().payload(9, "false");
  EXPECT_TRUE(s.machine.has_session());
  EXPECT_TRUE(s.gaps.empty());
}

TEST(Decisions, ReconnectDelayIsThePause) {
  controller_table table;
  table.reconnect_delay = [](const auto&, const auto&) { return 7s; };
  const decide::desk desk(table, nullptr, 1s);
  session_script s(std::nullopt, with(desk));
  s.go_live().closed(1006);
  EXPECT_EQ(s.timers.at(timer_kind::reconnect), s.now + 7s);
}

TEST(Decisions, MakePresenceGoesWithTheIdentify) {
  controller_table table;
  table.make_presence = [](const auto& asked, const auto& standard) {
    return asked.shard == 3 ? std::string(R"({"status":"dnd"})") : standard(asked);
  };
  const decide::desk desk(table, nullptr, 1s);
  session_script s(std::nullopt, with(desk));
  s.go_live();
  EXPECT_NE(s.sent.front().find(R"("status":"dnd")"), std::string::npos) << s.sent.front();
}

}  // namespace
}  // namespace evergate::upstream
