#include "downstream/interaction_stream.h"

#include <gtest/gtest.h>

#include "fake_journal.h"

namespace evergate::downstream {
namespace {

using namespace std::chrono_literals;

class InteractionStreamTest : public ::testing::Test {
 protected:
  static constexpr proto::snowflake even = 2ULL << 22;
  static constexpr proto::snowflake odd = 3ULL << 22;
  static constexpr std::int64_t day_ms = 1'770'000'000'000;

  void start(std::uint64_t from, proto::shard_key lane = {0, 1},
             std::vector<flow::layout_record> older = {}) {
    auto grant = std::make_shared<lane_grant>();
    grant->session.lane = lane;
    grant->interactions = flow::offset{from};
    grant->older = std::make_shared<const due>(std::move(older));
    stream_.start(grant);
  }
  /// Looks at everything, and sends what was found.
  std::vector<std::uint64_t> sent(std::int64_t now_ms = day_ms) {
    std::vector<std::uint64_t> out;
    bool more = true;
    while (more) {
      more = *stream_.scan(journal_.recent_after(), journal_.head(), now_ms);
      if (!stream_.waiting()) continue;
      stream_.confirm(stream_.reserve(), now_ms,
                      [&](const auto&, const auto& row) { out.push_back(row.offset.value); });
    }
    return out;
  }
  using offsets = std::vector<std::uint64_t>;

