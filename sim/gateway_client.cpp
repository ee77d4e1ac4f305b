#include "sim/gateway_client.h"

#include "sim/server.h"

namespace evergate::sim {
namespace {

constexpr base::milliseconds first_send_delay{10};
constexpr std::size_t message_bytes_max = 64 * 1024;  // above Discord's 4096, which the core judges with 4002

}  // namespace

void gateway_client::accept(net::http_exchange& exchange) {
  net::ws_options options;
  options.limits.message_bytes_max = message_bytes_max;
  options.limits.fragments_max = 16;
  options.read_bytes = 16 * 1024;
  socket_ = exchange.accept_websocket(*this, options, first_send_delay);
}

void gateway_client::send(std::string_view head, std::string_view body, std::string_view tail) {
  std::string& out = socket_->output();
  const std::size_t mark = net::begin_server_frame(out);
  encoder_->encode(head, body, tail, out);
  net::end_server_frame(out, mark, encoder_->binary() ? net::ws_opcode::binary : net::ws_opcode::text);
  socket_->output_ready();
}

void gateway_client::on_message(net::ws_opcode kind, std::string_view payload) {
  owner_.client_said(*this, payload, kind == net::ws_opcode::binary);
}

void gateway_client::on_closed(const net::ws_closed& how) {
  owner_.client_gone(*this, how.clean ? how.code : 1006);
}

}  // namespace evergate::sim
