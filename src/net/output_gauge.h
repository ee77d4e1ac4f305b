// How many bytes may wait for a peer before its owner stops writing: what leaves within `wait_max` at the
// pace at which the peer last took them. So an answer that is appended now (of a heartbeat) leaves in time,
// however slow the peer is. Pure; one connection's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace evergate::net {

class output_gauge {
 public:
  static constexpr std::size_t least = 16 * 1024;  ///< of any peer
  static constexpr std::size_t first = 64 * 1024;  ///< of one that nothing is known of

  /// `high` is the bound for the fastest peer; with a `wait_max` of 0 it is the bound for all.
  output_gauge(std::size_t high, base::nanoseconds wait_max) noexcept
      : high_(high), wait_max_(wait_max), limit_(wait_max.count() > 0 ? std::min(high, first) : high) {}

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  [[nodiscard]] bool congested(std::size_t queued) const noexcept { return queued >= limit_; }
  [[nodiscard]] std::size_t room(std::size_t queued) const noexcept {
    return limit_ - std::min(limit_, queued);
  }

  /// Something was appended.
  void appended(std::size_t queued, base::instant now) noexcept {
    if (!full_ && congested(queued)) full_ = {queued, now};
    if (full_) full_->queued = std::max(full_->queued, queued);
  }
  /// Something left. True when it was congested and a quarter of the limit is left, or less.
  [[nodiscard]] bool left(std::size_t queued, base::instant now) noexcept {
    if (!full_ || queued > limit_ / 4) return false;
    if (wait_max_.count() > 0) adapt(full_->queued - queued, now - full_->at);
    full_.reset();
    appended(queued, now);  // by the new limit it may be congested still
    return !full_;
  }

 private:
  struct mark {
    std::size_t queued = 0;
    base::instant at{};
  };
  // The kernel takes the first bytes of a slow peer at once as well: no more than four times at a step.
  void adapt(std::size_t bytes, base::nanoseconds took) noexcept {
    const auto pace =
        static_cast<double>(bytes) / static_cast<double>(std::max<std::int64_t>(took.count(), 1));
    const auto fits = pace * static_cast<double>(wait_max_.count());
    const auto most = std::min(high_, 4 * limit_);
    limit_ = fits >= static_cast<double>(most)
                 ? most
                 : std::max(std::min(high_, least), static_cast<std::size_t>(fits));
  }

  std::size_t high_;
  base::nanoseconds wait_max_;
  std::size_t limit_;
  std::optional<mark> full_;
};

}  // namespace evergate::net
