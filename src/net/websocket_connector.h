// A client's way to an open WebSocket: resolve, connect (the next address when one fails), TLS, upgrade.
// Owned by the websocket it works for; loop's thread. Bounded by connect_timeout over it all and by
// head_bytes_max of response head.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "net/byte_buffer.h"
#include "net/stream.h"
#include "net/tls.h"
#include "net/url.h"
#include "net/websocket.h"

namespace evergate::net {

class websocket_connector final : public stream_owner,
                                  public std::enable_shared_from_this<websocket_connector> {
 public:
  struct connected {
    std::shared_ptr<stream> link;
    byte_buffer leftover;  ///< what the server sent right after its 101
  };
  using on_done = std::move_only_function<void(base::result<connected>)>;

  websocket_connector(event_loop& loop, url target, std::shared_ptr<tls_context> tls,
                      const ws_options& options, base::rng& random);

  /// `done` is called once, in a later turn, unless cancelled.
  void start(on_done done);
  void cancel();

  void on_stream_open() override;
  std::span<char> read_space(std::size_t want) override { return input_.prepare(want); }
  void read_filled(std::size_t count) override { input_.commit(count); }
  void on_readable() override;
  void on_stream_end(const base::error& why) override;

 private:
  static constexpr std::size_t head_bytes_max_ = 16 * 1024;

  void resolve();
  void resolved(std::vector<tcp::endpoint> found);
  void use_last_good(const std::string& why);
  void try_next();
  void attempt_failed(const std::string& why);
  void tcp_connected();
  void remember(const tcp::endpoint& good);
  void finish(base::result<connected> how);
  [[nodiscard]] std::string name() const { return target_.host + ":" + std::to_string(target_.port); }

  event_loop& loop_;
  url target_;
  std::shared_ptr<tls_context> tls_;
  std::size_t read_bytes_;
  base::milliseconds timeout_;
  std::string key_;
  on_done done_;
  timer deadline_;
  timer step_timer_;
  base::instant give_up_at_{};
  const char* step_ = "resolving";
  std::vector<tcp::endpoint> addresses_;
  std::size_t next_address_ = 0;
  unsigned attempt_ = 0;
  bool resolving_ = false;
  tcp::socket socket_;
  std::string last_failure_;
  std::shared_ptr<stream> link_;
  byte_buffer input_;
};

}  // namespace evergate::net
