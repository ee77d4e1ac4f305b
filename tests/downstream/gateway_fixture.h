// The gateway over real sockets and a journal in memory, for end-to-end tests: two loops, a plain listener
// on a free port of loopback, short waits.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "downstream/gateway.h"
#include "fake_journal.h"
#include "net/http_client.h"
#include "raw_bot.h"

namespace evergate::downstream::testing {

struct recording_fleet final : flow::command_sink, flow::fleet_view {
  bool submit(flow::command what) override {
    const std::scoped_lock lock(mutex);
    if (full) return false;
    sent.push_back(std::move(what));
    news.notify_all();
    return true;
  }
  flow::command wait_for_command() {
    std::unique_lock lock(mutex);
    if (!news.wait_for(lock, std::chrono::seconds(20), [this] { return !sent.empty(); })) return {};
    auto out = std::move(sent.front());
    sent.erase(sent.begin());
    return out;
  }
  std::uint32_t shard_count() const override { return 230; }
  std::uint32_t shards_ready() const override { return ready; }
  std::mutex mutex;
  std::condition_variable news;
  bool full = false;
  std::atomic<std::uint32_t> ready{230};
  std::vector<flow::command> sent;
};

class GatewayTest : public ::testing::Test {
 protected:
  static constexpr proto::snowflake a = 8ULL << 22;
  static constexpr proto::snowflake b = 9ULL << 22;

  GatewayTest() {
    options_.token = base::secret("MTA.x.y");
    options_.intents = proto::intent::all;
    options_.queue_quiet = base::milliseconds(1);
    options_.cursor_interval = base::milliseconds(1);
    options_.tick = base::milliseconds(5);
    policy_.close_grace = base::milliseconds(0);
    options_.heartbeat_interval = base::milliseconds(600'000);
    for (const auto id : {a, b}) journal_.set_guild(id, document(id));
  }
  ~GatewayTest() override { stop(); }

  static std::string document(proto::snowflake id) {
    return fmt::format(
        R"({{"id":"{}","unavailable":false,"name":"g","members":[],"presences":[],"voice_states":[],"channels":[],"roles":[]}})",
        id);
  }
  void run() {
    options_.consumers.fallback = std::make_shared<const consumer_policy>(policy_);
    gateway_ = std::make_unique<gateway>(std::vector<net::event_loop*>{&loops_[0].loop(), &loops_[1].loop()},
                                         listen_, options_, journal_, journal_, journal_, fleet_, replies_,
                                         fleet_, http_, log_);
    const auto started = gateway_->start();
    ASSERT_TRUE(started) << started.error().text();
    journal_.listen(gateway_.get());
  }
  void stop(bool drop = false) {
    journal_.listen(nullptr);
    if (gateway_) gateway_->stop(drop);
    gateway_.reset();
  }
  std::string url(const std::string& path = "/?v=10&encoding=json") {
    return fmt::format("ws://127.0.0.1:{}{}", gateway_->port(), path);
  }
  std::unique_ptr<raw_bot> bot(const std::string& path = "/?v=10&encoding=json",
                               proto::compression transport = proto::compression::none) {
    return std::make_unique<raw_bot>(client_, url(path), transport);
  }
  net::http_response fetch(net::http_client::request what) {
    what.url = fmt::format("http://127.0.0.1:{}{}", gateway_->port(), what.url);
    std::promise<base::result<net::http_response>> done;
    http_.fetch(client_.loop(), std::move(what),
                [&](base::result<net::http_response> got) { done.set_value(std::move(got)); });
    auto got = done.get_future().get();
    EXPECT_TRUE(got) << got.error().text();
    return got ? std::move(*got) : net::http_response{.status = 0, .headers = {}, .body = {}};
  }
  /// Sends serials first … last to guild a and reads them from `who`, checking that none is missing.
  void expect_serials(raw_bot& who, int first, int last) {
    for (int i = first; i <= last; ++i) {
      const auto got = who.next_event("MESSAGE_CREATE");
      ASSERT_FALSE(got.is_null()) << "waiting for " << i;
      ASSERT_EQ(got["d"]["id"], std::to_string(i));
    }
  }
  void send_serials(int first, int last) {
    for (int i = first; i <= last; ++i) journal_.message(a, i);
  }
  /// Waits until the stored record of the consumer says so.
  template <class Condition>
  bool stored(Condition holds) {
    return comes([&] { return holds(journal_.consumers_now(), journal_.sessions_now()); });
  }
  /// Waits until the condition, asked again and again while the loops turn, holds.
  template <class Condition>
  bool comes(Condition holds) {
    const auto until = base::boot_clock::now() + base::seconds(20);
    while (base::boot_clock::now() < until) {
      if (holds()) return true;
      loops_[0].call([] { return 0; });
    }
    return false;
  }
  /// Waits until lane 0 of consumer main has looked at the record `at`.
  bool position_reaches(std::uint64_t at) {
    return comes([&] {
      auto* one = gateway_->readers().all().at(0);
      const std::scoped_lock lock(one->mutex);
      return one->body.status().at(0).position.value >= at;
    });
  }
  bool stored_cursor(std::uint64_t at) {
    return stored([at](const auto& consumers, const auto&) {
      const auto found = consumers.find("main");
      return found != consumers.end() && found->second.layouts.back().cursors[0].value == at;
    });
  }

  fake_journal journal_;
  recording_fleet fleet_;
  flow::reply_table replies_;
  base::logger log_{base::log_level::error};
  net::listen_options listen_;
  gateway_options options_;
  consumer_policy policy_;  ///< of consumers that options_ does not name
  loop_thread loops_[2];
  loop_thread client_;
  net::http_client http_{{}};
  std::unique_ptr<gateway> gateway_;
};

}  // namespace evergate::downstream::testing
