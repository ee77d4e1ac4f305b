// What goes into the session machine and what comes out: plain values, so that a run can be recorded,
// replayed and simulated. An input is taken by session::step; actions land in a buffer that its caller owns
// and carries out in order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "flow/event_batch.h"
#include "flow/intake.h"
#include "flow/offset.h"
#include "proto/envelope.h"

namespace evergate::upstream {

/// The machine's own timers: one of each kind, arming again replaces.
enum class timer_kind : std::uint8_t {
  heartbeat,  ///< next beat or verdict
  deadline,   ///< HELLO, READY or RESUMED is overdue
  reconnect,  ///< a pause before the next try is over
  send,       ///< the send window has room again, or the IDENTIFY may leave
};
inline constexpr std::size_t timer_kind_count = 4;

/// Which URL a connection goes to.
enum class url_kind : std::uint8_t {
  main,    ///< from /gateway/bot
  resume,  ///< resume_gateway_url of the READY, in `connect::resume_url`
};

namespace input {
/// Begin: RESUME the stored session, or IDENTIFY.
struct start {};
/// End. `log_off` closes with 1000, which ends the session at Discord; otherwise Discord keeps it.
struct stop {
  bool log_off = false;
};
/// The connection asked for is open.
struct opened {};
/// The connection asked for is gone or never came. Not told after the machine itself ended it.
struct closed {
  std::uint16_t code = 1006;
  bool connected = false;  ///< it had been open
};
/// A payload was received. Views are used during the step only.
struct payload {
  const proto::envelope* envelope = nullptr;
};
/// What was received cannot be read (broken compression, JSON or size).
struct broken {};
struct timer {
  timer_kind kind = timer_kind::heartbeat;
  bool unread = false;  ///< the socket holds bytes that have not been read yet
};
/// The identify turn asked for has come.
struct turn {
  base::instant not_before;
};
/// The journal has made this much of the shard's sequence durable.
struct committed {
  flow::committed_seq seq;
};
/// Our own reading from the socket stops or goes on (back-pressure).
struct reading {
  bool paused = false;
};
/// Somebody wants to know that everything up to now has arrived: beat, and tell when it is acknowledged.
struct probe {};
/// A frame `{"op":…,"d":…}` to send once the session is live.
struct command {
  int op = 0;
  std::string frame;
};
}  // namespace input

using session_input =
    std::variant<input::start, input::stop, input::opened, input::closed, input::payload, input::broken,
                 input::timer, input::turn, input::committed, input::reading, input::command, input::probe>;

namespace action {
/// Open a connection; answered by opened or closed, always.
struct connect {
  url_kind kind = url_kind::main;
  std::string resume_url;
};
/// Send a text message. `secret` frames carry the token: never to be logged.
struct send {
  std::string frame;
  bool heartbeat = false;
  bool secret = false;
};
/// Send a close frame and forget the connection.
struct close {
  std::uint16_t code = 4000;
};
/// Drop the connection without a close frame and forget it.
struct drop {};
/// Ask for a turn to identify; answered by turn.
struct request_turn {};
/// Leave the line, or give the turn back.
struct cancel_turn {};
/// The IDENTIFY is among the frames sent.
struct identify_sent {};
/// Discord refused the IDENTIFY with op 9.
struct identify_refused {};
struct set_timer {
  timer_kind kind = timer_kind::heartbeat;
  base::instant when;
};
struct cancel_timer {
  timer_kind kind = timer_kind::heartbeat;
};
/// The dispatch of this step's payload goes to the pipeline. `seq` is −1 when it carries none.
struct accept {
  std::int64_t seq = -1;
};
/// A new session, or (empty id) the end of one: for the store, in order with the events.
struct session_changed {
  flow::session_record record;
};
/// A stretch of events is lost; the shell adds the wall time.
struct gap {
  flow::gap_record record;
};
/// A heartbeat that a probe asked for was acknowledged.
struct proof {
  base::instant sent;
};
/// The session is live: READY (or RESUMED) came.
struct live {
  bool resumed = false;
};
/// Discord wants no reconnect: all shards of the application stop.
struct fatal {
  std::uint16_t code = 0;
};
/// A payload of the connection's own was received: HELLO, an acknowledged heartbeat, op 9 or op 7.
struct heard {
  enum class kind : std::uint8_t { hello, ack, invalid_session, reconnect };
  kind what = kind::hello;
  bool resumable = false;  ///< of op 9
};
/// For the log: why the connection ends or a try failed. `what` is a literal.
struct note {
  std::string_view what;
  std::int64_t code = 0;
  base::log_level level = base::log_level::info;
};
}  // namespace action

using session_action =
    std::variant<action::connect, action::send, action::close, action::drop, action::request_turn,
                 action::cancel_turn, action::identify_sent, action::identify_refused, action::set_timer,
                 action::cancel_timer, action::accept, action::session_changed, action::gap, action::live,
                 action::fatal, action::note, action::proof, action::heard>;
using session_actions = std::vector<session_action>;

}  // namespace evergate::upstream
