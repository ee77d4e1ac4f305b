// One upstream shard: a session machine with a socket, an inflater and timers. Owned by its worker; every
// call on the worker's loop except those marked thread-safe. Bounded by the session's queue, the WebSocket
// and inflate limits.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/rng.h"
#include "base/secret.h"
#include "flow/intake.h"
#include "net/event_loop.h"
#include "net/tls.h"
#include "net/websocket.h"
#include "proto/compression.h"
#include "upstream/batcher.h"
#include "upstream/session.h"
#include "upstream/shard_services.h"
#include "upstream/shard_status.h"

namespace evergate::upstream {

struct shard_options {
  session_options session;
  proto::compression compress = proto::compression::zstd_stream;
  proto::inflate_limits inflate;
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

class shard final : private net::ws_handler {
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
  void pause(bool paused);
  /// Takes over one command that reserve_command() let through (presences need none).
  void command(int op, std::string frame, bool reserved);

  /// Thread-safe: room for one more command, counted from now on.
  [[nodiscard]] bool reserve_command() noexcept;
  /// Thread-safe copy.
  [[nodiscard]] shard_status status() const noexcept;
  [[nodiscard]] proto::shard_key key() const noexcept { return session_.shard(); }

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

  void feed(const session_input& what, base::instant now);
  void feed(const session_input& what) { feed(what, base::boot_clock::now()); }
  void broken(const base::error& why, std::size_t bytes);
  void publish() noexcept;
  void tell_reading();

  void carry_out(action::connect& what, base::instant now);
  void carry_out(action::send& what, base::instant now);
  void carry_out(action::close& what, base::instant now);
  void carry_out(action::drop& what, base::instant now);
  void carry_out(action::request_turn& what, base::instant now);
  void carry_out(action::cancel_turn& what, base::instant now);
  void carry_out(action::identify_sent& what, base::instant now);
  void carry_out(action::identify_refused& what, base::instant now);
  void carry_out(action::set_timer& what, base::instant now);
  void carry_out(action::cancel_timer& what, base::instant now);
  void carry_out(action::accept& what, base::instant now);
  void carry_out(action::session_changed& what, base::instant now);
  void carry_out(action::gap& what, base::instant now);
  void carry_out(action::live& what, base::instant now);
  void carry_out(action::fatal& what, base::instant now);
  void carry_out(action::note& what, base::instant now);
  void take_place(const action::connect& what, base::instant now);
  void open_connection(const action::connect& what);
  void forget_connection();
  void connect_failed(const base::error& why);

  shard_ground ground_;
  const shard_options options_;
  base::rng chance_;
  session session_;
  session_actions actions_;
  bool stepping_ = false;

  std::array<net::timer, timer_kind_count> timers_;
  net::timer connect_timer_;
  std::unique_ptr<proto::inflater> inflater_;
  std::unique_ptr<net::websocket> socket_;
  bool opened_ = false;
  bool paused_ = false;
  bool paused_told_ = false;
  quiet quiet_{*this};
  std::unique_ptr<net::websocket> closing_;
  std::move_only_function<void()> stopped_;

  proto::envelope envelope_;
  std::optional<base::instant> turn_now_;  ///< one clock reading for the messages of one read
  batcher::slot progress_;
  std::uint64_t events_ = 0;
  std::int64_t last_event_ms_ = 0;
  bool event_seen_ = false;
  bool live_ = false;
  shard_gauges gauges_;
  std::atomic<std::uint32_t> commands_posted_{0};
};

}  // namespace evergate::upstream
