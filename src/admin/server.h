// The admin API's listener: HTTP with a bearer token, answers in JSON. Has one loop and one thread of its
// own, so that it answers whatever the workers do. Owned by the wiring code. Bounds: few connections, small
// heads and bodies, all of it before anybody has shown the token.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "admin/operation.h"
#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "net/event_loop.h"
#include "net/http_server.h"

namespace evergate::admin {

struct server_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 7879;
  std::shared_ptr<net::tls_context> tls;  ///< null = plain
  base::secret token;                     ///< required
  std::size_t body_bytes_max = std::size_t{64} << 10;
  std::size_t connections_max = 64;
};

class server {
 public:
  server(server_options options, base::logger& log);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Listens and serves; `all` may use loop() from its operations.
  [[nodiscard]] base::result<void> start(std::vector<operation> all);
  /// Answers nothing any more: open requests are dropped, and replies that still come go nowhere. `farewell`
  /// runs on the loop, for what was made on it. May be called again.
  void stop(net::event_loop::task farewell = {});

  [[nodiscard]] std::uint16_t port() const noexcept { return http_ ? http_->port() : 0; }
  [[nodiscard]] net::event_loop& loop() noexcept { return loop_; }

 private:
  /// What a reply needs, for as long as the server lives.
  struct way_back {
    std::mutex mutex;
    server* to = nullptr;  ///< null once stopped
  };

  void take(std::unique_ptr<net::http_exchange> exchange);
  void run(const operation& one, std::map<std::string, std::string, std::less<>> path,
           std::unique_ptr<net::http_exchange> exchange);
  void begin(const operation& one, call what, std::uint64_t id);
  void finish(std::uint64_t id, const answer& what);
  void drop_later(std::uint64_t id);
  void respond(net::http_exchange& to, const answer& what) const;

  const server_options options_;
  base::logger& log_;
  net::event_loop loop_;
  std::vector<operation> operations_;
  std::string document_;
  std::unique_ptr<net::http_server> http_;
  std::map<std::uint64_t, std::unique_ptr<net::http_exchange>> open_;
  std::uint64_t next_ = 1;
  std::shared_ptr<way_back> back_ = std::make_shared<way_back>();
  std::jthread thread_;
};

}  // namespace evergate::admin
