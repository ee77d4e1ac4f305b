#include "sim/gateway_client.h"

#include <utility>

#include "sim/server.h"

namespace evergate::sim {
namespace {

constexpr base::milliseconds first_send_delay{10};
constexpr std::size_t message_bytes_max = 64 * 1024;  // above Discord's 4096, which the core judges with 4002
constexpr std::string_view spoilt_bytes = "\xff\xff\xff";
constexpr std::string_view zlib_flush{"\x00\x00\xff\xff", 4};
constexpr std::size_t split_pieces = 3;
constexpr std::size_t pour_bytes = 256 * 1024;

}  // namespace

void gateway_client::accept(net::http_exchange& exchange) {
  net::ws_options options;
  options.limits.message_bytes_max = message_bytes_max;
  options.limits.fragments_max = 16;
  options.read_bytes = 16 * 1024;
  socket_ = exchange.accept_websocket(*this, options, first_send_delay);
}

void gateway_client::send(std::string_view head, std::string_view body, std::string_view tail) {
  if (next_message_) return send_spoilt(head, body, tail);
  std::string& out = holding_ ? held_ : socket_->output();
  const std::size_t mark = net::begin_server_frame(out);
  encoder_->encode(head, body, tail, out);
  net::end_server_frame(out, mark, encoder_->binary() ? net::ws_opcode::binary : net::ws_opcode::text);
  if (!holding_) socket_->output_ready();
}

void gateway_client::pour(std::function<void()> done) {
  poured_out_ = std::move(done);
  pour_on();
}

void gateway_client::pour_on() {
  if (!poured_out_) return;
  // Past the high-water mark, so that the socket calls back; what is appended in one go is sent in one go.
  while (poured_ < held_.size() && !socket_->congested()) {
    const auto piece = std::string_view(held_).substr(poured_, pour_bytes);
    socket_->output() += piece;
    socket_->output_ready();
    poured_ += piece.size();
  }
  if (poured_ < held_.size()) return;
  std::string().swap(held_);
  poured_ = 0;
  holding_ = false;
  std::exchange(poured_out_, {})();
}

void gateway_client::append_message(std::string_view bytes) {
  std::string& out = socket_->output();
  const std::size_t mark = net::begin_server_frame(out);
  out += bytes;
  net::end_server_frame(out, mark, encoder_->binary() ? net::ws_opcode::binary : net::ws_opcode::text);
}

void gateway_client::send_spoilt(std::string_view head, std::string_view body, std::string_view tail) {
  const bool split = *next_message_ == damage::split_message;
  next_message_.reset();
  std::string message;
  encoder_->encode(head, body, tail, message);
  if (!split) {
    if (encoder_->binary()) {
      // Every message begins a block, and no block begins like this: neither of deflate's nor of zstd's.
      message.replace(0, spoilt_bytes.size(), spoilt_bytes);
    } else {
      message.pop_back();
    }
    append_message(message);
    return socket_->output_ready();
  }
  std::string_view rest = message;
  for (std::size_t left = split_pieces; left > 1; --left) {
    std::size_t cut = rest.size() / left;
    while (cut < rest.size() && rest.substr(0, cut).ends_with(zlib_flush)) ++cut;
    append_message(rest.substr(0, cut));
    rest.remove_prefix(cut);
  }
  append_message(rest);
  socket_->output_ready();
}

bool gateway_client::damage(enum damage how) {
  std::string& out = socket_->output();
  switch (how) {
    case damage::reset:
      socket_->reset();
      return true;
    case damage::stall:
      socket_->pause_reading(true);
      [[fallthrough]];
    case damage::half_open:
      socket_->fall_silent();
      return true;
    case damage::broken_message:
      next_message_ = how;
      return true;
    case damage::split_message:
      if (!encoder_->splittable()) return false;
      next_message_ = how;
      return true;
    case damage::reserved_opcode:
      out += std::string_view("\x83\x02{}", 4);
      break;
    case damage::reserved_bit:
      out += std::string_view("\xc1\x02{}", 4);
      break;
    case damage::false_length:
      out += std::string_view("\x81\x7f\x00\x00\x00\x00\x00\x10\x00\x00{\"t\":", 15);
      break;
  }
  socket_->output_ready();
  return true;
}

void gateway_client::on_message(net::ws_opcode kind, std::string_view payload) {
  owner_.client_said(*this, payload, kind == net::ws_opcode::binary);
}

void gateway_client::on_closed(const net::ws_closed& how) {
  if (poured_out_) std::exchange(poured_out_, {})();
  owner_.client_gone(*this, how.clean ? how.code : 1006);
}

}  // namespace evergate::sim
