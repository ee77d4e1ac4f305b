#include "net/http_connection.h"

#include <fmt/format.h>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "base/check.h"
#include "net/errc.h"
#include "net/http_reply.h"
#include "net/server_exchange.h"
#include "net/upgrade.h"
#include "net/websocket_state.h"

namespace evergate::net {

namespace beast = boost::beast;
namespace http = beast::http;

http_connection::http_connection(event_loop& loop, std::shared_ptr<stream> link,
                                 std::shared_ptr<http_admission::ticket> ticket, const http_limits& limits,
                                 on_request handler)
    : loop_(loop),
      link_(std::move(link)),
      ticket_(std::move(ticket)),
      limits_(limits),
      handler_(std::move(handler)),
      deadline_(loop),
      stall_(loop) {}

void http_connection::start() {
  link_->set_read_bytes(64 * 1024);
  arm_deadline(limits_.head_timeout);
  link_->start(shared_from_this());
}

bool http_connection::current(std::uint64_t exchange) const noexcept {
  return phase_ == phase::exchange && exchange_ == exchange;
}

void http_connection::arm_deadline(base::nanoseconds delay) {
  deadline_.arm_in(delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->close();
  });
}

void http_connection::close() {
  if (phase_ == phase::closed) return;
  const auto self = shared_from_this();
  const bool told = phase_ == phase::exchange;
  phase_ = phase::closed;
  deadline_.cancel();
  stall_.cancel();
  link_->close();
  ticket_.reset();
  auto aborted = std::move(aborted_);
  let_callbacks_go();
  if (told && aborted) aborted();
}

std::span<char> http_connection::read_space(std::size_t want) {
  return phase_ == phase::lingering ? discarded_.prepare(want) : input_.prepare(want);
}

void http_connection::read_filled(std::size_t count) {
  if (phase_ != phase::lingering) input_.commit(count);
}

void http_connection::on_readable() {
  advance();
}

void http_connection::on_stream_end(const base::error&) {
  // A client that sent its request and shut its side still gets an answer that is ready.
  link_->flush();
  close();
}

void http_connection::advance_later() {
  if (advancing_ || advance_scheduled_) return;
  advance_scheduled_ = true;
  loop_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->advance_scheduled_ = false;
    self->advance();
  });
}

void http_connection::advance() {
  if (advancing_) return;
  const auto self = shared_from_this();
  advancing_ = true;
  for (bool again = true; again;) {
    again = false;
    if (phase_ == phase::head) again = parse_head();
    if (phase_ == phase::exchange) pump_body();
    again = again && phase_ == phase::head;
  }
  advancing_ = false;
  regulate_reading();
}

/// Takes in what is there of a head; true when an exchange came of it.
bool http_connection::parse_head() {
  if (!parser_) {
    input_.consume(empty_lines(input_.view()));
    if (!begins_request(input_.view())) return false;
    parser_.emplace();
    begin_head(*parser_, limits_.head_bytes_max);
    if (exchange_ != 0) arm_deadline(limits_.head_timeout);
  }
  if (input_.size() == 0) return false;
  const auto progress = feed_head(*parser_, input_.view());
  input_.consume(progress.used);
  if (progress.refused != 0) refuse(progress.refused);
  if (!progress.done) return false;
  head_done();
  return true;
}

void http_connection::head_done() {
  deadline_.cancel();
  if (ticket_) ticket_->head_seen();
  auto head = judge_head(*parser_);
  http_11_ = head.http_11;
  keep_alive_ = head.keep_alive;
  head_only_ = head.head_only;
  expects_continue_ = head.expects_continue;
  if (head.refused != 0) return refuse(head.refused, head.answer);
  head.request.peer_address = link_->peer_address();
  phase_ = phase::exchange;
  reply_ = reply::none;
  body_wanted_ = body_paused_ = body_end_told_ = false;
  ++exchange_;
  handler_(std::make_unique<server_exchange>(shared_from_this(), exchange_, std::move(head.request)));
}

void http_connection::refuse(unsigned status, const std::vector<http_header>& headers) {
  keep_alive_ = false;
  const std::string body = fmt::format("{} {}\n", status, reason_phrase(status));
  link_->output() += reply_head_text({status, false, false, body.size()}, headers, false) + body;
  linger();
}

void http_connection::linger() {
  // Closing with unread input would make the kernel reset the connection and lose the answer.
  phase_ = phase::lingering;
  input_.clear();
  link_->shut_after_output();
  link_->pause(false);
  stall_.cancel();
  arm_deadline(limits_.idle_timeout);
}

void http_connection::regulate_reading() {
  if (phase_ == phase::closed || phase_ == phase::lingering || !link_) return;
  const bool waiting = phase_ == phase::exchange && body_wanted_ && !body_end_told_;
  link_->pause(phase_ == phase::exchange && (input_.size() >= input_bytes_max_ || (waiting && body_paused_)));
  if (waiting && !body_paused_) {
    arm_deadline(limits_.idle_timeout);
  } else if (phase_ == phase::exchange) {
    deadline_.cancel();
  }
}

void http_connection::stream_body(piece_callback chunk, plain_callback aborted) {
  chunk_ = std::move(chunk);
  aborted_ = std::move(aborted);
  body_wanted_ = true;
  if (std::exchange(expects_continue_, false) && !parser_->is_done() && input_.size() == 0) {
    link_->output() += "HTTP/1.1 100 Continue\r\n\r\n";
    link_->output_ready();
  }
  advance_later();
}

void http_connection::pause_body(bool paused) {
  body_paused_ = paused;
  if (paused) {
    regulate_reading();
  } else {
    advance_later();
  }
}