  testing::fake_journal journal_;
  batch_reader reader_{journal_, 1024};
  interaction_rules rules_{.deadline = 2'500ms, .autocomplete_deadline = 1'500ms, .skew = 0ms};
  interaction_stream stream_{reader_, rules_};
};

TEST_F(InteractionStreamTest, FindsItsLanesOnceFromItsPosition) {
  journal_.interaction(odd, day_ms, 1);
  journal_.interaction(odd, day_ms, 2);
  journal_.message(odd, 3);
  journal_.interaction(even, day_ms, 4);
  journal_.interaction(odd, day_ms, 5);
  start(1, {1, 2});
  EXPECT_EQ(sent(), (offsets{2, 5}));
  EXPECT_EQ(sent(), offsets{});
  journal_.interaction(odd, day_ms, 6);
  EXPECT_EQ(sent(), (offsets{6}));
  EXPECT_EQ(stream_.settled(), flow::offset{6});
  EXPECT_EQ(stream_.sent(), 3u);
}

TEST_F(InteractionStreamTest, SendsNothingBeforeItsPositionIsDurable) {
  journal_.message(odd, 1);
  journal_.interaction(odd, day_ms, 2);
  start(0);
  ASSERT_TRUE(stream_.scan({}, journal_.head(), day_ms));
  ASSERT_TRUE(stream_.waiting());
  EXPECT_EQ(stream_.position(), flow::offset{2});
  EXPECT_EQ(stream_.settled(), flow::offset{1});
  const auto ticket = stream_.reserve();
  int sent = 0;
  const auto send = [&](const auto&, const auto&) { ++sent; };
  EXPECT_FALSE(stream_.confirm(ticket + 1, day_ms, send)) << "of an earlier session of the connection";
  journal_.interaction(odd, day_ms, 3);
  ASSERT_TRUE(stream_.scan({}, journal_.head(), day_ms));
  EXPECT_EQ(stream_.position(), flow::offset{2}) << "the next ones wait for their own commit";
  EXPECT_TRUE(stream_.confirm(ticket, day_ms, send));
  EXPECT_EQ(sent, 1);
  EXPECT_FALSE(stream_.confirm(ticket, day_ms, send));
  EXPECT_EQ(sent, 1);
}

TEST_F(InteractionStreamTest, DropsWhatIsPastItsDeadlineAndCountsIt) {
  journal_.interaction(odd, day_ms - 2'501, 1);
  journal_.interaction(odd, day_ms - 2'499, 2);
  journal_.interaction(odd, day_ms - 1'501, 3, 4);
  journal_.interaction(odd, day_ms - 1'499, 4, 4);
  journal_.interaction(odd, day_ms + 60'000, 5);
  start(0);
  EXPECT_EQ(sent(), (offsets{2, 4, 5})) << "an id of the future is young";
  EXPECT_EQ(stream_.dropped(), 2u);
}

TEST_F(InteractionStreamTest, AllowsForClocksThatDiffer) {
  journal_.interaction(odd, day_ms - 2'900, 1);
  journal_.interaction(odd, day_ms - 3'100, 2);
  rules_.skew = 500ms;
  interaction_stream lenient(reader_, rules_);
  auto grant = std::make_shared<lane_grant>();
  grant->older = std::make_shared<const due>();
  lenient.start(grant);
  ASSERT_TRUE(lenient.scan({}, journal_.head(), day_ms));
  EXPECT_EQ(lenient.dropped(), 1u);
  EXPECT_TRUE(lenient.waiting());
}

TEST_F(InteractionStreamTest, DropsWhatGrewOldWhileItsCommitTook) {
  journal_.interaction(odd, day_ms, 1);
  start(0);
  ASSERT_TRUE(stream_.scan({}, journal_.head(), day_ms));
  stream_.confirm(stream_.reserve(), day_ms + 2'501, [](const auto&, const auto&) { FAIL(); });
  EXPECT_EQ(stream_.dropped(), 1u);
  EXPECT_EQ(stream_.sent(), 0u);
}

TEST_F(InteractionStreamTest, DeliversOldOnesByOption) {
  journal_.interaction(odd, day_ms - 3'600'000, 1);
  journal_.interaction(odd, day_ms, 2);
  journal_.set_recent_after(flow::offset{1});
  rules_.drop_expired = false;
  interaction_stream all(reader_, rules_);
  auto grant = std::make_shared<lane_grant>();
  grant->older = std::make_shared<const due>();
  all.start(grant);
  ASSERT_TRUE(all.scan(journal_.recent_after(), journal_.head(), day_ms));
  offsets got;
  all.confirm(all.reserve(), day_ms, [&](const auto&, const auto& row) { got.push_back(row.offset.value); });
  EXPECT_EQ(got, (offsets{1, 2}));
  EXPECT_EQ(all.dropped(), 0u);
}

TEST_F(InteractionStreamTest, PassesOverWhatIsOldUnreadAndCountsItWhenTheQueueGetsThere) {
  for (int i = 1; i <= 3; ++i) journal_.interaction(odd, day_ms - 3'600'000, i);
  journal_.interaction(even, day_ms - 3'600'000, 4);
  journal_.interaction(odd, day_ms, 5);
  journal_.set_recent_after(flow::offset{4});
  start(1, {1, 2});
  EXPECT_EQ(sent(), (offsets{5}));
  EXPECT_EQ(stream_.dropped(), 0u);
  journal_.rows_per_batch = 10;
  const auto whole = *journal_.read_after({}, 0);
  for (const auto& row : whole->rows) stream_.passed(*whole, row);
  EXPECT_EQ(stream_.dropped(), 2u) << "2 and 3: 1 was settled before, 4 is another lane's, 5 was sent";
}

TEST_F(InteractionStreamTest, OlderLayoutsHoldBackWhatTheySent) {
  for (int i = 1; i <= 6; ++i) journal_.interaction(i % 2 == 0 ? even : odd, day_ms, i);
  start(2, {0, 1}, {{2, {{0}, {0}}, {{4}, {2}}}});
  EXPECT_EQ(sent(), (offsets{3, 5, 6}));
}

TEST_F(InteractionStreamTest, KeepsToTheConsumersLists) {
  journal_.interaction(even, day_ms, 1);
  journal_.interaction(odd, day_ms, 2);
  auto policy = std::make_shared<consumer_policy>();
  policy->filter = *consumer_filter::make(
      {.events_allow = {}, .events_deny = {}, .guilds_allow = {}, .guilds_deny = {even}});
  auto grant = std::make_shared<lane_grant>();
  grant->older = std::make_shared<const due>();
  grant->policy = policy;
  stream_.start(grant);
  EXPECT_EQ(sent(), (offsets{2}));
}

TEST_F(InteractionStreamTest, HoldsNoMoreThanItsBound) {
  const int many = static_cast<int>(interaction_stream::waiting_max) * 2 + 5;
  for (int i = 1; i <= many; ++i) journal_.interaction(odd, day_ms, i);
  start(0);
  const auto more = stream_.scan({}, journal_.head(), day_ms);
  ASSERT_TRUE(more);
  EXPECT_TRUE(*more);
  EXPECT_EQ(stream_.position().value, interaction_stream::waiting_max);
  EXPECT_TRUE(stream_.confirm(stream_.reserve(), day_ms, [](const auto&, const auto&) {}));
  EXPECT_EQ(sent().size(), static_cast<std::size_t>(many) - interaction_stream::waiting_max);
}

TEST_F(InteractionStreamTest, AReturnedLaneStillSendsWhatWasReserved) {
  journal_.interaction(odd, day_ms, 1);
  journal_.interaction(odd, day_ms, 2);
  start(0);
  ASSERT_TRUE(stream_.scan({}, flow::offset{1}, day_ms));
  const auto ticket = stream_.reserve();
  stream_.go_on(flow::offset{2});
  offsets got;
  stream_.confirm(ticket, day_ms, [&](const auto&, const auto& row) { got.push_back(row.offset.value); });
  EXPECT_EQ(got, (offsets{1}));
  EXPECT_EQ(sent(), offsets{}) << "2 was the newcomer's";
}

TEST_F(InteractionStreamTest, AMissingRecordAtTheEndStopsNothing) {
  journal_.interaction(odd, day_ms, 1);
  journal_.message(odd, 2);
  journal_.interaction(odd, day_ms, 3);
  journal_.evict(flow::offset{2});
  start(0);
  const auto more = stream_.scan({}, flow::offset{2}, day_ms);
  ASSERT_TRUE(more);
  EXPECT_FALSE(*more);
  EXPECT_EQ(stream_.position(), flow::offset{2});
}

TEST_F(InteractionStreamTest, ExpireInteractionHasTheLastWord) {
  journal_.interaction(odd, day_ms - 60'000, 1);
  journal_.interaction(odd, day_ms, 2);
  controller_table table;
  table.expire_interaction = [](const auto& asked, const auto& standard) {
    return asked.age < 10s && !standard(asked);  // the other way round
  };
  const decide::desk decisions(table, nullptr, 1s);
  consumer_policy policy;
  policy.decisions = &decisions;
  auto grant = std::make_shared<lane_grant>();
  grant->session.lane = {0, 1};
  grant->older = std::make_shared<const due>();
  grant->policy = std::make_shared<const consumer_policy>(policy);
  stream_.start(grant);
  EXPECT_EQ(sent(), (offsets{1}));
  EXPECT_EQ(stream_.dropped(), 1u);
}

}  // namespace
}  // namespace evergate::downstream
