// Spreads the connections of all workers over time, so that thousands of shards do not meet a limit of
// Discord's front in one second. Shared by all workers; thread-safe; no lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace evergate::upstream {

class connect_pacer {
 public:
  /// `per_second_max` connections a second; 0 = as many as are asked for.
  explicit connect_pacer(std::uint32_t per_second_max) noexcept
      : gap_ns_(per_second_max == 0 ? 0 : 1'000'000'000 / per_second_max) {}

  /// Takes the next place: the instant at which the caller may connect.
  [[nodiscard]] base::instant take(base::instant now) noexcept {
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t free = free_at_.load(std::memory_order_relaxed);
    std::int64_t mine = 0;
    do {
      mine = free > at ? free : at;
    } while (!free_at_.compare_exchange_weak(free, mine + gap_ns_, std::memory_order_relaxed));
    return base::instant(base::nanoseconds(mine));
  }

 private:
  const std::int64_t gap_ns_;
  std::atomic<std::int64_t> free_at_{0};
};

}  // namespace evergate::upstream
