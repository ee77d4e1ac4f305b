#include "guild_history.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace evergate::simulation {
namespace {

using enum guild_standing;

constexpr proto::snowflake even_a = 2ULL << 22;
constexpr proto::snowflake even_b = 4ULL << 22;
constexpr proto::snowflake odd = 3ULL << 22;
constexpr proto::shard_key everything{0, 1};

base::instant at(int seconds) {
  return base::instant{base::seconds{seconds}};
}

/// A fleet of two shards: the even guilds are shard 0's, the odd one is shard 1's. The daemon starts at 0.
class GuildHistoryTest : public testing::Test {
 protected:
  GuildHistoryTest() { history_.daemon_started(at(0)); }
  void ready(std::uint32_t shard, const std::vector<proto::snowflake>& guilds, int seconds) {
    history_.announced({shard, 2}, guilds, flow::offset{++offset_}, at(seconds));
  }
  void comes(proto::snowflake guild, int seconds) {
    history_.news((guild >> 22) % 2, at(seconds));
    stands(guild, there, seconds);
  }
  void stands(proto::snowflake guild, guild_standing how, int seconds) {
    history_.stands(guild, how, flow::offset{++offset_}, at(seconds));
  }
  std::string owed(int asked, int given, proto::shard_key lane = everything) {
    return history_.owed(lane, at(asked), at(given));
  }

  guild_history history_{base::seconds{15}, base::milliseconds{0}};
  std::uint64_t offset_ = 0;
};

TEST_F(GuildHistoryTest, OwesNothingWhenAllGuildsOfAllShardsHaveCome) {
  ready(0, {even_a, even_b}, 1);
  ready(1, {odd}, 2);
  comes(even_a, 3);
  comes(even_b, 4);
  comes(odd, 5);
  EXPECT_EQ(owed(1, 5), "");
}

TEST_F(GuildHistoryTest, OwesTheReadyOfEveryShard) {
  EXPECT_EQ(owed(0, 1), "no shard has had a READY");
  ready(0, {even_a}, 1);
  comes(even_a, 2);
  EXPECT_EQ(owed(0, 100), "shard 1 has had no READY");
}

TEST_F(GuildHistoryTest, OwesAGuildThatHasNotCome) {
  ready(0, {even_a, even_b}, 1);
  ready(1, {}, 1);
  comes(even_a, 2);
  EXPECT_NE(owed(1, 3).find(fmt::format("guild {}", even_b)), std::string::npos);
}

TEST_F(GuildHistoryTest, OwesALaneItsOwnGuildsOnly) {
  ready(0, {even_a}, 1);
  ready(1, {odd}, 1);
  comes(even_a, 2);
  EXPECT_EQ(owed(1, 3, {0, 2}), "");
  EXPECT_NE(owed(1, 3, {1, 2}), "");
}

TEST_F(GuildHistoryTest, DoesNotOweAGuildThatIsDownOrGone) {
  ready(0, {even_a, even_b}, 1);
  ready(1, {}, 1);
  stands(even_a, down, 2);
  stands(even_b, gone, 2);
  EXPECT_EQ(owed(1, 2), "");
}

TEST_F(GuildHistoryTest, StopsOwingWhatAShardHasNotSentForLong) {
  ready(0, {even_a, even_b}, 1);
  ready(1, {}, 1);
  comes(even_a, 10);
  EXPECT_NE(owed(1, 24), "");
  EXPECT_EQ(owed(1, 25), "");
}

TEST_F(GuildHistoryTest, OwesAnewWhenAnotherReadyAnnouncesTheGuild) {
  ready(0, {even_a}, 1);
  ready(1, {}, 1);
  EXPECT_EQ(owed(20, 20), "");
  ready(0, {even_a}, 30);
  EXPECT_NE(owed(31, 32), "");
}

TEST_F(GuildHistoryTest, OwesAnewWhenTheDaemonComesBack) {
  ready(0, {even_a}, 1);
  ready(1, {}, 1);
  history_.daemon_started(at(30));
  EXPECT_NE(owed(31, 32), "");
}

// The decision falls between the bot's asking and its READY; what changes meanwhile is not held against it.
TEST_F(GuildHistoryTest, IsContentWithAnyMomentInBetween) {
  ready(0, {even_a}, 1);
  ready(1, {}, 1);
  comes(even_a, 5);
  ready(0, {even_a, even_b}, 6);
  EXPECT_EQ(owed(2, 7), "");
  EXPECT_NE(owed(6, 7), "");
}

TEST_F(GuildHistoryTest, TellsHowAGuildStoodAsOfAnOffset) {
  ready(0, {even_a}, 1);
  comes(even_a, 2);
  stands(even_a, down, 3);
  EXPECT_EQ(history_.standing(even_a, flow::offset{0}), unknown);
  EXPECT_EQ(history_.standing(even_a, flow::offset{1}), awaited);
  EXPECT_EQ(history_.standing(even_a, flow::offset{2}), there);
  EXPECT_EQ(history_.standing(even_a, flow::offset{9}), down);
}

}  // namespace
}  // namespace evergate::simulation
