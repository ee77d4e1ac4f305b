// The fleet against a small gateway over real sockets.
#include "upstream/fleet.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

#include "test_gateway.h"
#include "test_journal.h"
#include "upstream/errc.h"

namespace evergate::upstream {
namespace {

using namespace std::chrono_literals;

fleet_options quick(const test_gateway& gateway) {
  fleet_options o;
  o.token = base::secret("secret-token");
  o.intents = 513;
  o.rest_base = gateway.rest_base();
  o.compression = proto::compression::none;
  o.identify = {.spacing = 20ms, .lead = 10ms, .turn_max = 10s, .reserve = 0};
  o.timeouts.jitter = 1ms;
  o.timeouts.invalid_least = 1ms;
  o.timeouts.invalid_most = 5ms;
  o.timeouts.slow_down = 1ms;
  o.backoff = {1ms, 20ms};
  return o;
}

/// Loops, client, journal and one fleet after another, as a process would have them.
class house {
 public:
  explicit house(std::size_t loops = 2) : log(base::log_level::off), http(net::http_client_options{}) {
    for (std::size_t i = 0; i < loops; ++i) loops_.push_back(std::make_unique<net::event_loop>());
    for (auto& loop : loops_) threads_.emplace_back([&loop] { loop->run(); });
  }
  ~house() {
    stop(false);
    for (auto& loop : loops_) loop->stop();
    for (auto& thread : threads_) thread.join();
    current.reset();
  }

  base::result<void> start(fleet_options o, std::vector<flow::stored_session> stored = {}) {
    fleet_ground ground;
    for (auto& loop : loops_) ground.loops.push_back(loop.get());
    ground.http = &http;
    ground.sink = &journal;
    ground.make_intake = [](std::uint32_t) { return std::make_unique<test_intake>(); };
    ground.stored = std::move(stored);
    ground.log = &log;
    ground.seed = 7;
    ground.on_fatal = [this](const base::error& why) { fatal.set_value(why); };
    auto made = fleet::make(std::move(o), std::move(ground));
    if (!made) return std::unexpected(made.error());
    current = std::move(*made);
    journal.set_listener(current.get());
    current->start();
    return {};
  }
  void stop(bool log_off) {
    if (!current) return;
    std::promise<void> done;
    current->stop(log_off, [&done] { done.set_value(); });
    done.get_future().wait();
    journal.set_listener(nullptr);
  }
  /// As a restart: what the journal kept goes to the next fleet.
  base::result<void> restart(fleet_options o) {
    stop(false);
    return start(std::move(o), journal.stored());
  }

  base::logger log;
  net::http_client http;
  test_journal journal;
  std::promise<base::error> fatal;
  std::unique_ptr<fleet> current;

