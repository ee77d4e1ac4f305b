// The listening half of an http_server: accepts on the first loop and deals each connection to the loop that
// has the fewest. Shared by the server and its connections, so that it outlives both; the acceptor is the
// first loop's, the list of connections is under a lock. Bounded by http_limits.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/callback_gate.h"
#include "net/event_loop_state.h"
#include "net/http_admission.h"
#include "net/http_connection.h"
#include "net/http_server.h"

namespace evergate::net {

struct http_server::state : std::enable_shared_from_this<http_server::state> {
  state(std::vector<event_loop*> on_loops, listen_options with, on_request to);

  [[nodiscard]] base::result<void> open();
  void start();
  void stop_accepting();
  void close_connections();
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  callback_gate gate;

 private:
  static constexpr int accepts_per_turn_ = 64;

  [[nodiscard]] base::result<void> bind();
  [[nodiscard]] base::result<void> inherit();
  void wait();
  void accept_some();
  void deal(int fd, const tcp::endpoint& peer);
  /// The loop with the fewest connections; of several the next in turn.
  [[nodiscard]] std::size_t least_loaded() noexcept;
  void begin(event_loop& loop, int fd, bool v6, std::shared_ptr<http_admission::ticket> ticket);
  void remember(const std::shared_ptr<http_connection>& connection);
  /// Now when called on `loop` or while it does not run, else in a turn of it.
  static void run_on(event_loop& loop, event_loop::task work);

  const std::vector<event_loop*> loops_;
  const listen_options options_;
  const on_request handler_;
  std::shared_ptr<http_admission> admission_;
  tcp::acceptor acceptor_;
  timer retry_;
  std::uint16_t port_ = 0;
  std::size_t next_loop_ = 0;
  /// Open connections of each loop. A bot's REST calls and its WebSocket come in turns, so that dealing in
  /// turns would give all WebSockets to one loop.
  const std::vector<std::shared_ptr<std::atomic<std::size_t>>> open_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<http_connection>> connections_;
  std::size_t prune_at_ = 64;
};

}  // namespace evergate::net
