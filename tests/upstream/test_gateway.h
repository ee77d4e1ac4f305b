// A small gateway over real sockets for the shell's tests: /gateway/bot, HELLO, IDENTIFY, RESUME with replay,
// heartbeats, in every compression. Runs on its own thread; not an oracle (sim/ is), only a peer.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "net/event_loop.h"
#include "net/http_server.h"
#include "proto/compression.h"
#include "proto/snowflake.h"

namespace evergate::upstream {

class test_gateway {
 public:
  struct settings {
    std::uint32_t shards = 2;
    std::uint32_t max_concurrency = 16;
    std::uint32_t remaining = 1'000;
    int heartbeat_interval_ms = 41'250;
    unsigned rest_status = 200;
    int rest_failures = 0;     ///< this many answers of /gateway/bot are 503 first
    int upgrade_refusals = 0;  ///< this many upgrades are answered 429 first
    bool acknowledges = true;
  };

  explicit test_gateway(settings s);
  ~test_gateway();

  [[nodiscard]] std::string rest_base() const;
  [[nodiscard]] std::string ws_base(const char* path) const;

  /// Sends `count` events to every session of that shard that is connected.
  void emit(std::uint32_t shard, int count, const std::string& d = R"({"x":1})");
  /// Sends one raw payload to the connected session of that shard.
  void send_raw(std::uint32_t shard, std::string payload);
  /// Sends bytes as a message without compressing them.
  void send_bytes(std::uint32_t shard, std::string bytes);
  void close(std::uint32_t shard, std::uint16_t code);
  void drop(std::uint32_t shard);

  /// Lines such as "identify 0/2", "resume 0/2 seq 5", "close 4000", "dropped", "frame {…}", "rest".
  [[nodiscard]] std::vector<std::string> log() const;
  [[nodiscard]] std::size_t count(std::string_view line_start) const;
  /// Waits until that many lines start so; false after half a minute.
  [[nodiscard]] bool await(std::string_view line_start, std::size_t count) const;
  [[nodiscard]] std::vector<std::string> targets() const;
  /// The next connection is answered with this payload instead of HELLO.
  void instead_of_hello(std::string payload);

 private:
  struct peer;
  struct session {
    proto::shard_key shard;
    std::int64_t seq = 0;
    std::vector<std::string> sent;  ///< index 0 has sequence 1
    peer* at = nullptr;
  };

  void note(std::string line);
  void answer(std::unique_ptr<net::http_exchange> exchange);
  void on_frame(peer& from, std::string_view frame);
  void dispatch(session& to, std::string_view t, const std::string& d);
  session* of_shard(std::uint32_t shard);
  void run(std::function<void()> work);

  settings settings_;
  net::event_loop loop_;
  std::unique_ptr<net::http_server> server_;
  std::map<std::string, session> sessions_;
  std::set<std::unique_ptr<peer>> peers_;
  std::string greeting_;
  int next_session_ = 1;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> log_;
  std::vector<std::string> targets_;
  std::thread thread_;
};

}  // namespace evergate::upstream
