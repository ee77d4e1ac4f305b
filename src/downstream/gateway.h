// The gateway that unmodified bot libraries connect to: REST shim, pass-through and WebSockets on one
// listener, its connections spread over the given loops. Owned by the wiring code, which calls start() and
// stop() from a thread of its own while the loops run. Bounds: gateway_options and net::http_limits.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "downstream/backlog_keeper.h"
#include "downstream/command_router.h"
#include "downstream/consumer_control.h"
#include "downstream/consumers.h"
#include "downstream/doorkeeper.h"
#include "downstream/gateway_options.h"
#include "downstream/rest_proxy.h"
#include "downstream/room.h"
#include "flow/command.h"
#include "flow/journal.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace evergate::downstream {

class gateway final : public flow::commit_listener, private order_desk {
 public:
  /// At most 256 loops. Everything given by reference outlives the gateway; the journal tells it nothing more
  /// (on_commit, consumer_change::done) once it is being destroyed.
  gateway(std::vector<net::event_loop*> loops, net::listen_options listen, gateway_options options,
          flow::event_source& events, flow::guild_source& guilds, flow::consumer_store& store,
          flow::command_sink& commands, flow::reply_table& replies, flow::fleet_view& fleet,
          net::http_client& http, base::logger& log);
  ~gateway() override;

  /// Reads the consumers (blocks on disk) and listens. The loops may run already.
  [[nodiscard]] base::result<void> start();
  /// Closes all bots with 4000, after which every library resumes; `drop` ends the connections without a
  /// close frame. Waits until they are gone, at most the socket's close_timeout, and hands the last cursors
  /// to the store. The loops must run; not to be called on one of them.
  void stop(bool drop = false);

  // Any thread, at any time; nothing before start() and once it stops.
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::size_t connections() const;
  /// By loop; between start() and stop().
  [[nodiscard]] std::vector<std::size_t> connections_by_loop() const;
  /// Between start() and stop(); thread-safe.
  [[nodiscard]] command_router& commands() noexcept { return router_; }
  /// For status pages: a snapshot under each consumer's mutex.
  [[nodiscard]] consumers& readers() noexcept { return readers_; }
  /// For operators; between start() and stop().
  [[nodiscard]] consumer_control& control() noexcept { return control_; }

  void on_commit(const std::shared_ptr<const flow::commit>& done) override;
  void on_room() override {}
  void on_stalled(const std::string&) override {}

 private:
  void carry(consumer_orders orders) override;
  void reserved(holder_id who, flow::offset upto) override;
  void interactions_reserved(holder_id who, std::uint64_t ticket) override;
  void answer(std::unique_ptr<net::http_exchange> exchange);
  [[nodiscard]] std::uint32_t lanes_for(const std::string& consumer) const;
  void upgrade(std::unique_ptr<net::http_exchange> exchange);
  /// POST /c/NAME/ack.
  void acknowledge(std::unique_ptr<net::http_exchange> exchange, const std::string& name);
  void open_to_journal(bool open);
  void arm_flush();
  /// Runs `work` on every loop and waits for all of them.
  void on_every_loop(const std::function<void(std::size_t)>& work);

  const std::vector<net::event_loop*> loops_;
  net::listen_options listen_;
  const gateway_options options_;
  flow::event_source& events_;
  flow::guild_source& guilds_;
  flow::fleet_view& fleet_;
  net::http_client& http_;
  base::logger& log_;
  consumers readers_;
  consumer_control control_;
  command_router router_;
  doorkeeper door_;
  exit_bell exits_;
  std::vector<std::unique_ptr<room>> rooms_;
  std::vector<std::unique_ptr<rest_proxy>> proxies_;
  std::unique_ptr<backlog_keeper> keeper_;   ///< when a consumer has bounds
  std::unique_ptr<net::timer> flush_timer_;  ///< on the first loop
  std::unique_ptr<net::http_server> server_;
  mutable std::mutex stopping_mutex_;  ///< against the journal's thread, once per commit
  std::atomic<bool> stopping_{true};
};

}  // namespace evergate::downstream
