#include "net/server_exchange.h"

#include <string>

#include "base/check.h"

namespace evergate::net {

server_exchange::~server_exchange() {
  if (live()) connection_->abandoned();
}

void server_exchange::read_body(std::size_t bytes_max, std::move_only_function<void(std::string body)> done) {
  if (!live()) return;
  auto collect = [connection = std::weak_ptr(connection_), number = number_, bytes_max, body = std::string(),
                  done = std::move(done)](std::string_view piece) mutable {
    const auto held = connection.lock();
    if (held == nullptr || !held->current(number)) return;
    if (piece.empty()) return done(std::move(body));
    if (body.size() + piece.size() > bytes_max) {
      return held->respond({413, {}, "the request's body is larger than allowed\n"});
    }
    body += piece;
  };
  connection_->stream_body(std::move(collect), nullptr);
}

void server_exchange::stream_body(std::move_only_function<void(std::string_view piece)> chunk,
                                  std::move_only_function<void()> aborted) {
  if (live()) connection_->stream_body(std::move(chunk), std::move(aborted));
}

void server_exchange::pause_body(bool paused) {
  if (live()) connection_->pause_body(paused);
}

void server_exchange::respond(http_response response) {
  if (live()) connection_->respond(response);
}

void server_exchange::respond_head(unsigned status, std::vector<http_header> headers) {
  if (live()) connection_->respond_head(status, headers);
}

void server_exchange::respond_piece(std::string_view piece) {
  if (live()) connection_->respond_piece(piece);
}

void server_exchange::respond_end() {
  if (live()) connection_->respond_end();
}

void server_exchange::on_writable(std::move_only_function<void()> ready) {
  if (live()) connection_->on_writable(std::move(ready));
}

std::unique_ptr<websocket> server_exchange::accept_websocket(ws_handler& handler, ws_options options,
                                                             base::milliseconds first_send_delay) {
  base::check(request_.upgrade_websocket, "accept_websocket() on a request that asked for no upgrade");
  base::check(!live() || !connection_->responding(), "accept_websocket() after an answer");
  return connection_->upgrade(request_, handler, options, first_send_delay);
}

}  // namespace evergate::net
