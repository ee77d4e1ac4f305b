// An HTTP client on libcurl, on one thread of its own; callbacks arrive on the loop named with the request.
// Connections are kept and reused. Redirects are never followed. The peer's certificate is always checked.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/http_server.h"

namespace evergate::net {

struct http_client_options {
  std::string ca_file{};  ///< PEM; empty = the system's store
  base::milliseconds connect_timeout{10'000};
  std::size_t response_bytes_max = 4 * 1024 * 1024;  ///< for fetch()
  std::size_t transfers_max = 1'000;                 ///< at once, streaming ones included
};

/// One streamed request. All calls on the loop it was started with.
class http_transfer {
 public:
  virtual ~http_transfer() = default;  ///< cancels
  [[nodiscard]] virtual bool send_piece(
      std::string_view piece) = 0;  ///< request body; false = wait for on_send_ready
  virtual void send_end() = 0;
  virtual void pause_receiving(bool paused) = 0;
};

struct http_transfer_handler {
  std::move_only_function<void(unsigned status, std::vector<http_header> headers)> on_head;
  std::move_only_function<void(std::string_view piece)> on_piece;
  std::move_only_function<void(base::result<void> how)> on_end;  ///< last
  std::move_only_function<void()> on_send_ready;
};

class http_client {
 public:
  explicit http_client(http_client_options options);
  ~http_client();  ///< cancels everything; no callback afterwards. The loops it was used with must still
                   ///< exist

  struct request {
    std::string method = "GET";
    std::string url{};
    std::vector<http_header> headers{};
    std::string body{};
    base::milliseconds timeout{15'000};  ///< of the whole exchange; for transfer(): without progress
  };

  /// Whole request, whole response (bounded by response_bytes_max).
  void fetch(event_loop& loop, request what, std::move_only_function<void(base::result<http_response>)> done);

  /// Streamed both ways. With `has_body` the body is fed by send_piece (chunked unless the headers carry
  /// Content-Length) and `what.body` is ignored.
  [[nodiscard]] std::unique_ptr<http_transfer> transfer(event_loop& loop, request what, bool has_body,
                                                        http_transfer_handler handler);

  struct state;

 private:
  std::shared_ptr<state> state_;
};

}  // namespace evergate::net
