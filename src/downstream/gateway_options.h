// What an operator may set about the downstream gateway, with the defaults. A value; read by every loop,
// changed by none while the gateway runs. Limits of HTTP itself are net::listen_options.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/secret.h"
#include "controllers/desk.h"
#include "downstream/consumer_news.h"
#include "downstream/consumer_policy.h"
#include "downstream/delivery_rules.h"
#include "net/websocket.h"
#include "proto/intents.h"

namespace evergate::downstream {

/// A connection's number has its loop's in its low 8 bits.
inline constexpr std::uint32_t loops_max = 256;

struct gateway_options {
  base::secret token;                                        ///< the bot's; required
  proto::intent_bits intents = proto::intent::unprivileged;  ///< the application's: bots may ask for a subset

  std::string public_url;          ///< ws:// or wss:// URL to give out; empty = from the Host header
  std::uint32_t lanes = 0;         ///< `shards` of /gateway/bot; 0 = one per 100 upstream shards
  std::uint32_t lanes_max = 4096;  ///< largest n of a bot's [i, n] (4010 beyond)
  std::string rest_base = "https://discord.com/api";    ///< where other REST paths are passed to
  std::size_t body_bytes_max = std::size_t{128} << 20;  ///< one REST request body
  base::milliseconds rest_timeout{60'000};              ///< of a passed-through request, without progress

  base::milliseconds heartbeat_interval{10'000};  ///< told in HELLO; each beat acknowledges
  std::uint32_t heartbeats_missed_max = 3;        ///< intervals without a beat before 4009
  bool ask_heartbeats = true;                     ///< by op 1, of libraries that bear it
  base::milliseconds ask_interval{1'000};         ///< between two of these
  base::milliseconds identify_timeout{10'000};    ///< from the connection (or op 9) to IDENTIFY or RESUME
  base::milliseconds hello_delay{10};             ///< from the 101 to HELLO
  std::uint32_t sends_max = 120;  ///< messages of one connection per sends_window (4008 beyond)
  base::milliseconds sends_window{60'000};
  std::size_t message_bytes_max = 4096;                ///< one message from a bot (4002 beyond)
  std::size_t unauthenticated_per_address_max = 1000;  ///< WebSockets of one address that have not identified
  std::size_t consumers_max = 64;                      ///< named consumers
  consumer_policies consumers;                         ///< what each of them is allowed, shown and owed

  std::uint32_t seq_max = 0x7fff'fff0;        ///< a session ends (op 9) before it passes this
  base::milliseconds cursor_interval{100};    ///< cursors and sessions are written at most this often
  base::milliseconds queue_quiet{1'000};      ///< queued events wait until no IDENTIFY came for this long …
  base::milliseconds queue_wait_max{15'000};  ///< … but at most this long after a lane got its guilds
  base::milliseconds takeover_wait{5'000};    ///< how long a replaced bot may take to acknowledge
  interaction_rules interactions;
  std::uint32_t catch_up_max_rate = 0;  ///< events a second of a lane behind the head; 0 = unlimited
  /// After an unclean end what was acknowledged within this is sent again: its handlers may not have ended.
  base::milliseconds handler_grace{0};
  poison_rules poison;
  std::size_t dead_letters_max = 1'000;

  base::milliseconds bounds_interval{1'000};  ///< how often consumers are held to their bounds
  base::milliseconds tick{100};               ///< how often deadlines are looked at
  std::size_t pump_bytes = 256 * 1024;        ///< payload one lane may write per turn of its loop
  std::size_t read_bytes = 256 * 1024;        ///< hint for one read of the journal
  net::ws_options socket = default_socket();
  const decide::desk* decisions = &decide::desk::plain();
  consumer_listener on_consumer;  ///< empty = nobody listens

  /// What waits for a slow bot keeps an answer to its heartbeat, and an interaction, no longer than this: a
  /// bot without an answer when its next beat is due takes the connection for dead.
  [[nodiscard]] net::ws_options bot_socket() const {
    auto out = socket;
    out.output_wait_max = std::min<base::milliseconds>(heartbeat_interval / 4, base::milliseconds{500});
    return out;
  }
  /// Small messages in, at most 16 fragments; a little over message_bytes_max so that the session can say
  /// 4002.
  [[nodiscard]] static net::ws_options default_socket() {
    net::ws_options out;
    out.limits = {.message_bytes_max = 16 * 1024, .fragments_max = 16, .check_utf8 = false};
    out.read_bytes = 16 * 1024;
    return out;
  }
};

}  // namespace evergate::downstream
