// A WebSocket connection over TCP or TLS on one event loop. Reads are large and decrypted in bulk; writes
// append to one buffer that is sent once per turn of the loop. The owner holds it by unique_ptr; destroying
// it drops the socket at once without a callback (to see a close frame out, wait for on_closed). Destroy it
// before its loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/rng.h"
#include "net/event_loop.h"
#include "net/tls.h"
#include "net/url.h"
#include "net/websocket_codec.h"

namespace evergate::net {

/// How a connection ended.
struct ws_closed {
  std::uint16_t code =
      1006;             ///< the peer's close code; 1005 = a close frame without one; 1006 = no close frame
  std::string reason;   ///< the peer's, or what failed locally
  bool clean = false;   ///< the peer sent a close frame
  bool by_us = false;   ///< the first close frame was ours
  base::error failure;  ///< set when it is not clean: connect, TLS, protocol, time
};

/// The owner's side. Every call comes on the connection's loop. A handler may close, abort or destroy the
/// connection from inside any call.
class ws_handler {
 public:
  virtual ~ws_handler() = default;
  virtual void on_open() {}  ///< client role only: the 101 has come
  /// `payload` is valid during the call.
  virtual void on_message(ws_opcode kind, std::string_view payload) = 0;
  /// After the messages of one read: the place to hand a batch on.
  virtual void on_read_end() {}
  /// It was congested, and a quarter of what may wait is left.
  virtual void on_drained() {}
  /// Exactly once, last.
  virtual void on_closed(const ws_closed& how) = 0;
};

struct ws_options {
  ws_limits limits{};
  std::size_t read_bytes = 256 * 1024;          ///< size of one read
  std::size_t output_bytes_high = 1024 * 1024;  ///< congested() from here on
  base::milliseconds output_wait_max{0};       ///< … or from what the peer takes in so long; 0 = not measured
  base::milliseconds connect_timeout{10'000};  ///< resolve + TCP + TLS + upgrade (client role)
  base::milliseconds close_timeout{5'000};     ///< from our close frame to giving up on the peer's
  std::uint16_t violation_code = 0;  ///< closes after broken frames; 0 = 1002, 1007 or 1009 as RFC 6455 says
};

class websocket {
 public:
  /// Connects as a client. The handler hears on_open or on_closed. Names are resolved on a helper thread; the
  /// last good addresses of a host are tried when resolving fails. `mask_seed` feeds the masking keys.
  [[nodiscard]] static std::unique_ptr<websocket> connect(event_loop& loop, const url& target,
                                                          std::shared_ptr<tls_context> tls,
                                                          ws_options options, ws_handler& handler,
                                                          std::uint64_t mask_seed);
  ~websocket();

  /// The output buffer, for building frames in place with begin_server_frame/end_server_frame; call
  /// output_ready() afterwards. Loop's thread.
  [[nodiscard]] std::string& output() noexcept;
  void output_ready();

  /// Appends a whole message; it leaves at the end of this turn of the loop.
  void send(ws_opcode kind, std::string_view payload);
  /// Sends what is queued now instead of at the end of the turn.
  void flush();
  /// Sends a close frame after what is queued, waits for the peer's within close_timeout, then on_closed.
  /// From here on nothing more is sent, on_message is not called again and a pause no longer holds.
  void close(std::uint16_t code, std::string_view reason = {});
  /// Drops the TCP connection without a close frame (Discord keeps the session); on_closed follows.
  void abort();
  /// The same by RST: what is queued on either side is lost. For simulated faults.
  void reset();
  /// Writes nothing from here on, not even a close frame, and goes on reading. For simulated faults.
  void fall_silent();
  /// Stops reading from the socket (back-pressure); pause is not counted, the last call wins.
  void pause_reading(bool paused);

  [[nodiscard]] std::size_t queued_bytes() const noexcept;  ///< accepted but not yet given to the kernel
  [[nodiscard]] bool congested() const noexcept;            ///< as many as may wait (output_gauge.h)
  [[nodiscard]] std::size_t output_room() const noexcept;   ///< bytes until it is congested
  [[nodiscard]] std::string peer_address() const;           ///< "127.0.0.1:5000"
  /// Bytes have come that were not read yet.
  [[nodiscard]] bool has_unread() const noexcept;

  /// After construction or an upgrade, the handler can be exchanged (loop's thread).
  void set_handler(ws_handler& handler) noexcept;

  struct state;
  explicit websocket(std::shared_ptr<state> s);  ///< for net's own use

 private:
  std::shared_ptr<state> state_;
};

}  // namespace evergate::net
