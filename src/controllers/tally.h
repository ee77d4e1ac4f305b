// How one override does: counts and times, and what of it the log is told. Thread-safe, without locks but for
// the text of the last failure.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/log.h"
#include "evergate/controllers.h"

namespace evergate::decide {

class tally {
 public:
  using clock = std::chrono::steady_clock;

  explicit tally(std::string_view name) noexcept : name_(name) {}

  /// Before the first call. `log` may be null and outlives the tally.
  void configure(base::logger* log, std::chrono::nanoseconds slow_after) noexcept;

  void took(std::chrono::nanoseconds span) noexcept;
  void failed(std::string_view by, std::string_view why) noexcept;

  /// A script that runs past its limits again and again would hold up what asks: after past_limit_max times
  /// in a row it is not asked for rest_span, counted as failures.
  void past_limit() noexcept;
  void kept_limits() noexcept {
    if (past_limit_row_.load(std::memory_order_relaxed) != 0) end_row();
  }
  [[nodiscard]] bool rests() noexcept {
    return rest_until_.load(std::memory_order_relaxed) != 0 && still_rests();
  }

  static constexpr std::uint32_t past_limit_max = 10;
  static constexpr std::chrono::seconds rest_span{10};

  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  /// Without in_cpp and in_lua.
  [[nodiscard]] controller_status status() const;

 private:
  void end_row() noexcept;
  [[nodiscard]] bool still_rests() noexcept;
  [[nodiscard]] bool may_tell(std::atomic<std::int64_t>& last) noexcept;

  const std::string_view name_;
  base::logger* log_ = nullptr;
  std::chrono::nanoseconds slow_after_{std::chrono::milliseconds(5)};
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> slow_{0};
  std::atomic<std::int64_t> total_{0};
  std::atomic<std::int64_t> slowest_{0};
  std::atomic<std::uint32_t> past_limit_row_{0};
  std::atomic<std::int64_t> rest_until_{0};
  std::atomic<std::int64_t> failure_told_{0};
  std::atomic<std::int64_t> slow_told_{0};
  mutable std::mutex mutex_;
  std::string last_failure_;
};

}  // namespace evergate::decide
