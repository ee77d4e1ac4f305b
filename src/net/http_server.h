// An HTTP/1.1 server over TCP or TLS whose connections can become WebSockets. Parsing is Boost.Beast's;
// sockets, limits and deadlines are here. A listener accepts on one loop and deals connections out to the
// loops it was given.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/tls.h"
#include "net/websocket.h"

namespace evergate::net {

struct http_header {
  std::string name;
  std::string value;
};

struct http_request {
  std::string method{};
  std::string target{};  ///< path and query as sent
  std::vector<http_header> headers{};
  std::string peer_address{};
  bool upgrade_websocket = false;  ///< a well-formed WebSocket upgrade

  [[nodiscard]] std::string_view path() const noexcept;   ///< target up to '?'
  [[nodiscard]] std::string_view query() const noexcept;  ///< after '?', or empty
  /// First header of that name, any case; empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
  /// Value of a query parameter, percent-decoded; nothing when absent.
  [[nodiscard]] std::optional<std::string> query_parameter(std::string_view name) const;
};

struct http_response {
  unsigned status = 200;
  std::vector<http_header> headers{};  ///< Content-Length and Connection are set by the server
  std::string body{};
};

/// One request being answered. Lives on its connection's loop; all calls there. Dropping it without an
/// answer closes the connection.
class http_exchange {
 public:
  virtual ~http_exchange() = default;
  [[nodiscard]] virtual const http_request& request() const = 0;
  [[nodiscard]] virtual event_loop& loop() = 0;

  /// Collects the whole body (up to `bytes_max`, else 413 is answered and `done` never called).
  virtual void read_body(std::size_t bytes_max, std::move_only_function<void(std::string body)> done) = 0;

  /// Streams the body: `chunk` with pieces, then once with an empty view at its end. While `pause_body(true)`
  /// nothing is read. `aborted` when the client went away.
  virtual void stream_body(std::move_only_function<void(std::string_view piece)> chunk,
                           std::move_only_function<void()> aborted) = 0;
  virtual void pause_body(bool paused) = 0;

  /// Answers whole.
  virtual void respond(http_response response) = 0;

  /// Answers in pieces: head, pieces (chunked unless the head carries Content-Length), end. `congested()`
  /// asks the producer to wait for on_writable.
  virtual void respond_head(unsigned status, std::vector<http_header> headers) = 0;
  virtual void respond_piece(std::string_view piece) = 0;
  virtual void respond_end() = 0;
  [[nodiscard]] virtual bool congested() const = 0;
  virtual void on_writable(std::move_only_function<void()> ready) = 0;

  /// Accepts the WebSocket upgrade: the 101 is sent, the exchange ends, the connection becomes the
  /// caller's. Handler calls start in a later turn of the loop. Anything the handler sends is written no
  /// sooner than `first_send_delay` after the 101 (seyfert loses bytes that share its segment).
  [[nodiscard]] virtual std::unique_ptr<websocket> accept_websocket(ws_handler& handler, ws_options options,
                                                                    base::milliseconds first_send_delay) = 0;
};

struct http_limits {
  std::size_t head_bytes_max = 16 * 1024;
  base::milliseconds head_timeout{10'000};    ///< TLS handshake + whole request head (slowloris)
  base::milliseconds idle_timeout{60'000};    ///< between keep-alive requests
  std::size_t connections_max = 10'000;       ///< all of the listener; more are closed at once
  std::size_t pending_per_address_max = 200;  ///< connections of one address that have no request head yet
};

struct listen_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;              ///< 0 = any free one
  int inherited_fd = -1;               ///< ≥ 0: a listening socket to use instead of address and port
  std::shared_ptr<tls_context> tls{};  ///< null = plain
  http_limits limits{};
};

class http_server {
 public:
  /// Called on the connection's loop for each request.
  using on_request = std::function<void(std::unique_ptr<http_exchange>)>;

  /// Starts listening; the first loop accepts, and each connection goes to the one of `loops` that has the
  /// fewest. The loops must outlive the server.
  [[nodiscard]] static base::result<std::unique_ptr<http_server>> listen(std::vector<event_loop*> loops,
                                                                         listen_options options,
                                                                         on_request handler);
  /// Stops accepting; plain HTTP connections are closed, upgraded ones are their owners'. No request is
  /// handed out afterwards. Seen from another thread, the port is free after the first loop's next turn.
  ~http_server();
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Closes the listening socket only.
  void stop_accepting();

  struct state;

 private:
  explicit http_server(std::shared_ptr<state> s);
  std::shared_ptr<state> state_;
};

/// Listening sockets handed over by systemd (LISTEN_FDS with LISTEN_PID) or by our launcher; empty when none.
[[nodiscard]] std::vector<int> inherited_sockets();
/// The numeric address that a TCP socket is bound to; empty for any other.
[[nodiscard]] std::string local_address(int fd);

}  // namespace evergate::net
