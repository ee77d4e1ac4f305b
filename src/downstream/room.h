// One loop's share of the gateway: its connections, one timer for all their deadlines, and what they have in
// common. Owned by the gateway; everything but post() and wake() on its loop only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/log.h"
#include "base/rng.h"
#include "downstream/batch_reader.h"
#include "downstream/bot_core.h"
#include "downstream/client_frame.h"
#include "downstream/command_router.h"
#include "downstream/consumers.h"
#include "downstream/doorkeeper.h"
#include "downstream/gateway_options.h"
#include "flow/journal.h"
#include "net/event_loop.h"
#include "net/http_server.h"

namespace evergate::downstream {

class bot_connection;

/// Rings when a connection has gone, for those who wait for all to go.
struct exit_bell {
  std::mutex mutex;
  std::condition_variable rung;
};

/// What all rooms share. The gateway owns it; it outlives them.
struct surroundings {
  const gateway_options& options;
  flow::event_source& events;
  flow::guild_source& guilds;
  consumers& readers;
  command_router& commands;
  order_desk& desk;
  doorkeeper& door;
  exit_bell& exits;
  base::logger& log;
};

class room {
 public:
  room(net::event_loop& loop, std::uint8_t index, surroundings around, std::uint64_t seed);
  ~room();
  room(const room&) = delete;
  room& operator=(const room&) = delete;

  /// Starts the timer. On the loop.
  void open();
  /// Ends every connection: with 4000 (which every library resumes after), or by dropping it. On the loop.
  void close(bool drop);

  /// Takes a WebSocket upgrade: `consumer` is the name in its path, `url` what READY gives out. On the loop.
  void admit(std::unique_ptr<net::http_exchange> exchange, std::string consumer, std::string url);

  /// Thread-safe: pumps every connection once, soon; calls in between are one.
  void wake();
  /// On the loop.
  void carry(consumer_order order);
  /// Thread-safe: at_most_once may send up to here.
  void reserved(holder_id who, flow::offset upto);
  void interactions_reserved(holder_id who, std::uint64_t ticket);

  /// Thread-safe: an explicit acknowledgement; `done` is called on the loop.
  void acknowledge(holder_id who, std::string session, std::int64_t seq,
                   std::move_only_function<void(const call_outcome&)> done);

  /// A connection's wishes. On the loop.
  void pump_later(holder_id who);
  void bury(holder_id who);
  [[nodiscard]] std::string new_session_id();

  [[nodiscard]] net::event_loop& loop() noexcept { return loop_; }
  /// What its bots share.
  [[nodiscard]] bot_services services() noexcept;
  [[nodiscard]] doorkeeper& door() noexcept { return around_.door; }
  [[nodiscard]] std::size_t connections() const noexcept { return open_.load(std::memory_order_relaxed); }

 private:
  void tick();
  void pump_all();
  void sweep();

  net::event_loop& loop_;
  const std::uint8_t index_;
  const surroundings around_;
  batch_reader reader_;
  client_frame_reader frames_;
  net::timer timer_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<holder_id, std::unique_ptr<bot_connection>> connections_;
  std::vector<holder_id> dead_;
  std::unordered_set<holder_id> hungry_;
  bool pump_posted_ = false;
  bool sweep_posted_ = false;
  std::atomic<bool> woken_{false};
  std::atomic<std::size_t> open_{0};
  base::rng chance_;
};

}  // namespace evergate::downstream
