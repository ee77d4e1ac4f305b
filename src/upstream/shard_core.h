// A shard without its socket, timers and thread: the session machine, the reading of payloads, and what goes
// from them into the worker's batch. Carried by a shard_shell, which is the daemon's shard or a simulation's.
// Owned by the shell; one thread; bounded by the session's queue and the inflate limits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/rng.h"
#include "base/secret.h"
#include "flow/intake.h"
#include "upstream/open_batch.h"
#include "upstream/payload_reader.h"
#include "upstream/session.h"
#include "upstream/shard_news.h"

namespace evergate::upstream {

/// What a core asks of whoever carries it. Called from inside the core's functions; must not call back into
/// it.
class shard_shell {
 public:
  virtual ~shard_shell() = default;
  /// Open a connection, now or when it may be; answered by opened() or closed(), always.
  virtual void connect(const action::connect& where, base::instant now) = 0;
  virtual void send(std::string_view frame) = 0;
  /// Send a close frame and forget the connection.
  virtual void close(std::uint16_t code) = 0;
  /// Drop the connection without a close frame and forget it.
  virtual void drop() = 0;
  virtual void arm(timer_kind kind, base::instant when) = 0;
  virtual void disarm(timer_kind kind) = 0;
  virtual void request_turn() = 0;
  virtual void cancel_turn() = 0;
  virtual void identify_sent(base::instant now) = 0;
  virtual void identify_refused(base::instant now) = 0;
  /// The open batch has grown: arrange its hand-over.
  virtual void batch_grew() = 0;
  virtual void on_live(bool live) = 0;
  virtual void on_fatal(std::uint16_t code) = 0;
  virtual void tell(const shard_news& what) { (void)what; }
  [[nodiscard]] virtual std::int64_t wall_ms() const = 0;
};

/// What a core stands on; everything outlives it.
struct shard_core_ground {
  shard_shell& shell;
  open_batch& batch;
  flow::intake& intake;
  base::logger& log;
  const base::secret& token;
};

struct shard_core_options {
  session_options session;
  proto::compression compress = proto::compression::zstd_stream;
  proto::inflate_limits inflate;
};

class shard_core {
 public:
  shard_core(shard_core_ground ground, shard_core_options options, std::optional<flow::stored_session> stored,
             std::uint64_t seed);

  // From the worker.
  void start(base::instant now) { feed(input::start{}, now); }
  void stop(bool log_off, base::instant now) { feed(input::stop{log_off}, now); }
  void turn(base::instant not_before, base::instant now) { feed(input::turn{not_before}, now); }
  void probe(base::instant now) { feed(input::probe{}, now); }
  void committed(flow::committed_seq seq, base::instant now) { feed(input::committed{seq}, now); }
  void command(int op, std::string frame, base::instant now) {
    feed(input::command{op, std::move(frame)}, now);
  }
  /// Reading from the socket stops or goes on. May be called from inside the core's own functions (its event
  /// filled the batch): the session then hears of it when the step is done.
  void pause(bool paused, base::instant now);

  // From the socket and the timers.
  void opened(base::instant now) {
    ground_.shell.tell({.what = shard_news::kind::connected});
    feed(input::opened{}, now);
  }
  void message(std::string_view bytes, base::instant now);
  /// `connected`: it had been open.
  void closed(std::uint16_t code, bool connected, base::instant now);
  /// Ends the connection (and with `log_off` the session) and begins anew.
  void restart(bool log_off, base::instant now) {
    stop(log_off, now);
    start(now);
  }
  /// `unread`: the socket holds bytes that have not been read yet.
  void timer(timer_kind kind, bool unread, base::instant now) { feed(input::timer{kind, unread}, now); }

  [[nodiscard]] const upstream::session& session() const noexcept { return session_; }
  [[nodiscard]] proto::shard_key key() const noexcept { return session_.shard(); }
  [[nodiscard]] std::uint64_t events() const noexcept { return events_; }
  /// For masking keys and the like.
  [[nodiscard]] std::uint64_t chance() noexcept { return chance_(); }

 private:
  void feed(const session_input& what, base::instant now);
  void tell_reading(base::instant now);

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
  void carry_out(action::proof& what, base::instant now);
  void carry_out(action::heard& what, base::instant now);

  shard_core_ground ground_;
  base::rng chance_;
  upstream::session session_;
  payload_reader reader_;
  session_actions actions_;
  bool stepping_ = false;
  bool paused_ = false;
  bool paused_told_ = false;
  bool live_ = false;
  std::string_view why_;  ///< the last note: a literal
  proto::envelope envelope_;
  open_batch::slot progress_;
  std::uint64_t events_ = 0;
};

}  // namespace evergate::upstream
