// What the library tells its user. Thread rule for all of it, unless an event says otherwise: called on one
// thread of the library, the event thread, one call after the other, in the order in which things happened.
// A slow function delays the others and nothing else: events of bots go their own way, and dispatches wait in
// the journal. A function that throws is logged and counted (gateway_manager::event_failures), and the next
// call comes as ever.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "evergate/gateway_state.h"
#include "evergate/resharding.h"

namespace evergate {

/// An event of Discord's, after its commit. The views are valid during the call.
struct dispatch_event {
  std::uint64_t offset = 0;    ///< its place in the journal; grows
  std::string_view type;       ///< as in `t`
  std::string_view d;          ///< the bytes as Discord sent them (JSON)
  std::uint64_t guild_id = 0;  ///< 0 = of no guild
  shard_id shard;              ///< that received it
  std::uint32_t seq = 0;       ///< in the shard's session
};

/// How a shard's connection ended.
struct disconnection {
  std::uint16_t code = 0;  ///< of the close frame; 1006 = there was none, 0 = dropped by us without one
  bool by_us = false;      ///< we ended it
  /// Why we did, or `connect_failed`: `zombie`, `op7`, `op9`, `no_hello`, `no_ready`, `no_resumed`, `slept`,
  /// `logged_off`, `dropped`, …; empty when Discord closed.
  std::string_view why;
};

/// A stretch of events that somebody will never see.
struct gap_event {
  std::uint64_t offset = 0;  ///< of the GAP record in the journal
  /// JSON: `{"shard":[i,n],"session_id":…,"last_seq":…,"time_ms":…,"cause":…}`, with `"consumer":…` when only
  /// that one misses something.
  std::string d;
};

/// Something that happened to a consumer or to a bot of it.
struct consumer_event {
  /// What.
  enum class kind : std::uint8_t {
    identified,  ///< a bot has its READY
    resumed,     ///< a bot has everything that it missed, and RESUMED
    left,        ///< a bot's connection has ended
    paused,      ///< by its operator
    goes_on,     ///< the pause, or what a drain held, has ended
    draining,    ///< a drain has begun
    gave_up,     ///< events were skipped, dropped, or past its bounds
  };
  kind what = kind::identified;  ///< what happened
  std::string consumer;          ///< its name
  std::uint32_t lane = 0;        ///< of a bot's: the lane's id
  std::uint32_t lanes = 0;       ///< of a bot's: the n that it chose; 0 = it is not about a bot
};

/// Functions of yours. Those that are empty cost nothing.
struct gateway_events {
  /// The application cannot go on (bad token, disallowed intents, …); shards have stopped. Once.
  std::function<void(const std::string& why)> fatal;
  /// The store was found damaged while running, after fatal(): shutdown() and a new manager over the same
  /// options sets it aside and goes on.
  std::function<void(const std::string& why)> store_damaged;
  /// A resharding has begun, entered another phase or ended (`idle`, with `last`).
  std::function<void(const resharding_status& now)> resharding;

  /// Every event of Discord's, after its commit and in the journal's order, from
  /// gateway_options::dispatch_from on. It may take its time: what comes next waits in the journal, as long
  /// as queue.max_* allow.
  std::function<void(const dispatch_event& event)> dispatch;
  /// A GAP record was written: events are lost for all, or for one consumer.
  std::function<void(const gap_event& gap)> gap;
  /// A bot came or left, or an operator did something to a consumer.
  std::function<void(const consumer_event& what)> consumer;

  /// A shard opens a connection.
  std::function<void(shard_id shard)> connecting;
  /// Its WebSocket is open.
  std::function<void(shard_id shard)> connected;
  /// HELLO has come.
  std::function<void(shard_id shard)> hello;
  /// IDENTIFY was sent.
  std::function<void(shard_id shard)> identifying;
  /// RESUME was sent.
  std::function<void(shard_id shard)> resuming;
  /// READY has come: a new session.
  std::function<void(shard_id shard)> ready;
  /// RESUMED has come: the replay is through.
  std::function<void(shard_id shard)> resumed;
  /// A heartbeat was sent.
  std::function<void(shard_id shard)> heartbeat;
  /// It was acknowledged, `latency_ms` after it was sent; −1 = unknown.
  std::function<void(shard_id shard, std::int64_t latency_ms)> heartbeat_ack;
  /// Op 9. Unless it is `resumable`, a new session is asked for and a GAP follows.
  std::function<void(shard_id shard, bool resumable)> invalid_session;
  /// Op 7. A reconnect with RESUME follows.
  std::function<void(shard_id shard)> requested_reconnect;
  /// The connection, or the attempt to open one, has ended. Another follows unless somebody ended it for
  /// good or it was fatal.
  std::function<void(shard_id shard, const disconnection& how)> disconnected;
};

}  // namespace evergate
