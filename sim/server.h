// The shell around the core: gateway and REST on one port, control on another, and the clock. One event loop,
// one thread. Bounds: request bodies, output per client (output_bytes_max), age of unfinished requests.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/log.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "sim/control_api.h"
#include "sim/dead_ends.h"
#include "sim/discord.h"
#include "sim/gateway_client.h"
#include "sim/rest_api.h"

namespace evergate::sim {

struct server_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;          ///< gateway and REST; 0 = any free one
  std::uint16_t control_port = 0;  ///< plain HTTP on the same address; 0 = any free one
  std::string public_host;         ///< in the URLs given out; empty = address
  std::string tls_certificate;     ///< PEM; empty = plain
  std::string tls_key;
  std::size_t output_bytes_max = std::size_t{256} << 20;  ///< of one client; more: dropped as a slow reader
  base::milliseconds tick{5};
};

class server final : public gateway_sink {
 public:
  /// Listens at once; serves when the loop runs. `on_quit` is called for POST /control/quit.
  [[nodiscard]] static base::result<std::unique_ptr<server>> start(net::event_loop& loop,
                                                                   server_options options,
                                                                   const discord_options& world,
                                                                   std::function<void()> on_quit);
  ~server() override;

  [[nodiscard]] std::uint16_t gateway_port() const noexcept { return gateway_->port(); }
  [[nodiscard]] std::uint16_t control_port() const noexcept { return control_->port(); }
  /// Loop's thread only.
  [[nodiscard]] discord& core() noexcept { return core_; }

  // gateway_sink
  void send(connection_id to, std::string_view head, std::string_view body, std::string_view tail) override;
  void close(connection_id to, std::uint16_t code, std::string_view reason) override;
  void drop(connection_id to) override;
  [[nodiscard]] bool congested(connection_id to) const override;
  bool damage(connection_id to, enum damage how) override;

  // from gateway_client
  void client_said(gateway_client& from, std::string_view payload, bool binary);
  void client_gone(gateway_client& which, std::uint16_t code);

 private:
  struct pending_exchange {
    std::unique_ptr<net::http_exchange> exchange;
    base::instant since;
  };
  /// An upgrade request that waits: to be accepted at its time, or never.
  struct late_upgrade {
    std::unique_ptr<net::http_exchange> exchange;
    std::int64_t due_ms = 0;
    bool accept = false;
  };
  struct running_emit {
    emit_job job;
    std::uint64_t made = 0;
    std::int64_t progress_ms = 0;
    std::unique_ptr<net::http_exchange> exchange;
  };

  server(net::event_loop& loop, server_options options, const discord_options& world,
         std::function<void()> on_quit);
  [[nodiscard]] std::int64_t now_ms() const noexcept;
  void gateway_request_came(std::unique_ptr<net::http_exchange> exchange);
  void control_request_came(std::unique_ptr<net::http_exchange> exchange);
  void upgrade_came(std::unique_ptr<net::http_exchange> exchange);
  void upgrade(std::unique_ptr<net::http_exchange> exchange);
  /// Reads the body, if one may come, and calls back with the exchange.
  void with_body(std::unique_ptr<net::http_exchange> exchange, std::size_t bytes_max,
                 std::move_only_function<void(std::unique_ptr<net::http_exchange>, std::string)> then);
  void answer_control(std::unique_ptr<net::http_exchange> exchange, const std::string& body);
  [[nodiscard]] static bool on_resume_path(const net::http_request& request);
  void accept_late_upgrades();
  static void respond(net::http_exchange& exchange, http_reply reply);
  void tick();
  void run_emits();
  void pour(std::unique_ptr<net::http_exchange> exchange);

  net::event_loop& loop_;
  server_options options_;
  std::function<void()> on_quit_;
  base::instant started_;
  std::int64_t started_unix_ms_;
  discord core_;
  rest_api rest_;
  control_api control_api_;
  std::unordered_map<connection_id, std::unique_ptr<gateway_client>> clients_;
  connection_id next_client_ = 0;
  std::unordered_map<std::uint64_t, pending_exchange> pending_;
  std::uint64_t next_pending_ = 0;
  std::list<late_upgrade> late_upgrades_;
  dead_ends dead_ends_;
  std::list<running_emit> emits_;
  bool emit_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< for work still queued on the loop
  net::timer timer_;
  std::unique_ptr<net::http_server> gateway_;
  std::unique_ptr<net::http_server> control_;
};

}  // namespace evergate::sim
