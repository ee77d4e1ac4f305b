#include "net/websocket.h"

#include <utility>

#include "net/websocket_state.h"

namespace evergate::net {

std::unique_ptr<websocket> websocket::connect(event_loop& loop, const url& target,
                                              std::shared_ptr<tls_context> tls, ws_options options,
                                              ws_handler& handler, std::uint64_t mask_seed) {
  auto made = std::make_shared<state>(loop, ws_role::client, options, handler, mask_seed);
  made->start_connecting(target, std::move(tls));
  return std::make_unique<websocket>(std::move(made));
}

websocket::websocket(std::shared_ptr<state> s) : state_(std::move(s)) {}
websocket::~websocket() {
  state_->drop();
}

std::string& websocket::output() noexcept {
  return state_->output();
}
void websocket::output_ready() {
  state_->output_ready();
}
void websocket::send(ws_opcode kind, std::string_view payload) {
  state_->send(kind, payload);
}
void websocket::flush() {
  state_->flush();
}
void websocket::close(std::uint16_t code, std::string_view reason) {
  state_->close(code, reason);
}
void websocket::abort() {
  state_->abort();
}
void websocket::reset() {
  state_->reset();
}
void websocket::fall_silent() {
  state_->fall_silent();
}
void websocket::pause_reading(bool paused) {
  state_->pause(paused);
}
std::size_t websocket::queued_bytes() const noexcept {
  return state_->queued();
}
bool websocket::congested() const noexcept {
  return state_->congested();
}
std::size_t websocket::output_room() const noexcept {
  return state_->room();
}
void websocket::set_handler(ws_handler& handler) noexcept {
  state_->set_handler(handler);
}

std::string websocket::peer_address() const {
  return state_->link() == nullptr ? std::string() : state_->link()->peer_address();
}

bool websocket::has_unread() const noexcept {
  return state_->link() != nullptr && state_->link()->has_unread();
}

}  // namespace evergate::net
