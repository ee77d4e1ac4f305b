// The life of one upstream shard as a machine without I/O: step(input, now) gives actions. Knows Discord's
// connection life cycle completely; knows no sockets, clocks or threads. Owned by its shard (or by the
// simulation); one thread. Bounded: one session, one connection, the send window's queue.
// Source: Discord documentation, Gateway, "Connection Lifecycle".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/rng.h"
#include "base/secret.h"
#include "controllers/desk.h"
#include "flow/journal.h"
#include "proto/backoff.h"
#include "proto/close_code.h"
#include "proto/heartbeat.h"
#include "proto/send_window.h"
#include "upstream/frames.h"
#include "upstream/resume_plan.h"
#include "upstream/session_step.h"

namespace evergate::upstream {

struct session_timeouts {
  base::milliseconds hello{10'000};
  base::milliseconds ready{120'000};   ///< from IDENTIFY; READY may come late in an outage
  base::milliseconds resumed{60'000};  ///< without any dispatch, from RESUME
  /// An IDENTIFY later than this after its turn (the machine slept) would meet the next one's: another turn.
  base::milliseconds turn{50'000};
  base::milliseconds slow_connect{3'000};  ///< a host that fails after this long is not tried three times
  base::milliseconds jitter{500};       ///< the first reconnect waits up to this long, so that waves spread
  base::milliseconds slow_down{1'000};  ///< before a reconnect after 4008; longer would overflow the replay
  base::milliseconds invalid_least{1'000};  ///< the pause after op 9 is uniform between these
  base::milliseconds invalid_most{5'000};
};

struct session_options {
  identify_fields identify;
  session_timeouts timeouts;
  proto::heartbeat_options heartbeat;
  proto::backoff_options backoff;
  proto::send_window_options window;
  resume_plan_options resume;
  const decide::desk* decisions = &decide::desk::plain();
};

enum class session_state : std::uint8_t {
  offline,   ///< not started, or stopped
  pausing,   ///< waits before the next try
  settling,  ///< waits until the lost session's events are durable, so that sequences cannot be mixed up
  queued,    ///< waits for a turn to identify
  connecting,
  greeting,     ///< waits for HELLO
  turning,      ///< HELLO came, the turn's instant has not
  identifying,  ///< waits for READY
  resuming,     ///< waits for RESUMED (or for a committed sequence to send RESUME with)
  live,
  failed,  ///< a fatal close code
};
[[nodiscard]] std::string_view name_of(session_state state) noexcept;

/// What happened since the machine was made.
struct session_counters {
  std::uint64_t connects = 0;
  std::uint64_t identifies = 0;
  std::uint64_t identifies_refused = 0;
  std::uint64_t resumes = 0;  ///< RESUMED received
  std::uint64_t resumes_sent = 0;
  std::uint64_t gaps = 0;
  std::uint64_t zombies = 0;
  std::uint64_t repeats = 0;     ///< dispatches dropped because their sequence had been received
  std::uint64_t jumps = 0;       ///< dispatches whose sequence left some out
  std::uint64_t unexpected = 0;  ///< payloads that have no place in the state they came in
  std::uint64_t commands_refused = 0;
};

class session {
 public:
  /// `token` must outlive the machine. `stored` is what an earlier run left.
  session(session_options options, const base::secret& token, std::optional<flow::stored_session> stored);

  /// Takes one input and appends what is to be done, in order.
  void step(const session_input& what, base::instant now, base::rng& chance, session_actions& out);

  [[nodiscard]] session_state state() const noexcept { return state_; }
  [[nodiscard]] bool has_session() const noexcept { return !id_.empty(); }
  [[nodiscard]] const std::string& session_id() const noexcept { return id_; }
  [[nodiscard]] proto::shard_key shard() const noexcept { return options_.identify.shard; }
  [[nodiscard]] std::int64_t received() const noexcept { return received_; }
  [[nodiscard]] flow::committed_seq committed() const noexcept { return committed_; }
  [[nodiscard]] std::optional<base::nanoseconds> latency() const noexcept { return heartbeat_.latency(); }
  [[nodiscard]] const session_counters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::size_t commands_queued() const noexcept { return window_.queued(); }

 private:
  /// The arguments of a step, handed through it.
  struct context {
    base::instant now;
    base::rng& chance;
    session_actions& out;
  };

  void take(const input::start&, context& c);
  void take(const input::stop& what, context& c);
  void take(const input::opened&, context& c);
  void take(const input::closed& what, context& c);
  void take(const input::payload& what, context& c);
  void take(const input::broken&, context& c);
  void take(const input::timer& what, context& c);
  void take(const input::turn& what, context& c);
  void take(const input::committed& what, context& c);
  void take(const input::reading& what, context& c);
  void take(const input::command& what, context& c);
  void take(const input::probe&, context& c);

  // Payloads (session_payload.cpp).
  void on_dispatch(const proto::envelope& e, context& c);
  void on_ready(const proto::envelope& e, context& c);
  void on_hello(const proto::envelope& e, context& c);
  void on_invalid_session(bool resumable, context& c);
  void on_reconnect(context& c);
  void accept(const proto::envelope& e, context& c);
  void progress(bool proven) noexcept;

  // The connection.
  void next_try(context& c);
  void connect(url_kind kind, context& c);
  void unreachable(context& c);
  void send_identify(context& c);
  void send_resume(context& c);
  /// What Discord is told that we have.
  [[nodiscard]] flow::committed_seq told() const noexcept;
  void beat(context& c);
  void send_beat(context& c);
  void tend_heartbeat(context& c, bool unread = false);
  void on_ack(context& c);
  void send_commands(context& c);
  void judge_close(std::uint16_t code, context& c);
  [[nodiscard]] proto::close_verdict verdict_of(std::uint16_t code) const;
  [[nodiscard]] identify_fields identity() const;
  void on_overdue(context& c);
  void leave(std::string_view why, context& c);
  void connection_over(context& c);
  void pause_then_retry(base::nanoseconds delay, context& c);
  void retry(context& c);
  [[nodiscard]] base::nanoseconds retry_delay(base::rng& chance);
  [[nodiscard]] base::nanoseconds invalid_delay(base::rng& chance) const;
  void lose_session(std::string cause, context& c);
  [[nodiscard]] bool settled() const noexcept { return received_ < 0 || committed_.value() >= received_; }
  [[nodiscard]] bool connected() const noexcept;

  void set_deadline(base::milliseconds span, context& c);
  void clear_deadline(context& c);
  void arm(timer_kind kind, base::instant when, context& c);
  void disarm(timer_kind kind, context& c);

  session_options options_;
  const base::secret& token_;
  session_state state_ = session_state::offline;

  // The session: survives connections.
  std::string id_;
  std::string resume_url_;
  std::int64_t received_ = -1;
  flow::committed_seq committed_;
  bool ended_ = false;   ///< the session is lost, and received_ and committed_ are still its
  int ends_untold_ = 0;  ///< ended sessions whose end has not been told to be durable
  resume_plan plan_;
  bool timed_out_once_ = false;  ///< a 4009 came and no progress since

  // The connection: begins anew with each.
  proto::heartbeat heartbeat_;
  proto::send_window window_;
  proto::backoff backoff_;
  bool was_live_ = false;
  bool holds_turn_ = false;
  bool awaits_commit_ = false;
  bool proven_ = false;  ///< progress has been noted on this connection
  base::instant not_before_{};
  base::instant connecting_since_{};
  base::instant dispatched_at_{};

  // A probe under way on this connection: Discord answers heartbeats one by one, in order.
  bool presence_sent_ = false;     ///< in the IDENTIFY
  bool presence_refused_ = false;  ///< so that the next goes without, until a bot sets another
  std::uint64_t beats_ = 0;
  std::uint64_t acks_ = 0;
  std::optional<std::uint64_t> probe_beat_;
  base::instant probe_sent_{};

  bool reading_paused_ = false;
  base::milliseconds deadline_span_{0};
  std::optional<base::instant> armed_[timer_kind_count];
  session_counters counters_;
};

}  // namespace evergate::upstream
