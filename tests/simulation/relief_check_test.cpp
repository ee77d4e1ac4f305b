#include "relief_check.h"

#include <gtest/gtest.h>

namespace evergate::simulation {
namespace {

constexpr std::size_t ephemeral = 0;
constexpr std::size_t message = 1;
constexpr std::size_t state = 2;

/// Four events are allowed, none older than a minute. Each row is a stretch of its own of 100 bytes.
class ReliefCheckTest : public testing::Test {
 protected:
  void rows(std::string_view letters, std::int64_t time_ms = now_ms) {
    for (const char letter : letters) {
      const std::size_t kind = letter == 'e' ? ephemeral : letter == 'm' ? message : state;
      check_.row(++offset_, kind);
      look_.before[kind].push_back({flow::offset{offset_}, flow::offset{offset_}, 1, 100, time_ms});
    }
  }
  /// One look that moves each class to there.
  void gives_up(std::array<std::uint64_t, 3> to) {
    look_.now_ms = now_ms;
    for (std::size_t kind = 0; kind < 3; ++kind) {
      look_.to[kind] = flow::offset{to[kind]};
      for (const auto& one : look_.before[kind]) {
        if (one.last > look_.to[kind]) {
          look_.after[kind].push_back(one);
        } else {
          look_.given_up[kind] += miscount_ ? 2 : 1;
        }
      }
    }
    check_.looked(look_, [](std::size_t) { return 0; });
  }
  std::string verdict() const { return check_.findings().empty() ? "" : check_.findings().front(); }

  static constexpr std::int64_t now_ms = 1'000'000;
  relief_check check_{{.events = 4, .bytes = 0, .age_ms = 60'000}};
  relief_look look_;
  bool miscount_ = false;
  std::uint64_t offset_ = 0;
};

TEST_F(ReliefCheckTest, IsContentWithWhatThePolicyTakes) {
  rows("memsms");
  gives_up({2, 1, 0});
  EXPECT_EQ(verdict(), "");
  EXPECT_TRUE(check_.given_up(1));
  EXPECT_TRUE(check_.given_up(2));
  EXPECT_FALSE(check_.given_up(3));
}

TEST_F(ReliefCheckTest, WhatIsTooOldGoesWhateverItIs) {
  rows("se", 900'000);
  rows("m");
  gives_up({2, 0, 1});
  EXPECT_EQ(verdict(), "");
}

TEST_F(ReliefCheckTest, SeesWhatIsTooOldWait) {
  rows("s", 900'000);
  gives_up({0, 0, 0});
  EXPECT_EQ(verdict(), "relief: state events that are too old wait");
}

TEST_F(ReliefCheckTest, SeesABoundThatIsNotKept) {
  rows("mmmmm");
  gives_up({0, 0, 0});
  EXPECT_EQ(verdict(), "relief: 5 events of 500 bytes wait, 4 and 0 are allowed");
}

TEST_F(ReliefCheckTest, SeesWhatIsGivenUpWithoutNeed) {
  rows("mmmm");
  gives_up({0, 1, 0});
  EXPECT_EQ(verdict(),
            "relief: 3 events of 300 bytes are left of 4 and 0 allowed, after 1 of 100 bytes too many were "
            "given up");
}

TEST_F(ReliefCheckTest, SeesMessagesGoBeforeEphemeralEvents) {
  rows("mmmme");
  gives_up({0, 1, 0});
  EXPECT_EQ(verdict(), "relief: message events went before ephemeral ones");
}

TEST_F(ReliefCheckTest, SeesWhatIsMiscounted) {
  miscount_ = true;
  rows("mmmmm");
  gives_up({0, 1, 0});
  EXPECT_EQ(verdict(), "relief: 1 message events were given up, counted are 2");
}

TEST_F(ReliefCheckTest, WhatIsStoredIsToldInGapRecords) {
  check_.gap(3, 1);
  check_.stored({7, 3, 1});
  EXPECT_EQ(verdict(), "");
  check_.stored({7, 4, 1});
  EXPECT_EQ(verdict(), "relief: 4 message events are given up, GAP records tell of 3");
}

}  // namespace
}  // namespace evergate::simulation
