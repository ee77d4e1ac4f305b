// Time that keeps counting while the machine sleeps (CLOCK_BOOTTIME), so that a suspend is seen as the
// silence it was. Protocol cores never read it: they are handed an instant.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

namespace evergate::base {

struct boot_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<boot_clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);
    return time_point(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
  }
};

/// A moment of boot_clock (or of a simulation's virtual clock).
using instant = boot_clock::time_point;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

/// Wall time in milliseconds since 1970, for records that operators read and for snowflake ages.
[[nodiscard]] inline std::int64_t unix_time_ms() noexcept {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace evergate::base
