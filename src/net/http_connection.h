// One HTTP/1.1 connection of a server: request heads and bodies through Beast's parser, one exchange at a
// time, its deadlines, and the way out by an upgrade. Kept alive by its pending waits and its exchange;
// loop's thread only. Bounded by http_limits; unread input by input_bytes_max.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/byte_buffer.h"
#include "net/http_admission.h"
#include "net/http_server.h"
#include "net/request_head.h"
#include "net/stream.h"

namespace evergate::net {

class http_connection final : public stream_owner, public std::enable_shared_from_this<http_connection> {
 public:
  using on_request = std::function<void(std::unique_ptr<http_exchange>)>;
  using piece_callback = std::move_only_function<void(std::string_view)>;
  using plain_callback = std::move_only_function<void()>;

  http_connection(event_loop& loop, std::shared_ptr<stream> link,
                  std::shared_ptr<http_admission::ticket> ticket, const http_limits& limits,
                  on_request handler);

  void start();
  /// Drops the connection; a waiting exchange hears `aborted`.
  void close();

  // For the exchange of that number; calls of an older one do nothing.
  [[nodiscard]] bool current(std::uint64_t exchange) const noexcept;
  [[nodiscard]] event_loop& loop() noexcept { return loop_; }
  void stream_body(piece_callback chunk, plain_callback aborted);
  void pause_body(bool paused);
  void respond(const http_response& response);
  void respond_head(unsigned status, const std::vector<http_header>& headers);
  void respond_piece(std::string_view piece);
  void respond_end();
  [[nodiscard]] bool responding() const noexcept { return reply_ != reply::none; }
  [[nodiscard]] bool congested() const noexcept;
  void on_writable(plain_callback ready);
  void abandoned();  ///< the exchange was dropped
  [[nodiscard]] std::unique_ptr<websocket> upgrade(const http_request& request, ws_handler& handler,
                                                   const ws_options& options,
                                                   base::milliseconds first_send_delay);

  void on_stream_open() override {}
  std::span<char> read_space(std::size_t want) override;
  void read_filled(std::size_t count) override;
  void on_readable() override;
  void on_sent() override;
  void on_stream_end(const base::error& why) override;

 private:
  static constexpr std::size_t input_bytes_max_ = 128 * 1024;
  static constexpr std::size_t output_bytes_high_ = 256 * 1024;
  static constexpr base::milliseconds linger_time_{2'000};

  enum class phase : std::uint8_t { head, exchange, lingering, closed };
  enum class reply : std::uint8_t { none, plain, chunked, headless };

  void advance();
  void advance_later();
  [[nodiscard]] bool parse_head();
  void head_done();
  void pump_body();
  [[nodiscard]] bool parse_body_piece();
  void give_piece(std::string_view piece);
  void finish_reply();
  void let_callbacks_go();
  void refuse(unsigned status, const std::vector<http_header>& headers = {});
  void linger();
  void arm_deadline(base::nanoseconds delay);
  void regulate_reading();
  void watch_output();

  event_loop& loop_;
  std::shared_ptr<stream> link_;
  std::shared_ptr<http_admission::ticket> ticket_;
  const http_limits limits_;
  const on_request handler_;
  timer deadline_;
  timer stall_;
  byte_buffer input_;
  byte_buffer discarded_;
  std::optional<request_parser> parser_;
  phase phase_ = phase::head;
  reply reply_ = reply::none;
  std::uint64_t exchange_ = 0;
  piece_callback chunk_;
  plain_callback aborted_;
  plain_callback writable_;
  bool keep_alive_ = false;
  bool http_11_ = false;
  bool head_only_ = false;
  bool expects_continue_ = false;
  bool body_wanted_ = false;
  bool body_paused_ = false;
  bool body_end_told_ = false;
  bool advancing_ = false;
  bool advance_scheduled_ = false;
};

}  // namespace evergate::net
