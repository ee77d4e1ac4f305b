// One WebSocket client of simulated Discord: the socket and its encoder, between net and the core. Owned by
// the server; the loop's thread; output bounded by server_options::output_bytes_max.
#pragma once

#include <functional>
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
  [[nodiscard]] bool congested() const {
    return holding_ ? held_.size() >= held_bytes_max : socket_->congested();
  }
  /// From now on messages are encoded and kept, for a stream whose making costs nothing while it is sent.
  void hold() noexcept { holding_ = true; }
  /// Lets go what is held as fast as the peer reads, and then goes on as before. `done` is called once all of
  /// it has been given to the socket, or when the connection ends.
  void pour(std::function<void()> done);
  [[nodiscard]] std::size_t queued_bytes() const { return socket_->queued_bytes(); }
  [[nodiscard]] connection_id id() const noexcept { return id_; }

  void on_message(net::ws_opcode kind, std::string_view payload) override;
  void on_drained() override { pour_on(); }
  void on_closed(const net::ws_closed& how) override;

 private:
  static constexpr std::size_t held_bytes_max = std::size_t{2} << 30;

  void append_message(std::string_view bytes);
  void pour_on();
  void send_spoilt(std::string_view head, std::string_view body, std::string_view tail);

  server& owner_;
  connection_id id_;
  std::unique_ptr<frame_encoder> encoder_;
  std::unique_ptr<net::websocket> socket_;
  std::optional<enum damage> next_message_;  ///< what the next one suffers
  bool holding_ = false;
  std::string held_;  ///< frames
  std::size_t poured_ = 0;
  std::function<void()> poured_out_;
};

}  // namespace evergate::sim
