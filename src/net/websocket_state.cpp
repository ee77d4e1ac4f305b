#include "net/websocket_state.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "net/errc.h"

namespace evergate::net {

websocket::state::state(event_loop& loop, ws_role role, const ws_options& options, ws_handler& handler,
                        std::uint64_t seed)
    : loop_(loop),
      role_(role),
      options_(options),
      handler_(&handler),
      random_(seed),
      decoder_(role, options.limits),
      gauge_(options.output_bytes_high, options.output_wait_max) {}

void websocket::state::start_connecting(const url& target, std::shared_ptr<tls_context> tls) {
  connector_ = std::make_shared<websocket_connector>(loop_, target, std::move(tls), options_, random_);
  connector_->start([weak = weak_from_this()](base::result<websocket_connector::connected> result) {
    const auto self = weak.lock();
    if (self == nullptr || self->phase_ != phase::connecting) return;
    self->connector_.reset();
    if (!result) {
      self->how_.failure = result.error();
      return self->finish();
    }
    self->adopt(std::move(result->link), std::move(result->leftover));
    if (self->handler_ != nullptr) self->handler_->on_open();
  });
}

void websocket::state::adopt(std::shared_ptr<stream> link, byte_buffer leftover) {
  link_ = std::move(link);
  phase_ = phase::open;
  link_->set_read_bytes(options_.read_bytes);
  if (options_.output_wait_max.count() > 0) link_->keep_output_here();
  if (paused_) link_->pause(true);
  link_->hand_over(shared_from_this());
  if (leftover.size() != 0) {
    std::memcpy(decoder_.prepare(leftover.size()).data(), leftover.data(), leftover.size());
    decoder_.commit(leftover.size());
    process_later();
  }
  if (!early_.empty()) {
    link_->output() += early_;
    std::string().swap(early_);
    output_ready();
  }
}

void websocket::state::hold_first_send(base::milliseconds delay) {
  if (delay <= base::milliseconds::zero()) return;
  link_->hold_output();
  hold_timer_.emplace(loop_);
  hold_timer_->arm_in(delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->release_held();
  });
}

void websocket::state::release_held() {
  if (phase_ == phase::closed) return;
  if (link_->sending_before_hold()) {
    hold_timer_->arm_in(base::milliseconds(1), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->release_held();
    });
    return;
  }
  link_->release_output();
}

std::string& websocket::state::output() noexcept {
  if (!writable()) return refused_;
  return link_ ? link_->output() : early_;
}

void websocket::state::output_ready() {
  refused_.clear();
  if (link_ == nullptr) return;
  gauge_.appended(queued(), base::boot_clock::now());
  link_->output_ready();
}

void websocket::state::append(ws_opcode opcode, std::string_view payload) {
  const auto mask = role_ == ws_role::client ? static_cast<std::uint32_t>(random_()) : 0;
  append_frame(output(), role_, opcode, payload, mask);
  output_ready();
}

void websocket::state::send(ws_opcode kind, std::string_view payload) {
  if (writable()) append(kind, payload);
}

void websocket::state::flush() {
  if (link_ != nullptr) link_->flush();
}

void websocket::state::arm_close_timer() {
  if (close_timer_) return;
  close_timer_.emplace(loop_);
  close_timer_->arm_in(options_.close_timeout, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    if (!self->how_.clean && !self->how_.failure.code) {
      self->how_.failure = {make_error_code(errc::timed_out),
                            fmt::format("no close frame within {} ms", self->options_.close_timeout.count())};
    }
    self->finish();
  });
}

void websocket::state::send_close(std::string_view payload) {
  append(ws_opcode::close, payload);
  close_sent_ = true;
  arm_close_timer();
}

void websocket::state::close(std::uint16_t code, std::string_view reason) {
  if (phase_ == phase::connecting) return abort();
  if (phase_ != phase::open || close_sent_) return;
  how_.by_us = true;
  send_close(close_payload(code, reason));
  pause(false);
}

void websocket::state::abort() {
  if (phase_ == phase::closed) return;
  if (link_) link_->close();
  if (connector_) connector_->cancel();
  how_.by_us = true;
  if (!how_.failure.code) how_.failure = {make_error_code(errc::closed), "aborted"};
  loop_.defer([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->finish();
  });
}

void websocket::state::reset() {
  if (link_) link_->reset_on_close();
  abort();
}

void websocket::state::fall_silent() {
  if (link_ == nullptr) return;
  silent_ = true;
  hold_timer_.reset();
  link_->hold_output();
}

