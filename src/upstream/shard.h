// One upstream shard: its core with a socket and timers. Owned by its worker; every call on the worker's loop
// except those marked thread-safe. Bounded by the session's queue, the WebSocket and inflate limits.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/secret.h"
#include "flow/intake.h"
#include "net/event_loop.h"
#include "net/tls.h"
#include "net/websocket.h"
#include "upstream/batcher.h"
#include "upstream/shard_core.h"
#include "upstream/shard_services.h"
#include "upstream/shard_status.h"

namespace evergate::upstream {

struct shard_options {
  shard_core_options core;
  net::ws_options websocket;
  std::shared_ptr<net::tls_context> tls;
  std::uint32_t commands_queued_max = 1'000;
};

/// What a shard stands on; everything outlives it.
struct shard_ground {
  net::event_loop& loop;
  upstream::batcher& batcher;
  flow::intake& intake;
  shard_services& services;
  base::logger& log;
  const base::secret& token;
};

class shard final : private net::ws_handler, private shard_shell {
 public:
  shard(shard_ground ground, shard_options options, std::optional<flow::stored_session> stored,
        std::uint64_t seed);
  ~shard() override;
  shard(const shard&) = delete;
  shard& operator=(const shard&) = delete;

  void start();
  /// Ends the connection: dropped (Discord keeps the session) or, with `log_off`, closed with 1000. `done` is
  /// called when nothing is left open, perhaps at once.
  void stop(bool log_off, std::move_only_function<void()> done);
  void turn(base::instant not_before);
  void committed(flow::committed_seq seq);
  void probe();
  void pause(bool paused);
  /// Ends the connection, with `log_off` the session too, and begins anew: RESUME or IDENTIFY.
  void restart(bool log_off);
  /// Takes over one command that reserve_command() let through (presences need none).
  void command(int op, std::string frame, bool reserved);

  /// Thread-safe: room for one more command, counted from now on.
  [[nodiscard]] bool reserve_command() noexcept;
  /// Thread-safe copy.
  [[nodiscard]] shard_status status() const noexcept;
  [[nodiscard]] proto::shard_key key() const noexcept { return core_.key(); }

 private:
  /// Keeps a connection that we are closing until the peer has answered; nothing it says matters.
  struct quiet final : net::ws_handler {
    explicit quiet(shard& s) : owner(s) {}
    void on_message(net::ws_opcode, std::string_view) override {}
    void on_closed(const net::ws_closed&) override { owner.on_quiet_closed(); }
    shard& owner;
  };

  void on_open() override;
  void on_message(net::ws_opcode kind, std::string_view payload) override;
  void on_read_end() override;
  void on_closed(const net::ws_closed& how) override;
  void on_quiet_closed();

  // What the core asks for.
  void connect(const action::connect& where, base::instant now) override;
  void send(std::string_view frame) override;
  void close(std::uint16_t code) override;
  void drop() override;
  void arm(timer_kind kind, base::instant when) override;
  void disarm(timer_kind kind) override;
  void request_turn() override { ground_.services.request_turn(key().id); }
  void cancel_turn() override { ground_.services.cancel_turn(key().id); }
  void identify_sent(base::instant now) override { ground_.services.identify_sent(key().id, now); }
  void identify_refused(base::instant now) override { ground_.services.identify_refused(key().id, now); }
  void batch_grew() override { ground_.batcher.added(); }
  void on_live(bool live) override { ground_.services.on_live(live); }
  void on_fatal(std::uint16_t code) override { ground_.services.on_fatal(key().id, code); }
  void tell(const shard_news& what) override {
    publish();  // who hears of it may ask how the shard stands
    ground_.services.on_news(key(), what);
  }
  [[nodiscard]] std::int64_t wall_ms() const override { return base::unix_time_ms(); }

  void publish() noexcept;
  void take_place(const action::connect& what, base::instant now);
  void open_connection(const action::connect& what);
  void forget_connection();
  void connect_failed(const base::error& why);

  shard_ground ground_;
  const shard_options options_;
  shard_core core_;

  std::array<net::timer, timer_kind_count> timers_;
  net::timer connect_timer_;
  std::unique_ptr<net::websocket> socket_;
  bool opened_ = false;
  bool paused_ = false;
  quiet quiet_{*this};
  std::unique_ptr<net::websocket> closing_;
  std::move_only_function<void()> stopped_;

  std::optional<base::instant> turn_now_;  ///< one clock reading for the messages of one read
  std::int64_t last_event_ms_ = 0;
  std::uint64_t events_seen_ = 0;
  shard_gauges gauges_;
  std::atomic<std::uint32_t> commands_posted_{0};
};

}  // namespace evergate::upstream
