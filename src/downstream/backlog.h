// What waits for a consumer, against the bounds that its operator set: what has to be given up so that it
// fits. Pure over the journal's outline; blocks on disk.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.h"
#include "downstream/consumer_policy.h"
#include "flow/journal.h"

namespace evergate::downstream {

using per_class_offset = std::array<flow::offset, proto::event_class_count>;
using per_class_count = std::array<std::uint64_t, proto::event_class_count>;

struct relief {
  per_class_offset upto{};   ///< by class: what lies at or before it goes; 0 = nothing
  per_class_count events{};  ///< so many
  [[nodiscard]] bool none() const noexcept { return events == per_class_count{}; }
};

[[nodiscard]] constexpr bool has_bounds(const consumer_policy& policy) noexcept {
  return policy.max_events > 0 || policy.max_bytes > 0 || policy.max_age.count() > 0;
}

/// Ephemeral events go first, oldest first, then messages, then state; what is past max_age goes whatever its
/// class. `from`: see consumer::needed_from(). Whole stretches go, so that it may be a little more than
/// needed.
[[nodiscard]] base::result<relief> relieve(flow::event_source& events, const consumer_policy& policy,
                                           const per_class_offset& from, std::int64_t now_ms);

/// How many events of each class lie past `from` and at or before `upto`.
[[nodiscard]] base::result<per_class_count> count_between(flow::event_source& events,
                                                          const per_class_offset& from, flow::offset upto);

}  // namespace evergate::downstream
