// One WebSocket connection: frames in and out of a stream, the close handshake, back-pressure. Shared by the
// websocket its owner holds and the loop's pending waits; loop's thread only. Bounded by ws_options.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/rng.h"
#include "net/output_gauge.h"
#include "net/stream.h"
#include "net/websocket.h"
#include "net/websocket_codec.h"
#include "net/websocket_connector.h"

namespace evergate::net {

struct websocket::state final : stream_owner, std::enable_shared_from_this<websocket::state> {
  state(event_loop& loop, ws_role role, const ws_options& options, ws_handler& handler, std::uint64_t seed);

  void start_connecting(const url& target, std::shared_ptr<tls_context> tls);
  /// Takes an upgraded connection and what was read beyond the upgrade.
  void adopt(std::shared_ptr<stream> link, byte_buffer leftover);
  /// Sends nothing of what comes from here on before `delay` has passed.
  void hold_first_send(base::milliseconds delay);

  [[nodiscard]] std::string& output() noexcept;
  void output_ready();
  void send(ws_opcode kind, std::string_view payload);
  void flush();
  void close(std::uint16_t code, std::string_view reason);
  void abort();
  void reset();
  void fall_silent();
  void pause(bool paused);
  void set_handler(ws_handler& handler) noexcept {
    if (handler_ != nullptr) handler_ = &handler;
  }
  [[nodiscard]] std::size_t queued() const noexcept { return link_ ? link_->queued() : early_.size(); }
  [[nodiscard]] bool congested() const noexcept { return gauge_.congested(queued()); }
  [[nodiscard]] std::size_t room() const noexcept { return gauge_.room(queued()); }
  [[nodiscard]] const stream* link() const noexcept { return link_.get(); }
  /// The owner lets go: no further calls.
  void drop();

  std::span<char> read_space(std::size_t want) override;
  void read_filled(std::size_t count) override;
  void on_readable() override;
  void on_sent() override;
  void on_stream_end(const base::error& why) override;

 private:
  /// open: frames flow. discarding: we broke off after a violation and wait for the peer to go.
  /// leaving: both close frames are there, ours is on its way out.
  enum class phase : std::uint8_t { connecting, open, discarding, leaving, closed };

  [[nodiscard]] bool writable() const noexcept { return phase_ <= phase::open && !close_sent_; }
  void process();
  void process_later();
  void take(const ws_decoder::item& item);
  void take_close(std::string_view payload);
  void violated();
  void append(ws_opcode opcode, std::string_view payload);
  void send_close(std::string_view payload);
  void arm_close_timer();
  void release_held();
  void shut_link();
  void finish();

  event_loop& loop_;
  const ws_role role_;
  const ws_options options_;
  ws_handler* handler_;
  base::rng random_;
  ws_decoder decoder_;
  output_gauge gauge_;
  std::shared_ptr<stream> link_;
  std::shared_ptr<websocket_connector> connector_;
  phase phase_ = phase::connecting;
  std::string early_;    ///< what is sent before the connection is open
  std::string refused_;  ///< what is written after a close frame: thrown away
  byte_buffer discarded_;
  ws_closed how_;
  std::optional<base::error> pending_end_;
  std::optional<timer> close_timer_;
  std::optional<timer> hold_timer_;
  bool close_sent_ = false;
  bool paused_ = false;
  bool silent_ = false;  ///< what is sent stays here
  bool processing_ = false;
  bool process_scheduled_ = false;
};

}  // namespace evergate::net
