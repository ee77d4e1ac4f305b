// What may be sent on one gateway connection and when: 120 sends in 60 s with room kept for heartbeats,
// presences 5 in 20 s, and the commands that wait for room. Owned by the session machine; one thread; pure.
// Bounded by queue_items_max and queue_bytes_max; of waiting presences only the newest is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace evergate::proto {

/// Source: Discord documentation, Gateway, Rate Limiting. The presence limit is undocumented.
struct send_window_options {
  std::uint32_t sends_max = 120;
  base::milliseconds window{60'000};
  base::milliseconds window_slack{
      1'000};  ///< added to it: what follows may travel faster than what went before
  std::uint32_t presences_max = 5;
  base::milliseconds presence_window{22'000};  ///< 20 s at Discord; for the same reason
  std::size_t queue_items_max = 1'000;
  std::size_t queue_bytes_max = 4 * 1024 * 1024;
};

/// Counts marks inside a sliding window; room for `most` of them.
class sliding_window {
 public:
  sliding_window(std::uint32_t most, base::milliseconds span);
  void mark(base::instant now);
  /// Marks later than now − span.
  [[nodiscard]] std::uint32_t count(base::instant now) const noexcept;
  /// The earliest instant at which count() is below `limit`; `now` when it already is.
  [[nodiscard]] base::instant below(std::uint32_t limit, base::instant now) const noexcept;
  void clear() noexcept;

 private:
  base::milliseconds span_;
  std::vector<base::instant> marks_;  ///< ring
  std::size_t next_ = 0;
  std::size_t size_ = 0;
};

class send_window {
 public:
  explicit send_window(send_window_options options = {});

  /// A new connection: Discord counts from zero. What waits is kept.
  void on_connection(base::milliseconds heartbeat_interval);

  /// Counts a heartbeat; false when even the room kept for heartbeats is used up (it must not be sent).
  [[nodiscard]] bool try_heartbeat(base::instant now);
  /// The same for one that is not due (resharding asks for proof): only while the due ones keep half of their
  /// room.
  [[nodiscard]] bool try_probe(base::instant now);
  /// Counts an IDENTIFY or RESUME.
  void note_send(base::instant now);

  /// Queues a command. False when the queue is full. A presence replaces the one that waits.
  [[nodiscard]] bool push(int op, std::string payload);
  /// An IDENTIFY carries a newer one.
  void drop_presence() noexcept { presence_.reset(); }
  /// Takes the next command that may go now into `payload` and counts it.
  [[nodiscard]] bool next(std::string& payload, base::instant now);
  /// When next() can succeed; nothing while no command waits.
  [[nodiscard]] std::optional<base::instant> ready_at(base::instant now) const noexcept;

  [[nodiscard]] std::size_t queued() const noexcept { return queue_.size() + (presence_ ? 1 : 0); }
  /// Sends kept free for heartbeats: 2·⌈window ÷ interval⌉, at least 4.
  [[nodiscard]] std::uint32_t heartbeat_room() const noexcept { return heartbeat_room_; }

 private:
  /// Sends that only due heartbeats may use.
  [[nodiscard]] std::uint32_t kept() const noexcept { return heartbeat_room_ / 2; }
  [[nodiscard]] base::instant room_at(base::instant now) const noexcept;

  send_window_options options_;
  std::uint32_t heartbeat_room_ = 4;
  sliding_window all_;
  sliding_window commands_;
  sliding_window presences_;
  std::deque<std::string> queue_;
  std::size_t queue_bytes_ = 0;
  std::optional<std::string> presence_;
};

}  // namespace evergate::proto
