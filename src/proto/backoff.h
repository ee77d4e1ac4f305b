// How long to wait before the next try: doubles from `first` to `most`, with jitter so that many shards
// do not return together. Owned by whoever retries; one thread; chance comes in as an argument.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/rng.h"

namespace evergate::proto {

struct backoff_options {
  base::milliseconds first{1'000};
  base::milliseconds most{60'000};
};

class backoff {
 public:
  explicit backoff(backoff_options options = {}) noexcept : options_(options) {}

  /// The next delay: uniform in the upper half of the current step, then the step doubles.
  [[nodiscard]] base::milliseconds next(base::rng& chance) noexcept;
  /// After a success: the next delay is short again.
  void reset() noexcept { tries_ = 0; }
  [[nodiscard]] std::uint32_t tries() const noexcept { return tries_; }

 private:
  backoff_options options_;
  std::uint32_t tries_ = 0;
};

}  // namespace evergate::proto
