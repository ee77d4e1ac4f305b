#include "proto/backoff.h"

#include <algorithm>

namespace evergate::proto {

base::milliseconds backoff::next(base::rng& chance) noexcept {
  const std::int64_t most = std::max<std::int64_t>(options_.most.count(), 1);
  std::int64_t step = std::clamp<std::int64_t>(options_.first.count(), 1, most);
  for (std::uint32_t i = 0; i < tries_ && step < most; ++i) step = std::min(step * 2, most);
  if (tries_ < 1'000) ++tries_;
  const std::int64_t half = step / 2;
  const auto extra = static_cast<std::int64_t>(chance.below(static_cast<std::uint64_t>(step - half) + 1));
  return base::milliseconds(half + extra);
}

}  // namespace evergate::proto
