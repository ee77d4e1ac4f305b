// Gives freed memory back to the system when a busy stretch is over: the allocator keeps it otherwise, after
// a start with 20,000 guilds some 200 MB. Asked now and then by the thread that waits for signals.
#pragma once

#include <cstdint>
#include <ctime>
#include <utility>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace evergate::daemon {

class idle_heap {
 public:
  /// `interval_ns` has passed since the last call.
  void look(std::int64_t interval_ns) noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    const auto used = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
    const bool calm = used - std::exchange(used_, used) < interval_ns / 20;
    if (!calm) {
      busy_ = true;
      return;
    }
    if (!std::exchange(busy_, false)) return;
#if defined(__GLIBC__)
    ::malloc_trim(0);
#endif
  }

 private:
  std::int64_t used_ = 0;
  bool busy_ = false;
};

}  // namespace evergate::daemon
