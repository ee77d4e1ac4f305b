// The heartbeat of one gateway connection: when to beat, and when silence means that the connection is dead.
// Lives with its connection, so that a missed answer never condemns the next one. Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace evergate::proto {

struct heartbeat_options {
  /// After an interval without ACK verdict and next beat wait this long, so that what the socket already
  /// holds is read before judging; while payloads keep coming beats go on and the verdict waits on, at most
  /// one more interval.
  base::milliseconds ack_grace{1'000};
  /// A timer that fires later than this past its time (and later than an interval): the machine slept, and
  /// Discord has not heard from us.
  base::milliseconds suspend_after{15'000};
};

class heartbeat {
 public:
  explicit heartbeat(heartbeat_options options = {}) noexcept : options_(options) {}

  /// HELLO came. The first beat is due after `interval` × `part`, part uniform in [0, 1).
  void start(base::milliseconds interval, double part, base::instant now) noexcept;
  /// The connection ended.
  void stop() noexcept;

  enum class due : std::uint8_t {
    nothing,
    beat,    ///< send a heartbeat, then call on_sent
    zombie,  ///< no ACK: close and RESUME
    slept,   ///< the machine was suspended: close and RESUME
  };
  /// Tells what is due at `now`. Call again until it says `nothing`. `unread`: the socket holds bytes that we
  /// have not read yet, so that the ACK may be among them and no verdict is given.
  [[nodiscard]] due judge(base::instant now, bool unread = false) noexcept;
  /// When judge() is wanted next; nothing while stopped.
  [[nodiscard]] std::optional<base::instant> next() const noexcept;

  void on_sent(base::instant now) noexcept;
  void on_ack(base::instant now) noexcept;
  /// Anything was received.
  void on_payload() noexcept { heard_ = true; }
  /// While our own reading is paused no verdict is given: the ACK may be in the socket.
  void pause(bool paused) noexcept;

  [[nodiscard]] bool running() const noexcept { return running_; }
  /// Time from the last answered beat to its ACK.
  [[nodiscard]] std::optional<base::nanoseconds> latency() const noexcept { return latency_; }

 private:
  heartbeat_options options_;
  bool running_ = false;
  bool paused_ = false;
  bool heard_ = false;
  bool held_ = false;  ///< the beat that is due waits, so that an ACK can only be that of the one before
  base::milliseconds interval_{0};
  base::instant beat_at_{};
  std::optional<base::instant> unanswered_;  ///< when the oldest beat without ACK was sent
  std::optional<base::instant> verdict_at_;
  std::optional<base::nanoseconds> latency_;
};

}  // namespace evergate::proto