 private:
  std::vector<std::unique_ptr<net::event_loop>> loops_;
  std::vector<std::thread> threads_;
};

class FleetCodec : public testing::TestWithParam<proto::compression> {};

TEST_P(FleetCodec, IdentifiesReceivesAndResumes) {
  test_gateway gateway({.shards = 4});
  house h;
  auto o = quick(gateway);
  o.compression = GetParam();
  ASSERT_TRUE(h.start(o));
  ASSERT_TRUE(gateway.await("identify ", 4));
  ASSERT_TRUE(h.journal.await_rows(4));
  for (std::uint32_t shard = 0; shard < 4; ++shard) gateway.emit(shard, 500);
  ASSERT_TRUE(h.journal.await_rows(4 + 2'000));
  EXPECT_EQ(h.current->shard_count(), 4U);
  EXPECT_EQ(h.current->shards_ready(), 4U);
  for (std::uint32_t shard = 0; shard < 4; ++shard) gateway.drop(shard);
  for (std::uint32_t shard = 0; shard < 4; ++shard) gateway.emit(shard, 100);
  ASSERT_TRUE(h.journal.await_rows(4 + 2'400));
  std::map<std::uint32_t, std::uint32_t> next;
  for (const auto& row : h.journal.copy()) {
    // RESUMED takes a number of its own and makes no row.
    auto& expected = next[row.shard];
    EXPECT_TRUE(row.seq == expected + 1 || row.seq == expected + 2) << row.seq << " after " << expected;
    expected = row.seq;
  }
  EXPECT_EQ(gateway.count("identify "), 4U);
  EXPECT_GE(gateway.count("resume "), 4U);
  const auto name = proto::name_of(GetParam());
  for (const auto& target : gateway.targets()) {
    EXPECT_NE(target.find("v=10&encoding=json"), std::string::npos) << target;
    if (!name.empty()) EXPECT_NE(target.find(fmt::format("compress={}", name)), std::string::npos);
  }
  EXPECT_EQ(gateway.targets().front(), name.empty()
                                           ? "/gw?v=10&encoding=json&keep=1"
                                           : fmt::format("/gw?v=10&encoding=json&compress={}&keep=1", name));
}

INSTANTIATE_TEST_SUITE_P(Codecs, FleetCodec,
                         testing::Values(proto::compression::none, proto::compression::zlib_stream,
                                         proto::compression::zstd_stream));

TEST(Fleet, ARestartResumesEveryShardWithoutAnIdentify) {
  test_gateway gateway({.shards = 3});
  house h;
  ASSERT_TRUE(h.start(quick(gateway)));
  ASSERT_TRUE(h.journal.await_rows(3));
  for (int round = 0; round < 5; ++round) {
    for (std::uint32_t shard = 0; shard < 3; ++shard) gateway.emit(shard, 20);
    ASSERT_TRUE(h.restart(quick(gateway)));
    ASSERT_TRUE(gateway.await("resume ", 3U * static_cast<unsigned>(round + 1)));
  }
  ASSERT_TRUE(h.journal.await_rows(3 + 5 * 3 * 20));
  EXPECT_EQ(gateway.count("identify "), 3U);
  EXPECT_EQ(gateway.count("close 1000"), 0U);
  EXPECT_EQ(h.journal.copy().size(), 3U + 5 * 3 * 20);  // none twice
}

TEST(Fleet, WithoutRestASetOfStoredSessionsResumesAllTheSame) {
  test_gateway gateway({.shards = 2});
  house h;
  ASSERT_TRUE(h.start(quick(gateway)));
  ASSERT_TRUE(h.journal.await_rows(2));
  auto o = quick(gateway);
  o.rest_base = "http://127.0.0.1:1";  // nobody there
  ASSERT_TRUE(h.restart(o));
  EXPECT_TRUE(gateway.await("resume ", 2));
}

TEST(Fleet, ARefusedResumeIsAGapBeforeTheNewReady) {
  test_gateway first({.shards = 1});
  house h;
  ASSERT_TRUE(h.start(quick(first)));
  ASSERT_TRUE(h.journal.await_rows(1));
  h.stop(false);
  auto stored = h.journal.stored();
  ASSERT_EQ(stored.size(), 1U);
  stored[0].record.session_id = "unknown";
  ASSERT_TRUE(h.start(quick(first), stored));
  ASSERT_TRUE(h.journal.await_rows(3));
  const auto rows = h.journal.copy();
  EXPECT_EQ(rows[1].type, proto::event_type::gap);
  EXPECT_NE(rows[1].d.find(R"("cause":"invalid_session")"), std::string::npos);
  EXPECT_EQ(rows[2].type, proto::event_type::session_started);
}

TEST(Fleet, SessionsOfAnotherCountBecomeGaps) {
  test_gateway gateway({.shards = 2});
  house h;
  ASSERT_TRUE(h.start(quick(gateway)));
  ASSERT_TRUE(h.journal.await_rows(2));
  auto o = quick(gateway);
  o.total_shards = 3;
  ASSERT_TRUE(h.restart(o));
  ASSERT_TRUE(h.journal.await_rows(2 + 2 + 3));
  const auto rows = h.journal.copy();
  EXPECT_EQ(std::ranges::count(rows, proto::event_type::gap, &test_journal::row::type), 2);
}

TEST(Fleet, HeartbeatsCarryWhatIsCommitted) {
  test_gateway gateway({.shards = 1, .heartbeat_interval_ms = 20});
  house h;
  ASSERT_TRUE(h.start(quick(gateway)));
  ASSERT_TRUE(gateway.await("beat 1", 1));
  h.journal.hold(true);
  gateway.emit(0, 50);
  ASSERT_TRUE(h.journal.await_rows(51));
  const auto beats = gateway.count("beat ");
  ASSERT_TRUE(gateway.await("beat ", beats + 3));
  EXPECT_EQ(gateway.count("beat 51"), 0U);
  h.journal.hold(false);
  EXPECT_TRUE(gateway.await("beat 51", 1));
}

TEST(Fleet, AFullStorePausesReadingAndLosesNothing) {
  test_gateway gateway({.shards = 2});
  house h(1);
  ASSERT_TRUE(h.start(quick(gateway)));
  ASSERT_TRUE(h.journal.await_rows(2));
  h.journal.set_full(true);
  const std::string big = R"({"x":")" + std::string(4'000, 'y') + R"("})";
  for (int i = 0; i < 20; ++i) {
    gateway.emit(0, 200, big);
    gateway.emit(1, 200, big);
  }
  ASSERT_TRUE(h.journal.await([](const test_journal& j) { return j.refused_ >= 3; }));
  std::uint64_t taken = 0;
  for (const auto& s : h.current->status()) taken += s.events;
  EXPECT_LT(taken, 8'000U);  // the rest waits in the sockets
  h.journal.set_full(false);
  ASSERT_TRUE(h.journal.await_rows(2 + 8'000));
  EXPECT_EQ(gateway.count("resume "), 0U);
}

TEST(Fleet, BrokenBytesReconnectByResume) {
  test_gateway gateway({.shards = 1});
  house h;
  auto o = quick(gateway);
  o.compression = proto::compression::zlib_stream;
  ASSERT_TRUE(h.start(o));
  ASSERT_TRUE(h.journal.await_rows(1));
  gateway.send_bytes(0, std::string("garbage\x00\x00\xff\xff", 11));
  ASSERT_TRUE(gateway.await("close 4000", 1));
  ASSERT_TRUE(gateway.await("resume ", 1));
  gateway.send_raw(0, "{\"op\":0,");
  ASSERT_TRUE(gateway.await("resume ", 2));
  gateway.emit(0, 3);
  EXPECT_TRUE(h.journal.await_rows(4));
}

TEST(Fleet, InvalidUtf8IsNoReasonToLeave) {
  test_gateway gateway({.shards = 1});
  house h;
  ASSERT_TRUE(h.start(quick(gateway)));
  ASSERT_TRUE(h.journal.await_rows(1));
  gateway.emit(0, 1, "{\"x\":\"\xff\xc3\"}");
  gateway.emit(0, 1);
  ASSERT_TRUE(h.journal.await_rows(3));
  EXPECT_EQ(gateway.count("resume "), 0U);
}

TEST(Fleet, APartOfTheShardsIsAllThisProcessHasToHold) {
  test_gateway gateway({.shards = 4});
  house h;
  auto o = quick(gateway);
  o.first_shard = 1;
  o.last_shard = 2;
  ASSERT_TRUE(h.start(o));
  ASSERT_TRUE(h.journal.await_rows(2));
  EXPECT_EQ(h.current->shard_count(), 4U);
  EXPECT_EQ(h.current->shards_held(), 2U);
}

TEST(Fleet, ARefusedAddressMakesEveryShardRest) {
  test_gateway gateway({.shards = 3, .upgrade_refusals = 2});
  house h;
  auto o = quick(gateway);
  o.connect_rest = {50ms, 100ms};
  ASSERT_TRUE(h.start(o));
  ASSERT_TRUE(h.journal.await_rows(3));
  // A shard that was refused, and those that followed it before the answer came.
  EXPECT_LE(gateway.count("refused"), 2U);
  EXPECT_EQ(gateway.count("identify "), 3U);
}

TEST(Fleet, AFatalCloseStopsEveryShardAndTellsWhy) {
  test_gateway gateway({.shards = 3});
  house h;
  ASSERT_TRUE(h.start(quick(gateway)));
  ASSERT_TRUE(h.journal.await_rows(3));
  gateway.close(1, 4014);
  const auto why = h.fatal.get_future().get();
  EXPECT_EQ(why.code, errc::closed_fatally);
  EXPECT_NE(why.text().find("privileged intents"), std::string::npos);
  EXPECT_TRUE(h.current->failed());
  EXPECT_TRUE(gateway.await("dropped", 2));
}

TEST(Fleet, ARefusedTokenIsFatalAndStaysSecret) {
  test_gateway gateway({});
  house h;
  auto o = quick(gateway);
  o.token = base::secret("wrong-token");
  ASSERT_TRUE(h.start(o));
  const auto why = h.fatal.get_future().get();
  EXPECT_EQ(why.code, errc::unauthorized);
  EXPECT_EQ(why.text().find("wrong-token"), std::string::npos);
}

TEST(Fleet, AFirstShardBeyondTheirCountIsFatal) {
  test_gateway gateway({.shards = 2});
  house h;
  auto o = quick(gateway);
  o.first_shard = 2;
  ASSERT_TRUE(h.start(o));
  const auto why = h.fatal.get_future().get();
  EXPECT_EQ(why.code, errc::bad_option);
  EXPECT_NE(why.text().find("there are 2 shards"), std::string::npos);
  EXPECT_EQ(gateway.count("identify "), 0U);
}

TEST(Fleet, GatewayInfoIsAskedAgainUntilItAnswers) {
  test_gateway gateway({.shards = 1, .rest_failures = 3});
  house h;
  ASSERT_TRUE(h.start(quick(gateway)));
  EXPECT_TRUE(gateway.await("identify ", 1));
  EXPECT_EQ(gateway.count("rest /api/v10/gateway/bot"), 4U);
}

TEST(Fleet, ReconnectInsteadOfHello) {
  test_gateway gateway({.shards = 1});
  house h;
  gateway.instead_of_hello(R"({"op":7,"d":null})");
  ASSERT_TRUE(h.start(quick(gateway)));
  EXPECT_TRUE(h.journal.await_rows(1));
  EXPECT_EQ(gateway.count("close 4000"), 1U);
}

TEST(Fleet, AZombieIsClosedAndResumed) {
  test_gateway gateway({.shards = 1, .heartbeat_interval_ms = 20, .acknowledges = false});
  house h;
  auto o = quick(gateway);
  o.heartbeat.ack_grace = 20ms;
  ASSERT_TRUE(h.start(o));
  EXPECT_TRUE(gateway.await("close 4000", 1));
  EXPECT_TRUE(gateway.await("resume ", 1));
}

TEST(Fleet, CommandsGoToTheOwningShard) {
  test_gateway gateway({.shards = 2});
  house h;
  ASSERT_TRUE(h.start(quick(gateway)));
  ASSERT_TRUE(h.journal.await_rows(2));
  const proto::snowflake on_shard_1 = proto::snowflake{1} << 22;
  EXPECT_TRUE(h.current->submit({8, on_shard_1, {}, R"({"op":8,"d":{"n":1}})"}));
  EXPECT_TRUE(gateway.await(R"(frame {"op":8,"d":{"n":1}})", 1));
  // Of two lanes each meets one shard; of three every shard.
  EXPECT_TRUE(h.current->submit({3, 0, {1, 2}, R"({"op":3,"d":{"lane":1}})"}));
  EXPECT_TRUE(h.current->submit({3, 0, {0, 3}, R"({"op":3,"d":{"all":1}})"}));
  EXPECT_TRUE(gateway.await(R"(frame {"op":3,"d":{"all":1}})", 2));
  EXPECT_EQ(gateway.count(R"(frame {"op":3,"d":{"lane":1}})"), 1U);
}

TEST(Fleet, AFullCommandQueueSaysNo) {
  test_gateway gateway({.shards = 1});
  house h;
  auto o = quick(gateway);
  o.commands_queued_max = 5;
  ASSERT_TRUE(h.start(o));
  ASSERT_TRUE(h.journal.await_rows(1));
  int refused = 0;
  for (int i = 0; i < 500; ++i) refused += h.current->submit({8, 0, {}, R"({"op":8,"d":{}})"}) ? 0 : 1;
  EXPECT_GT(refused, 0);
}

TEST(Fleet, LogOffClosesWith1000AndEndsTheSessions) {
  test_gateway gateway({.shards = 2});
  house h;
  ASSERT_TRUE(h.start(quick(gateway)));
  ASSERT_TRUE(h.journal.await_rows(2));
  h.stop(true);
  EXPECT_TRUE(gateway.await("close 1000", 2));
  EXPECT_TRUE(h.journal.stored().empty());
}

TEST(Fleet, EveryBadOptionIsNamed) {
  test_gateway gateway({});
  house h;
  const std::pair<std::string, std::function<void(fleet_options&)>> rows[] = {
      {"token", [](auto& o) { o.token = base::secret(); }},
      {"token", [](auto& o) { o.token = base::secret("a b"); }},
      {"token", [](auto& o) { o.token = base::secret("a\r\nX: y"); }},
      {"intents", [](auto& o) { o.intents = 1U << 30; }},
      {"large_threshold", [](auto& o) { o.large_threshold = 10; }},
      {"presence", [](auto& o) { o.presence = "{"; }},
      {"presence", [](auto& o) { o.presence = "{} {}"; }},
      {"rest_base", [](auto& o) { o.rest_base = "ftp://x"; }},
      {"rest_base", [](auto& o) { o.rest_base = "ws://x"; }},
      {"gateway_url", [](auto& o) { o.gateway_url = "http://x"; }},
      {"first_shard", [](auto& o) { o.first_shard = 9, o.total_shards = 4; }},
      {"last_shard", [](auto& o) { o.last_shard = 4, o.total_shards = 4; }},
      {"total_shards", [](auto& o) { o.total_shards = 70'000; }},
      {"ca_file", [](auto& o) { o.ca_file = "/nowhere/ca.pem"; }},
  };
  for (const auto& [name, spoil] : rows) {
    auto o = quick(gateway);
    spoil(o);
    const auto made = h.start(o);
    ASSERT_FALSE(made) << name;
    EXPECT_NE(made.error().text().find(name), std::string::npos) << made.error().text();
  }
}

}  // namespace
}  // namespace evergate::upstream
