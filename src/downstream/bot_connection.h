// One bot's WebSocket: carries what its core (bot_core) decides over the socket, and what the socket brings
// to the core. Owned by its room, on its loop; bounded by the socket's output mark and by the core.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "downstream/bot_core.h"
#include "downstream/room.h"
#include "net/websocket.h"

namespace evergate::downstream {

/// What the cores of connections are told the time by.
[[nodiscard]] inline bot_time bot_now() noexcept {
  return {base::boot_clock::now(), base::unix_time_ms()};
}

class bot_connection final : public net::ws_handler, private bot_wire {
 public:
  /// `address` is the peer's, without its port.
  bot_connection(room& home, bot_origin origin, std::string address);
  ~bot_connection() override;

  /// Begins with HELLO, or with the close code alone when one is given.
  void open(std::unique_ptr<net::websocket> socket, std::uint16_t refuse_with = 0, const char* reason = "");
  [[nodiscard]] bot_core& core() noexcept { return core_; }

  void on_message(net::ws_opcode kind, std::string_view payload) override;
  void on_drained() override;
  void on_closed(const net::ws_closed& how) override;

 private:
  [[nodiscard]] std::string& output() override { return socket_->output(); }
  void output_ready() override { socket_->output_ready(); }
  [[nodiscard]] std::size_t queued_bytes() const override { return socket_->queued_bytes(); }
  [[nodiscard]] std::size_t output_room() const override { return socket_->output_room(); }
  void close(std::uint16_t code, std::string_view reason) override { socket_->close(code, reason); }
  void pump_later() override;
  void authenticated() override;
  [[nodiscard]] std::string new_session_id() override;

  room& home_;
  const std::string address_;
  bool counted_ = true;  ///< the door counts it as unauthenticated
  std::unique_ptr<net::websocket> socket_;
  bot_core core_;
};

}  // namespace evergate::downstream
