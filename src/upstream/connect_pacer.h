// Spreads the connections of all workers over time, so that thousands of shards do not meet a limit of
// Discord's front in one second, and keeps them all back for a while once it was met. Shared by all workers;
// thread-safe; a short lock for each connection.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>

#include "base/clock.h"

namespace evergate::upstream {

/// After a refusal nobody connects for `first`; doubles with each refusal in a row.
struct connect_rest_options {
  base::milliseconds first{2'000};
  base::milliseconds most{60'000};
};

class connect_pacer {
 public:
  /// `per_second_max` connections a second; 0 = as many as are asked for.
  explicit connect_pacer(std::uint32_t per_second_max, connect_rest_options rest = {}) noexcept
      : options_(rest), gap_(per_second_max == 0 ? 0 : 1'000'000'000 / per_second_max) {}

  /// Takes the next place: the instant at which the caller may connect, after asking resting() once more.
  [[nodiscard]] base::instant take(base::instant now) noexcept {
    const std::scoped_lock lock(mutex_);
    const auto mine = std::max({now, free_at_, rest_until_});
    free_at_ = mine + gap_;
    return mine;
  }
  /// True while places that were given out before a refusal do not count.
  [[nodiscard]] bool resting(base::instant now) const noexcept {
    const std::scoped_lock lock(mutex_);
    return now < rest_until_;
  }
  /// The server's front refused a connection of this address. The refusals of one wave count once.
  /// Returns how long everyone rests, or zero when a rest was on already.
  base::milliseconds refused(base::instant now) noexcept {
    const std::scoped_lock lock(mutex_);
    if (now < rest_until_) return base::milliseconds{0};
    rest_ = rest_.count() == 0 ? options_.first : std::min(rest_ * 2, options_.most);
    rest_until_ = now + rest_;
    free_at_ = std::max(free_at_, rest_until_);
    return rest_;
  }
  /// A connection was let in.
  void accepted() noexcept {
    const std::scoped_lock lock(mutex_);
    rest_ = base::milliseconds{0};
  }

 private:
  const connect_rest_options options_;
  const base::nanoseconds gap_;
  mutable std::mutex mutex_;
  base::instant free_at_{};
  base::instant rest_until_{};
  base::milliseconds rest_{0};
};

}  // namespace evergate::upstream
