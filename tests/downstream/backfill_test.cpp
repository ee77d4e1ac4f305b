#include "downstream/backfill.h"

#include <gtest/gtest.h>

#include "fake_journal.h"
#include "frames_read.h"

namespace evergate::downstream {
namespace {

using testing::json_in;

std::string document(proto::snowflake id, int version) {
  return fmt::format(
      R"({{"id":"{}","unavailable":false,"version":{},"members":[],"presences":[],"voice_states":[]}})", id,
      version);
}

class BackfillTest : public ::testing::Test {
 protected:
  std::vector<nlohmann::json> run(std::shared_ptr<lane_grant> grant) {
    backfill b(journal_, writer_);
    std::string out;
    EXPECT_TRUE(b.start(grant, "ws://here", out));
    int pieces = 1;
    while (!*b.pump(1, out)) ++pieces;
    auto frames = json_in(out);
    EXPECT_EQ(b.seq(), frames.size());
    EXPECT_EQ(b.self(), 5u);
    EXPECT_GE(pieces, 1);
    return frames;
  }
  std::shared_ptr<lane_grant> grant(proto::shard_key lane, std::uint64_t start,
                                    proto::intent_bits intents = proto::intent::all) {
    auto out = std::make_shared<lane_grant>();
    out->session.id = "own";
    out->session.lane = lane;
    out->session.intents = intents;
    out->start = flow::offset{start};
    out->older = std::make_shared<const due>();
    return out;
  }
  testing::fake_journal journal_;
  frame_writer writer_{proto::compression::none};
};

TEST_F(BackfillTest, ReadyThenEachGuildAsOfTheCursor) {
  const proto::snowflake a = 2ULL << 22;
  const proto::snowflake b = 4ULL << 22;
  const proto::snowflake other = 3ULL << 22;
  journal_.message(a, 1);
  journal_.set_guild(a, document(a, 1));
  journal_.set_guild(b, "");
  journal_.set_guild(other, document(other, 1));
  journal_.message(a, 2);
  journal_.set_guild(a, document(a, 2));
  const auto got = run(grant({0, 2}, 1));
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0]["t"], "READY");
  EXPECT_EQ(got[0]["s"], 1);
  EXPECT_EQ(got[0]["d"]["guilds"].size(), 2u);
  EXPECT_EQ(got[0]["d"]["session_id"], "own");
  EXPECT_EQ(got[0]["d"]["extra"]["kept"][0], 1);
  EXPECT_EQ(got[1]["t"], "GUILD_CREATE");
  EXPECT_EQ(got[1]["s"], 2);
  EXPECT_EQ(got[1]["d"]["version"], 1);
  EXPECT_EQ(got[1]["d"]["unavailable"], false);
  EXPECT_EQ(got[2]["t"], "GUILD_DELETE");
  EXPECT_EQ(got[2]["d"], (nlohmann::json{{"id", std::to_string(b)}, {"unavailable", true}}));
}

TEST_F(BackfillTest, WithoutGuildsIntentReadyIsAll) {
  journal_.set_guild(2ULL << 22, document(2ULL << 22, 1));
  const auto got = run(grant({0, 1}, 0, proto::intent::guild_messages));
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0]["d"]["guilds"].size(), 1u);
}

TEST_F(BackfillTest, AfterAChangeOfLanesEachGuildStandsAtItsOwnCursor) {
  const proto::snowflake even = 2ULL << 22;
  const proto::snowflake odd = 3ULL << 22;
  const proto::snowflake late = 5ULL << 22;
  for (int i = 1; i <= 3; ++i) {
    journal_.message(even, i);
    journal_.set_guild(even, document(even, i));
    journal_.set_guild(odd, document(odd, i));
  }
  journal_.set_guild(late, document(late, 1));
  auto from = grant({0, 1}, 1);
  from->older =
      std::make_shared<const due>(std::vector<flow::layout_record>{{2, {flow::offset{1}, flow::offset{2}}}});
  const auto got = run(from);
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[1]["d"]["id"], std::to_string(even));
  EXPECT_EQ(got[1]["d"]["version"], 1);
  EXPECT_EQ(got[2]["d"]["id"], std::to_string(odd));
  EXPECT_EQ(got[2]["d"]["version"], 2);
}

TEST_F(BackfillTest, FailsOnAReadyThatIsNone) {
  journal_.set_ready("nonsense");
  backfill b(journal_, writer_);
  std::string out;
  EXPECT_FALSE(b.start(grant({0, 1}, 0), "ws://here", out));
}

TEST_F(BackfillTest, MakeReadyMayChangeAllButTheSession) {
  controller_table table;
  std::string answer = R"({"session_id":"own","v":10,"mine":true})";
  table.make_ready = [&answer](const auto& asked, const auto&) {
    EXPECT_NE(asked.d.find(R"("session_id":"own")"), std::string_view::npos);
    return answer;
  };
  const decide::desk decisions(table, nullptr, std::chrono::seconds(1));
  consumer_policy policy;
  policy.decisions = &decisions;
  auto from = grant({0, 1}, 0);
  from->policy = std::make_shared<const consumer_policy>(policy);
  EXPECT_EQ(run(from)[0]["d"]["mine"], true);
  answer = R"({"session_id":"another","mine":true})";
  EXPECT_EQ(run(from)[0]["d"]["session_id"], "own");
  EXPECT_EQ(decisions.make_ready.status().failures, 1u);
}

}  // namespace
}  // namespace evergate::downstream
