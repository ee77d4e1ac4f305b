// A lane of execution: one thread, one event loop (Asio's epoll). Connections and timers live on the loop
// that made them and are touched only there; other threads reach it by post().
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"

namespace evergate::net {

class event_loop {
 public:
  using task = std::move_only_function<void()>;

  event_loop();
  ~event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// Runs until stop(). The calling thread becomes the loop's thread.
  void run();
  /// Thread-safe. Tasks already posted still run.
  void stop();
  /// Thread-safe; in order. Costs a lock and perhaps a wake-up: post batches, not events.
  void post(task work);
  /// Runs `work` at the end of the current turn (after the handlers of this readiness round), on the loop's
  /// thread only. Used to coalesce writes and to hand batches on.
  void defer(task work);
  [[nodiscard]] bool in_loop() const noexcept;
  /// Thread-safe: processor time that the loop's thread has used; 0 while it does not run. Over a stretch of
  /// time it tells how busy the loop is, and costs the loop nothing.
  [[nodiscard]] base::nanoseconds cpu_time() const noexcept;

  struct state;
  [[nodiscard]] state& internals() noexcept { return *state_; }

 private:
  std::unique_ptr<state> state_;
};

/// A one-shot timer on boot_clock. Arming again replaces the earlier deadline. Loop's thread only.
class timer {
 public:
  explicit timer(event_loop& loop);
  ~timer();
  timer(timer&&) noexcept;
  timer& operator=(timer&&) noexcept;

  void arm(base::instant when, event_loop::task work);
  void arm_in(base::nanoseconds delay, event_loop::task work);
  void cancel() noexcept;  ///< the work will not run
  [[nodiscard]] bool armed() const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace evergate::net
