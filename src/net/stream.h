// A connected TCP socket, plain or under TLS, on one loop: large reads into its owner's buffer, and one
// output buffer that is encrypted and sent once per turn. Shared by the owner and the loop's pending waits;
// the owner bounds queued() (see high_water). Loop's thread only. Calls its owner only from the loop's own
// turns, never from inside the owner's calls.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/event_loop_state.h"
#include "net/tls_session.h"

namespace evergate::net {

class stream_owner {
 public:
  virtual ~stream_owner() = default;
  /// The TLS handshake is through (plain: at once). Once.
  virtual void on_stream_open() {}
  /// Where the next bytes go: at least `want` of them, and how many came.
  [[nodiscard]] virtual std::span<char> read_space(std::size_t want) = 0;
  virtual void read_filled(std::size_t count) = 0;
  /// All that this turn had to read has been filled in.
  virtual void on_readable() = 0;
  /// Some output went to the kernel.
  virtual void on_sent() {}
  /// The peer is gone or broke TLS, or the socket failed. Once; nothing follows.
  virtual void on_stream_end(const base::error& why) = 0;
};

class stream : public std::enable_shared_from_this<stream> {
 public:
  /// `tls` is null for plain. `admission` is dropped with the socket: whatever counts connections.
  stream(event_loop& loop, tcp::socket socket, std::unique_ptr<tls_session> tls,
         std::shared_ptr<void> admission = nullptr);

  void start(const std::shared_ptr<stream_owner>& owner);
  /// Gives the connection to another owner; what the old one has read goes with the caller.
  void hand_over(const std::shared_ptr<stream_owner>& owner);
  void set_read_bytes(std::size_t bytes) noexcept { read_bytes_ = bytes; }
  void pause(bool paused);
  /// The kernel takes little more than what is on its way, so that what waits is seen in queued().
  void keep_output_here();

  [[nodiscard]] std::string& output() noexcept { return with_room(output_); }
  void output_ready();  ///< sends at the end of this turn
  void flush();         ///< sends now
  [[nodiscard]] std::size_t queued() const noexcept;
  /// Keeps back what is appended from here on until release_output().
  void hold_output() noexcept { hold_at_ = output_.size(); }
  void release_output();
  /// True while bytes appended before hold_output() are still queued.
  [[nodiscard]] bool sending_before_hold() const noexcept;
  /// When everything queued has been sent: close_notify and FIN. Reading goes on.
  void shut_after_output();
  [[nodiscard]] bool shut() const noexcept { return shut_; }
  /// Drops the socket at once. No call to the owner follows.
  void close();
  /// Makes the coming close() an RST.
  void reset_on_close();

  [[nodiscard]] bool open() const noexcept { return socket_.is_open(); }
  [[nodiscard]] const std::string& peer_address() const noexcept { return peer_; }
  /// The kernel holds bytes that were not read yet.
  [[nodiscard]] bool has_unread() const noexcept;
  [[nodiscard]] event_loop& loop() noexcept { return loop_; }

 private:
  static constexpr int reads_per_turn_ = 4;
  static constexpr std::size_t direct_bytes_ = 16 * 1024;
  static constexpr std::size_t ciphertext_max_ = 512 * 1024;
  static constexpr std::size_t kept_capacity_ = std::size_t{64} << 10;

  enum class read_outcome : std::uint8_t { drained, more, ended };

  void wait_readable();
  void read_turn(stream_owner& owner);
  [[nodiscard]] read_outcome read_plain(stream_owner& owner);
  [[nodiscard]] read_outcome read_tls(stream_owner& owner);
  [[nodiscard]] read_outcome decrypt(stream_owner& owner, std::string_view ciphertext);
  [[nodiscard]] bool shake_hands(stream_owner& owner);
  [[nodiscard]] read_outcome judge_read(long count, std::size_t room);

  void schedule_flush();
  void flush_turn();
  void try_flush();
  void encrypt_some();
  /// A buffer that has none of its own yet takes a spare one of the loop.
  [[nodiscard]] std::string& with_room(std::string& bytes) noexcept {
    if (bytes.capacity() == std::string().capacity()) bytes = loop_.internals().take_spare();
    return bytes;
  }
  [[nodiscard]] bool send_some(const std::string& bytes, std::size_t& sent, std::size_t limit);
  void give_back(std::string& bytes, std::size_t& sent, std::optional<std::size_t>* mark);
  void wait_writable();
  void fail(base::error why);
  void tell_end(stream_owner& owner);

  event_loop& loop_;
  tcp::socket socket_;
  std::unique_ptr<tls_session> tls_;
  std::shared_ptr<void> admission_;
  std::weak_ptr<stream_owner> owner_;
  std::string peer_;
  std::size_t read_bytes_ = 256 * 1024;
  std::size_t direct_want_ = 4096;
  std::string output_;
  std::size_t output_sent_ = 0;
  std::size_t ciphertext_sent_ = 0;
  std::optional<std::size_t> hold_at_;
  std::optional<base::error> end_;
  unsigned read_generation_ = 0;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  bool flush_scheduled_ = false;
  bool progress_ = false;
  bool paused_ = false;
  bool write_broken_ = false;
  bool shut_wanted_ = false;
  bool shut_ = false;
  bool end_told_ = false;
};

/// "127.0.0.1:5000", "[::1]:5000".
[[nodiscard]] std::string endpoint_text(const tcp::endpoint& endpoint);

}  // namespace evergate::net
