#include "flow/command.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace evergate::flow {
namespace {

TEST(reply_table, finds_the_asker_until_the_last_reply) {
  reply_table table(10, 7);
  const std::string nonce = table.add({5, "\"mine\""});
  EXPECT_LE(nonce.size(), 32u);
  EXPECT_TRUE(reply_table::ours(nonce));
  const auto first = table.find(nonce, false);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->first.session, 5u);
  EXPECT_EQ(first->first.nonce, "\"mine\"");
  EXPECT_TRUE(table.find(nonce, true));
  EXPECT_FALSE(table.find(nonce, true));
}

TEST(reply_table, gives_each_request_a_nonce_of_its_own) {
  reply_table table(10, 0xffff'ffff'ffff'ffff);
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const std::string nonce = table.add({1, {}});
    EXPECT_LE(nonce.size(), 32u);
    EXPECT_TRUE(seen.insert(nonce).second);
  }
}

TEST(reply_table, knows_foreign_nonces_and_those_of_other_runs) {
  reply_table before(10, 1);
  reply_table now(10, 2);
  const std::string late = before.add({5, {}});
  (void)now.add({6, {}});
  EXPECT_TRUE(reply_table::ours(late));
  EXPECT_FALSE(now.find(late, true));
  for (const std::string_view nonce :
       {"", "abc", "eg-", "eg-00000000002", "eg-00000000002-", "eg-00000000002-xyz", "eg-00000000002x1",
        "EG-00000000002-1", "eg-0000000000g-1", "eg-00000000002-12345678901234567", "eg-00000000002-1 "}) {
    EXPECT_FALSE(reply_table::ours(nonce)) << nonce;
    EXPECT_FALSE(now.find(nonce, true)) << nonce;
  }
}

TEST(reply_table, forgets_the_oldest_when_full) {
  reply_table table(3, 1);
  std::vector<std::string> nonces;
  for (std::uint32_t i = 0; i < 5; ++i) nonces.push_back(table.add({i, {}}));
  EXPECT_FALSE(table.find(nonces[0], false));
  EXPECT_FALSE(table.find(nonces[1], false));
  EXPECT_TRUE(table.find(nonces[2], true));
  (void)table.add({9, {}});
  EXPECT_TRUE(table.find(nonces[3], true));
  EXPECT_TRUE(table.find(nonces[4], true));
}

TEST(reply_table, hands_out_askers_by_guild_oldest_first) {
  reply_table table(10, 1);
  table.add_by_guild(31, 100, {1, {}});
  table.add_by_guild(43, 100, {2, {}});
  table.add_by_guild(31, 100, {3, {}});
  table.add_by_guild(31, 101, {4, {}});
  EXPECT_EQ(table.find_by_guild(31, 100)->session, 1u);
  EXPECT_EQ(table.find_by_guild(31, 100)->session, 3u);
  EXPECT_FALSE(table.find_by_guild(31, 100));
  EXPECT_EQ(table.find_by_guild(43, 100)->session, 2u);
  EXPECT_EQ(table.find_by_guild(31, 101)->session, 4u);
}

TEST(reply_table, bounds_those_who_wait_by_guild) {
  reply_table table(2, 1);
  for (std::uint32_t i = 1; i <= 4; ++i) table.add_by_guild(31, i % 2, {i, {}});
  EXPECT_EQ(table.find_by_guild(31, 1)->session, 3u);
  EXPECT_FALSE(table.find_by_guild(31, 1));
  EXPECT_EQ(table.find_by_guild(31, 0)->session, 4u);
  EXPECT_FALSE(table.find_by_guild(31, 0));
}

TEST(reply_table, is_safe_between_threads) {
  reply_table table(100, 1);
  const auto work = [&table] {
    for (std::uint32_t i = 0; i < 2'000; ++i) {
      const std::string nonce = table.add({i, "1"});
      table.add_by_guild(31, i % 7, {i, {}});
      (void)table.find_by_guild(31, (i + 3) % 7);
      const auto who = table.find(nonce, true);
      if (who) EXPECT_EQ(who->first.session, i);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

TEST(ReplyTable, EqualRequestsAreJoinedUntilAnAnswerComesOrTheyAreOld) {
  reply_table table;
  const base::instant now{std::chrono::seconds(100)};
  EXPECT_EQ(table.under_way("k", now), 0u);
  const auto first = table.add({1, {}}, "k", now);
  EXPECT_EQ(table.under_way("k", now), 1u);
  EXPECT_TRUE(table.join("k", {2, {}}, now + reply_table::join_within));
  EXPECT_EQ(table.under_way("k", now), 2u);
  EXPECT_FALSE(table.join("other", {3, {}}, now));
  ASSERT_TRUE(table.find(first, false));
  EXPECT_FALSE(table.join("k", {4, {}}, now)) << "its first chunk has come";
  EXPECT_EQ(table.find(first, true)->joined.size(), 1u);

  const auto second = table.add({5, {}}, "k", now);
  EXPECT_FALSE(table.join("k", {6, {}}, now + reply_table::join_within + std::chrono::milliseconds(1)));
  table.forget(second);
  EXPECT_FALSE(table.find(second, true));
  const auto third = table.add({7, {}}, "k", now);
  const auto fourth = table.add({8, {}}, "k", now);
  ASSERT_TRUE(table.join("k", {9, {}}, now));
  EXPECT_TRUE(table.find(third, true)->joined.empty());
  EXPECT_EQ(table.find(fourth, true)->joined.size(), 1u);
}

TEST(ReplyTable, WhatIsForgottenForWantOfRoomCannotBeJoined) {
  reply_table table(1);
  (void)table.add({1, {}}, "k", {});
  (void)table.add({2, {}}, "l", {});
  EXPECT_FALSE(table.join("k", {3, {}}, {}));
  EXPECT_TRUE(table.join("l", {3, {}}, {}));
}

}  // namespace
}  // namespace evergate::flow
