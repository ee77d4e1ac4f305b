// The judgement on a payload while it is inflated: its size, and how much larger it is than what came.
// Shared by the inflaters. Pure.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <optional>

#include "base/result.h"
#include "proto/compression.h"
#include "proto/errc.h"

namespace evergate::proto {

/// Ratios are not judged below this: small payloads of one repeated character are harmless.
inline constexpr std::size_t ratio_judged_from_bytes = std::size_t{1} << 20;

/// An error once `out_bytes` inflated from a payload of `in_bytes` passes a bound.
[[nodiscard]] inline std::optional<base::error> judge_inflated(const inflate_limits& limits,
                                                               std::size_t in_bytes, std::size_t out_bytes) {
  if (out_bytes > limits.payload_bytes_max) {
    return base::error{make_error_code(errc::too_large),
                       fmt::format("inflated payload is larger than {} bytes", limits.payload_bytes_max)};
  }
  if (out_bytes > ratio_judged_from_bytes && out_bytes / limits.ratio_max > in_bytes) {
    return base::error{make_error_code(errc::too_large),
                       fmt::format("payload inflates from {} to over {} bytes, more than {} to 1", in_bytes,
                                   out_bytes, limits.ratio_max)};
  }
  return std::nullopt;
}

}  // namespace evergate::proto