// After the last frame of either side.
void websocket::state::shut_link() {
  if (silent_) return;
  link_->release_output();
  link_->shut_after_output();
}

void websocket::state::pause(bool paused) {
  if (close_sent_) paused = false;
  if (paused_ == paused) return;
  paused_ = paused;
  if (link_) link_->pause(paused);
  if (!paused) process_later();
}

void websocket::state::process_later() {
  if (process_scheduled_ || phase_ != phase::open) return;
  process_scheduled_ = true;
  loop_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->process_scheduled_ = false;
    self->process();
  });
}

std::span<char> websocket::state::read_space(std::size_t want) {
  return phase_ == phase::open ? decoder_.prepare(want) : discarded_.prepare(want);
}

void websocket::state::read_filled(std::size_t count) {
  if (phase_ == phase::open) decoder_.commit(count);
}

void websocket::state::on_readable() {
  process();
}

void websocket::state::process() {
  if (processing_ || phase_ != phase::open) return;
  processing_ = true;
  const auto self = shared_from_this();
  ws_decoder::item item;
  bool any = false;
  while (phase_ == phase::open && !paused_ && handler_ != nullptr && link_->open()) {
    const auto outcome = decoder_.next(item);
    if (outcome == ws_decoder::outcome::need_more) break;
    if (outcome == ws_decoder::outcome::violation) {
      violated();
      break;
    }
    take(item);
    any = true;
  }
  if (any && handler_ != nullptr && phase_ != phase::closed) handler_->on_read_end();
  processing_ = false;
  if (pending_end_ && !paused_ && phase_ != phase::closed)
    on_stream_end(*std::exchange(pending_end_, std::nullopt));
}

void websocket::state::take(const ws_decoder::item& item) {
  switch (item.opcode) {
    case ws_opcode::text:
    case ws_opcode::binary:
      if (!close_sent_) handler_->on_message(item.opcode, item.payload);
      break;
    case ws_opcode::ping:
      // A peer that pings without reading its pongs gets none while it is behind.
      if (writable() && !congested()) append(ws_opcode::pong, item.payload);
      break;
    case ws_opcode::close:
      take_close(item.payload);
      break;
    case ws_opcode::pong:
    case ws_opcode::continuation:
      break;
  }
}

void websocket::state::take_close(std::string_view payload) {
  how_.clean = true;
  how_.code = 1005;
  if (payload.size() >= 2) {
    how_.code = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                           static_cast<unsigned char>(payload[1]));
    how_.reason = payload.substr(2);
  }
  how_.failure = {};
  if (!close_sent_) send_close(payload.substr(0, payload.size() >= 2 ? 2 : 0));
  phase_ = phase::leaving;
  shut_link();
}

void websocket::state::violated() {
  const auto& why = decoder_.violation();
  how_.by_us = !close_sent_ || how_.by_us;
  how_.reason = why.what;
  how_.failure = {
      make_error_code(why.close_code == 1009 ? errc::too_large : errc::protocol_error),
      fmt::format("frame from {}: {} (close code {})", link_->peer_address(), why.what, why.close_code)};
  const auto code = options_.violation_code != 0 ? options_.violation_code : why.close_code;
  if (!close_sent_) send_close(close_payload(code, why.what));
  phase_ = phase::discarding;
  shut_link();
}

void websocket::state::on_sent() {
  if (phase_ == phase::leaving && link_->shut()) return finish();
  if (gauge_.left(queued(), base::boot_clock::now()) && handler_ != nullptr && phase_ == phase::open) {
    handler_->on_drained();
  }
}

void websocket::state::on_stream_end(const base::error& why) {
  if (phase_ == phase::open && paused_ && decoder_.buffered() != 0) {
    pending_end_ = why;
    return;
  }
  if (!how_.clean && !how_.failure.code) how_.failure = why;
  finish();
}

void websocket::state::finish() {
  if (phase_ == phase::closed) return;
  const auto self = shared_from_this();
  phase_ = phase::closed;
  close_timer_.reset();
  hold_timer_.reset();
  if (connector_) connector_->cancel();
  if (link_) link_->close();
  auto* handler = std::exchange(handler_, nullptr);
  if (handler != nullptr) handler->on_closed(how_);
}

void websocket::state::drop() {
  handler_ = nullptr;
  if (link_ && close_sent_) link_->flush();
  finish();
}

}  // namespace evergate::net
