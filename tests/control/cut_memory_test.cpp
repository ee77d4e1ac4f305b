// What a resharding keeps in memory: nothing of a guild of which nothing is compared, and altogether no more
// than its bound, of which a guild that bursts takes nothing from the others.
#include "control/lean_queue.h"

#include "two_fleets.h"

namespace evergate::control::cutover_cases {
namespace {

TEST(LeanQueue, KeepsItsOrder) {
  lean_queue<std::string> queue;
  const lean_queue<std::string>& same = queue;
  for (const char* one : {"a", "b", "c", "d", "e"}) queue.push_back(one);
  queue.pop_front();
  EXPECT_EQ(queue.front(), "b");
  queue.erase(std::next(queue.begin(), 2));  // d
  EXPECT_EQ(queue.push_back("f"), "f");
  EXPECT_EQ(std::vector<std::string>(same.begin(), same.end()),
            (std::vector<std::string>{"b", "c", "e", "f"}));
  EXPECT_EQ(same[2], "e");
  EXPECT_EQ(same.size(), 4U);
}

TEST(LeanQueue, HoldsNoMemoryWhileItIsEmptyAndLittleAfterABurst) {
  lean_queue<std::string> queue;
  EXPECT_EQ(queue.capacity(), 0U);
  for (int i = 0; i < 10'000; ++i) queue.push_back("x");
  while (queue.size() > 10) queue.pop_front();
  EXPECT_LE(queue.capacity(), 40U);
  while (!queue.empty()) queue.pop_front();
  EXPECT_EQ(queue.capacity(), 0U);
  queue.push_back("x");
  queue.clear();
  EXPECT_EQ(queue.capacity(), 0U);
}

class CutMemory : public Cutover {
 protected:
  static constexpr std::size_t most = 8'000;

  CutMemory() {
    auto few = options();
    few.held_bytes_max = most;
    made = std::make_unique<cutover>(few, fleet_shape{2}, fleet_shape{3}, now);
    prepare();
  }
  /// Held of the guild, until the next event would be too much; how much that would be.
  std::size_t fill(std::uint64_t number) {
    std::size_t one = 0;
    while (made->held_bytes() + one <= most) {
      const auto before = made->held_bytes();
      message(new_fleet, guild(number), ++id);
      one = made->held_bytes() - before;
    }
    return one;
  }
  bool at_event(std::uint64_t number) const {
    return std::ranges::any_of(
        moves, [&](const auto& m) { return m.guild == guild(number) && m.kind == cut_kind::unique_event; });
  }
  int id = 1'000;
};

TEST_F(CutMemory, AGuildThatBurstsTakesNothingFromTheOthers) {
  message(new_fleet, guild(2), 9'500);
  const auto one = fill(1);
  message(new_fleet, guild(3), 9'501);  // too much: what is let go of is the first guild's
  EXPECT_EQ(made->held_bytes(), 2 * one);
  open();
  message(old_fleet, guild(2), 9'500);
  message(old_fleet, guild(3), 9'501);
  EXPECT_TRUE(at_event(2));
  EXPECT_TRUE(at_event(3));
}

TEST_F(CutMemory, WhatTellsDeliveredEventsCounts) {
  message(old_fleet, guild(1), 1);
  EXPECT_EQ(made->held_bytes(), sizeof(guild_cut::seen_event));
  for (int i = 2; i < 1'000; ++i) {
    message(old_fleet, guild(1), i);
    EXPECT_LE(made->held_bytes(), most);
  }
}

TEST_F(CutMemory, WhatCannotBeLetGoOfCostsTheOthersTheirWindowsNowAndThenOnly) {
  open();
  message(old_fleet, guild(1), 1);
  message(old_fleet, guild(1), 2);
  message(new_fleet, guild(1), 1);  // a handover: 2 is owed
  while (made->held_bytes() <= most) message(old_fleet, guild(1), ++id);
  message(new_fleet, guild(2), 9'500);
  message(old_fleet, guild(2), 9'500);
  EXPECT_TRUE(at_event(2));
  message(new_fleet, guild(1), 2);
  EXPECT_TRUE(at_event(1));
}

TEST_F(CutMemory, NothingIsKeptOnceAllIsCompared) {
  open();
  for (int i = 10; i < 20; ++i) {
    message(old_fleet, guild(1), i);
    message(new_fleet, guild(1), i);
  }
  EXPECT_GT(made->held_bytes(), 0U);
  for (int i = 0; i < 3; ++i) prove_all();
  ASSERT_TRUE(made->complete());
  EXPECT_EQ(made->held_bytes(), 0U);
  message(old_fleet, guild(1), 20);  // the other copy is awaited
  message(new_fleet, guild(2), 21);
  EXPECT_GT(made->held_bytes(), 0U);
  EXPECT_TRUE(made->close(old_fleet, 0));
  EXPECT_TRUE(made->close(old_fleet, 1));
  EXPECT_EQ(made->held_bytes(), 0U);
}

}  // namespace
}  // namespace evergate::control::cutover_cases
