#include "downstream/bot_connection.h"

#include <utility>

namespace evergate::downstream {

bot_connection::bot_connection(room& home, bot_origin origin, std::string address)
    : home_(home), address_(std::move(address)), core_(home.services(), *this, std::move(origin)) {}

bot_connection::~bot_connection() {
  authenticated();
}

void bot_connection::open(std::unique_ptr<net::websocket> socket, std::uint16_t refuse_with,
                          const char* reason) {
  socket_ = std::move(socket);
  if (refuse_with != 0) return core_.refuse(refuse_with, reason, bot_now());
  core_.open(bot_now());
}

void bot_connection::on_message(net::ws_opcode, std::string_view payload) {
  core_.message(payload, bot_now());
}

void bot_connection::on_drained() {
  core_.pump(bot_now());
}

void bot_connection::on_closed(const net::ws_closed& how) {
  core_.closed({.by_bot = how.clean && !how.by_us, .code = how.code}, bot_now());
  home_.bury(core_.origin().id);
}

void bot_connection::pump_later() {
  home_.pump_later(core_.origin().id);
}

void bot_connection::authenticated() {
  if (std::exchange(counted_, false)) home_.door().leave(address_);
}

std::string bot_connection::new_session_id() {
  return home_.new_session_id();
}

}  // namespace evergate::downstream
