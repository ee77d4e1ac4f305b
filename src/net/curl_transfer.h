// One request on libcurl, between the client's thread and the loop that asked. Both sides share it; what
// both touch is under its lock. Bounded: buffered_max bytes wait in either direction, then that side pauses;
// head_bytes_max bounds the response head.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/callback_gate.h"
#include "net/event_loop.h"
#include "net/http_client.h"

namespace evergate::net {

class curl_transfer : public std::enable_shared_from_this<curl_transfer> {
 public:
  enum class body_kind : std::uint8_t { whole, streamed };

  /// `response_bytes_max` bounds the whole body; absent for a streamed one, whose timeout is for progress.
  curl_transfer(event_loop& loop, http_client::request what, body_kind body,
                std::optional<std::size_t> response_bytes_max, http_transfer_handler handler,
                std::shared_ptr<callback_gate> gate);
  ~curl_transfer();
  curl_transfer(const curl_transfer&) = delete;
  curl_transfer& operator=(const curl_transfer&) = delete;

  // The loop's side.
  [[nodiscard]] bool send_piece(std::string_view piece);
  void send_end();
  void pause_receiving(bool paused);
  void cancel();
  [[nodiscard]] event_loop& loop() noexcept { return loop_; }
  /// Set before it starts: asks the client's thread to look at this transfer again; to drop it.
  std::function<void()> resume;
  std::function<void()> remove;

  // The client's thread.
  /// Makes the curl handle; null when the request cannot be expressed.
  [[nodiscard]] CURL* prepare(const http_client_options& options);
  [[nodiscard]] CURL* handle() const noexcept { return easy_; }
  void finished(CURLcode code);
  void finish(base::result<void> how);
  void unpause();

 private:
  static constexpr std::size_t buffered_max_ = 256 * 1024;
  static constexpr std::size_t head_bytes_max_ = 256 * 1024;

  struct head {
    unsigned status = 0;
    std::vector<http_header> headers;
  };

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_write(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_read(char* data, std::size_t size, std::size_t count, void* self);
  [[nodiscard]] std::size_t take_header(std::string_view line);
  [[nodiscard]] bool add_headers();
  void set_body();
  void set_limits(const http_client_options& options);
  [[nodiscard]] std::string place() const;

  void schedule_pump(std::unique_lock<std::mutex>& held);
  void pump();
  [[nodiscard]] bool pump_one();
  void let_handler_go();

  event_loop& loop_;
  const http_client::request request_;
  const body_kind body_;
  const std::optional<std::size_t> response_bytes_max_;
  const std::shared_ptr<callback_gate> gate_;

  // Loop only.
  http_transfer_handler handler_;
  bool in_callback_ = false;
  bool ended_ = false;

  // The client's thread only.
  CURL* easy_ = nullptr;
  curl_slist* header_list_ = nullptr;
  char error_text_[CURL_ERROR_SIZE] = {};
  head incoming_head_;
  std::size_t head_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  bool head_given_ = false;
  std::optional<curl_off_t> upload_bytes_;

  std::mutex mutex_;
  std::optional<head> ready_head_;
  std::string received_;
  std::optional<base::result<void>> ready_end_;
  std::string to_send_;
  std::size_t sent_ = 0;
  bool send_ended_ = false;
  bool receive_paused_ = false;   ///< by the loop's side
  bool receive_blocked_ = false;  ///< curl waits for room in received_
  bool send_blocked_ = false;     ///< curl waits for bytes in to_send_
  bool send_full_ = false;        ///< the loop's side waits for on_send_ready
  bool send_room_ = false;        ///< on_send_ready is due
  bool pump_scheduled_ = false;
  bool cancelled_ = false;
};

}  // namespace evergate::net
