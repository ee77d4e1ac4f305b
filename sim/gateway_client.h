// One WebSocket client of simulated Discord: the socket and its encoder, between net and the core. Owned by
// the server; the loop's thread; output bounded by server_options::output_bytes_max.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "net/websocket.h"
#include "sim/fault.h"
#include "sim/frame_encoder.h"
#include "sim/session.h"

namespace evergate::sim {

class server;

class gateway_client final : public net::ws_handler {
 public:
  gateway_client(server& owner, connection_id id, std::unique_ptr<frame_encoder> encoder)
      : owner_(owner), id_(id), encoder_(std::move(encoder)) {}

  /// Takes the upgraded socket; the 101 travels alone for a moment (seyfert loses what shares its segment).
  void accept(net::http_exchange& exchange);
  void send(std::string_view head, std::string_view body, std::string_view tail);
  void close(std::uint16_t code, std::string_view reason) { socket_->close(code, reason); }
  void abort() { socket_->abort(); }
  /// False when it cannot be done to this connection.
  bool damage(enum damage how);
  [[nodiscard]] bool congested() const { return socket_->congested(); }
  [[nodiscard]] std::size_t queued_bytes() const { return socket_->queued_bytes(); }
  [[nodiscard]] connection_id id() const noexcept { return id_; }

  void on_message(net::ws_opcode kind, std::string_view payload) override;
  void on_closed(const net::ws_closed& how) override;

 private:
  void append_message(std::string_view bytes);
  void send_spoilt(std::string_view head, std::string_view body, std::string_view tail);

  server& owner_;
  connection_id id_;
  std::unique_ptr<frame_encoder> encoder_;
  std::unique_ptr<net::websocket> socket_;
  std::optional<enum damage> next_message_;  ///< what the next one suffers
};

}  // namespace evergate::sim
