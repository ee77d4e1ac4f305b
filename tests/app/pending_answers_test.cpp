#include "app/pending_answers.h"

#include <gtest/gtest.h>

#include <string>

#include "app/errc.h"

namespace evergate::app::pending_answers_cases {
namespace {

TEST(PendingAnswers, WhoeverWaitsAtTheEndIsRefusedOnce) {
  pending_answers pending;
  std::string told;
  const auto first = pending.add([&](const base::error& why) { told += "first " + why.detail; });
  const auto second = pending.add([&](const base::error&) { told += "second "; });
  EXPECT_TRUE(pending.take(second));
  EXPECT_FALSE(pending.take(second));
  int calls = 0;
  const base::error why{make_error_code(errc::not_now), "stopping"};
  const auto call = [&](const std::function<void()>& one) {
    ++calls;
    one();
  };
  pending.end(why, call);
  EXPECT_EQ(told, "first stopping");
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(pending.take(first)) << "the journal's answer comes too late";
  EXPECT_EQ(pending.add([](const base::error&) { FAIL(); }), 0U);
  pending.end(why, call);
}

}  // namespace
}  // namespace evergate::app::pending_answers_cases
