// How fast a lane may deliver what has queued up: a token bucket, used only while the lane is behind the head
// of the journal. Live traffic is not held up. Pure; owned by a connection.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/clock.h"

namespace evergate::downstream {

class catch_up_pace {
 public:
  /// Events a second; 0 = as fast as the bot reads.
  explicit catch_up_pace(std::uint32_t max_rate) noexcept : rate_(max_rate) {}

  /// A session begins: it is behind until it has reached the head once.
  void start(base::instant now) noexcept {
    behind_ = true;
    tokens_ = 0;
    filled_at_ = now;
  }
  /// The lane stands `records` before the head. One that falls back by more than a second's worth is caught
  /// up at the rate again.
  void stands(std::uint64_t records) noexcept {
    if (records == 0) {
      behind_ = false;
    } else if (records > std::max<std::uint64_t>(rate_, live_records_max)) {
      behind_ = true;
    }
  }

  static constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();
  /// How many events may be sent now.
  [[nodiscard]] std::uint32_t allowance(base::instant now) noexcept {
    if (!paces()) {
      filled_at_ = now;
      return unlimited;
    }
    const auto gone = std::chrono::duration<double>(now - filled_at_).count();
    filled_at_ = now;
    // Never more than a tenth of a second's worth at once; with room for two events, so that of a slow rate
    // no fraction is lost.
    tokens_ = std::min(tokens_ + gone * rate_, std::max(2.0, rate_ / 10.0));
    return static_cast<std::uint32_t>(tokens_);
  }
  void spent(std::uint32_t events) noexcept {
    if (paces()) tokens_ = std::max(0.0, tokens_ - events);
  }
  [[nodiscard]] bool paces() const noexcept { return rate_ > 0 && behind_; }

 private:
  static constexpr std::uint64_t live_records_max = 1'000;

  const std::uint32_t rate_;
  bool behind_ = true;
  double tokens_ = 0;
  base::instant filled_at_{};
};

}  // namespace evergate::downstream
