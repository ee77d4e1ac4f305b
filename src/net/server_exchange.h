// The http_exchange that a handler holds: a numbered view of its connection, so that one kept past its
// request does nothing. Owned by the handler; loop's thread only.
#pragma once

#include <memory>
#include <utility>

#include "net/http_connection.h"

namespace evergate::net {

class server_exchange final : public http_exchange {
 public:
  server_exchange(std::shared_ptr<http_connection> connection, std::uint64_t number, http_request request)
      : connection_(std::move(connection)), number_(number), request_(std::move(request)) {}
  ~server_exchange() override;

  const http_request& request() const override { return request_; }
  event_loop& loop() override { return connection_->loop(); }
  void read_body(std::size_t bytes_max, std::move_only_function<void(std::string body)> done) override;
  void stream_body(std::move_only_function<void(std::string_view piece)> chunk,
                   std::move_only_function<void()> aborted) override;
  void pause_body(bool paused) override;
  void respond(http_response response) override;
  void respond_head(unsigned status, std::vector<http_header> headers) override;
  void respond_piece(std::string_view piece) override;
  void respond_end() override;
  bool congested() const override { return live() && connection_->congested(); }
  void on_writable(std::move_only_function<void()> ready) override;
  std::unique_ptr<websocket> accept_websocket(ws_handler& handler, ws_options options,
                                              base::milliseconds first_send_delay) override;

 private:
  [[nodiscard]] bool live() const { return connection_->current(number_); }

  std::shared_ptr<http_connection> connection_;
  const std::uint64_t number_;
  const http_request request_;
};

}  // namespace evergate::net