void http_connection::pump_body() {
  const auto number = exchange_;
  const auto ready = [&] { return current(number) && body_wanted_ && !body_paused_ && !body_end_told_; };
  while (ready() && !parser_->is_done()) {
    if (!parse_body_piece()) break;
  }
  if (ready() && parser_->is_done()) {
    body_end_told_ = true;
    give_piece({});
  }
}

bool http_connection::parse_body_piece() {
  char piece[16 * 1024];
  auto& body = parser_->get().body();
  body.data = piece;
  body.size = sizeof(piece);
  body.more = true;
  if (input_.size() == 0) return false;
  beast::error_code ec;
  const auto used = parser_->put(asio::buffer(input_.data(), input_.size()), ec);
  const auto got = sizeof(piece) - body.size;
  body.data = nullptr;
  body.size = 0;
  input_.consume(used);
  if (ec == http::error::need_more || ec == http::error::need_buffer) ec = {};
  const bool stuck = used == 0 && got == 0 && input_.size() >= input_bytes_max_;
  if (ec || stuck) {
    if (reply_ != reply::none) {
      close();
      return false;
    }
    auto aborted = std::move(aborted_);
    refuse(400);
    let_callbacks_go();
    if (aborted) aborted();
    return false;
  }
  if (got != 0) give_piece({piece, got});
  return used != 0 || got != 0;
}

void http_connection::give_piece(std::string_view piece) {
  const auto number = exchange_;
  // The callback may end this exchange, and with it itself.
  auto chunk = std::move(chunk_);
  if (chunk) chunk(piece);
  if (current(number) && !chunk_) chunk_ = std::move(chunk);
}

void http_connection::respond(const http_response& response) {
  if (reply_ != reply::none) return;
  const bool empty = bodiless(response.status);
  reply_head head{response.status, keep_alive_ && parser_->is_done(), false, response.body.size()};
  if (empty) head.content_length.reset();
  keep_alive_ = head.keep_alive;
  auto& out = link_->output();
  out += reply_head_text(head, response.headers, false);
  if (!empty && !head_only_) out += response.body;
  finish_reply();
}

void http_connection::respond_head(unsigned status, const std::vector<http_header>& headers) {
  if (reply_ != reply::none) return;
  bool has_length = false;
  for (const auto& header : headers) has_length = has_length || beast::iequals(header.name, "Content-Length");
  const bool empty = bodiless(status) || head_only_;
  const bool chunked = !empty && !has_length && http_11_;
  if (!empty && !has_length && !http_11_) keep_alive_ = false;
  reply_ = empty ? reply::headless : chunked ? reply::chunked : reply::plain;
  link_->output() += reply_head_text({status, keep_alive_, chunked, std::nullopt}, headers, true);
  link_->output_ready();
}

void http_connection::respond_piece(std::string_view piece) {
  if (reply_ == reply::none || reply_ == reply::headless || piece.empty()) return;
  auto& out = link_->output();
  if (reply_ == reply::chunked) out += fmt::format("{:x}\r\n", piece.size());
  out += piece;
  if (reply_ == reply::chunked) out += "\r\n";
  link_->output_ready();
  watch_output();
}

void http_connection::respond_end() {
  if (reply_ == reply::none) return;
  if (reply_ == reply::chunked) link_->output() += "0\r\n\r\n";
  finish_reply();
}

/// Callbacks may own the exchange whose call we are in, so they are destroyed at the end of the turn.
void http_connection::let_callbacks_go() {
  if (!chunk_ && !aborted_ && !writable_) return;
  loop_.defer([a = std::move(chunk_), b = std::move(aborted_), c = std::move(writable_)] {});
  chunk_ = nullptr;
  aborted_ = nullptr;
  writable_ = nullptr;
}

void http_connection::finish_reply() {
  const auto self = shared_from_this();
  link_->output_ready();
  const bool whole = parser_->is_done();
  let_callbacks_go();
  if (!keep_alive_ || !whole) return linger();
  phase_ = phase::head;
  parser_.reset();
  stall_.cancel();
  arm_deadline(limits_.idle_timeout);
  advance_later();
}

bool http_connection::congested() const noexcept {
  return link_ && link_->queued() >= output_bytes_high_;
}

void http_connection::watch_output() {
  if (!congested()) return stall_.cancel();
  stall_.arm_in(limits_.idle_timeout, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->close();
  });
}

void http_connection::on_writable(plain_callback ready) {
  writable_ = std::move(ready);
  if (congested()) return;
  loop_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_sent();
  });
}

void http_connection::on_sent() {
  const auto self = shared_from_this();
  if (phase_ == phase::lingering) {
    if (link_->shut()) arm_deadline(linger_time_);
    return;
  }
  if (phase_ != phase::exchange) return;
  watch_output();
  if (!writable_ || link_->queued() > output_bytes_high_ / 4) return;
  auto ready = std::exchange(writable_, nullptr);
  ready();
}

void http_connection::abandoned() {
  aborted_ = nullptr;
  close();
}

std::unique_ptr<websocket> http_connection::upgrade(const http_request& request, ws_handler& handler,
                                                    const ws_options& options,
                                                    base::milliseconds first_send_delay) {
  auto made = std::make_shared<websocket::state>(loop_, ws_role::server, options, handler, 0);
  const bool alive = phase_ == phase::exchange && link_->open();
  phase_ = phase::closed;
  deadline_.cancel();
  stall_.cancel();
  if (alive) {
    link_->output() += upgrade_answer(request.header("Sec-WebSocket-Key"));
    made->adopt(link_, std::move(input_));
    link_->flush();
    made->hold_first_send(first_send_delay);
  } else {
    made->abort();
  }
  ticket_.reset();
  return std::make_unique<websocket>(std::move(made));
}

}  // namespace evergate::net
