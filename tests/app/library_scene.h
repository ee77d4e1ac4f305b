// A gateway_manager over simulated Discord, both in this process: Discord on a loop and thread of its own,
// and a book of what the library said. Waits are for events, with one patience for all.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "evergate/gateway_manager.h"
#include "sim/server.h"

namespace evergate::app {

/// Simulated Discord on loopback.
class discord_beside {
 public:
  explicit discord_beside(sim::discord_options world = quick()) {
    auto started = sim::server::start(loop_, {}, world, [] {});
    EXPECT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~discord_beside() {
    with([this](sim::discord&, std::int64_t) { server_.reset(); });
    loop_.stop();
  }

  [[nodiscard]] static sim::discord_options quick() {
    sim::discord_options out;
    out.world.guilds = 20;
    out.shards = 2;
    out.max_concurrency = 16;
    out.identify_interval_ms = 20;
    out.heartbeat_interval_ms = 1'000;
    return out;
  }

  /// Work on the core, on its thread, waited for.
  void with(const std::function<void(sim::discord& core, std::int64_t now_ms)>& work) {
    std::promise<void> done;
    loop_.post([&] {
      work(server_->core(), base::unix_time_ms());
      done.set_value();
    });
    done.get_future().wait();
  }
  void fault(sim::fault_kind kind, std::uint32_t shard, std::uint16_t code = 4000) {
    with([=](sim::discord& core, std::int64_t now_ms) {
      sim::fault_order order;
      order.kind = kind;
      order.shard = shard;
      order.code = code;
      core.fault(order, now_ms);
    });
  }
  void emit(std::uint64_t count, const std::string& type = "MESSAGE_CREATE") {
    with([&](sim::discord& core, std::int64_t now_ms) { EXPECT_EQ(core.emit(count, type, now_ms), count); });
  }
  [[nodiscard]] std::uint64_t some_guild(std::uint32_t shard, std::uint32_t count) {
    std::uint64_t out = 0;
    with([&](sim::discord& core, std::int64_t) {
      for (std::uint32_t at = 0; at < core.world().slots(); ++at) {
        const auto id = core.world().id_at(at);
        if (id != 0 && (id >> 22) % count == shard) out = id;
      }
    });
    return out;
  }
  [[nodiscard]] std::string rest() const {
    return "http://127.0.0.1:" + std::to_string(server_->gateway_port()) + "/api";
  }

 private:
  net::event_loop loop_;
  std::unique_ptr<sim::server> server_;
  std::jthread thread_;
};

/// What was said, counted, for those who wait.
class event_book {
 public:
  void note(const std::string& what) {
    {
      const std::scoped_lock lock(mutex_);
      ++counts_[what];
      order_.push_back(what);
    }
    changed_.notify_all();
  }
  [[nodiscard]] bool await(const std::string& what, std::size_t times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return counts_[what] >= times; });
  }
  [[nodiscard]] std::size_t count(const std::string& what) {
    const std::scoped_lock lock(mutex_);
    return counts_[what];
  }
  [[nodiscard]] std::vector<std::string> order() {
    const std::scoped_lock lock(mutex_);
    return order_;
  }
  static constexpr std::chrono::seconds patience{60};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::size_t> counts_;
  std::vector<std::string> order_;
};

class library : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "evergate-library-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override {
    manager.reset();
    std::filesystem::remove_all(directory_);
  }

  /// Options for `discord`, with every event of a shard noted as "name id/count".
  [[nodiscard]] gateway_options options() {
    gateway_options out;
    out.token = sim::default_token;
    out.intents = sim::intent::all;
    out.data_dir = directory_ / "data";
    out.workers = 2;
    out.listen.port = 0;
    out.admin.enabled = false;
    out.discord.rest = discord.rest();
    out.shards.identify_spacing = std::chrono::milliseconds(30);
    out.reconnect.jitter = std::chrono::milliseconds(10);
    out.reconnect.invalid_session_least = std::chrono::milliseconds(10);
    out.reconnect.invalid_session_most = std::chrono::milliseconds(20);
    out.log.level = std::getenv("EVERGATE_VERBOSE") != nullptr ? log_threshold::info : log_threshold::off;
    note_shards(out.events);
    return out;
  }
  void note_shards(gateway_events& to) {
    const auto noted = [this](const char* what) {
      return [this, what](shard_id shard) { book.note(std::string(what) + ' ' + std::to_string(shard.id)); };
    };
    to.connecting = noted("connecting");
    to.connected = noted("connected");
    to.hello = noted("hello");
    to.identifying = noted("identifying");
    to.resuming = noted("resuming");
    to.ready = noted("ready");
    to.resumed = noted("resumed");
    to.heartbeat = noted("heartbeat");
    to.requested_reconnect = noted("requested_reconnect");
    to.heartbeat_ack = [this](shard_id shard, std::int64_t latency_ms) {
      if (latency_ms >= 0) book.note("heartbeat_ack " + std::to_string(shard.id));
    };
    to.invalid_session = [this](shard_id shard, bool resumable) {
      book.note((resumable ? "invalid_session true " : "invalid_session false ") + std::to_string(shard.id));
    };
    to.disconnected = [this](shard_id shard, const disconnection& how) {
      book.note("disconnected " + std::to_string(shard.id) + ' ' + std::to_string(how.code) + ' ' +
                std::string(how.why));
    };
  }
  void start(gateway_options with) {
    auto made = create_gateway_manager(std::move(with));
    ASSERT_TRUE(made) << made.error().text();
    manager = std::move(*made);
    const auto started = manager->start();
    ASSERT_TRUE(started) << started.error().text();
  }
  void start_ready(gateway_options with) {
    start(std::move(with));
    ASSERT_TRUE(book.await("ready 0"));
    ASSERT_TRUE(book.await("ready 1"));
    // Events of guilds that a session has not been given yet are not given to it either.
    ASSERT_TRUE(until([this] {
      bool done = false;
      discord.with([&](sim::discord& core, std::int64_t) { done = !core.backfilling(); });
      return done && manager->fleets().front().ready == 2;
    }));
  }
  /// Looks again and again, at the pace of simulated Discord's loop.
  [[nodiscard]] bool until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + event_book::patience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      discord.with([](sim::discord&, std::int64_t) {});
    }
    return true;
  }
  [[nodiscard]] std::string state_of(std::uint32_t shard) const {
    const auto one = manager->shard(shard);
    return one ? one->state : std::string("none");
  }

  discord_beside discord;
  event_book book;
  std::unique_ptr<gateway_manager> manager;
  std::filesystem::path directory_;
};

}  // namespace evergate::app
