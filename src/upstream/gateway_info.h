// What `GET /gateway/bot` says: where to connect, how many shards, how many IDENTIFYs. Parsing only; pure.
// Source: Discord documentation, Gateway, "Get Gateway Bot".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace evergate::upstream {

struct gateway_info {
  std::string url;
  std::uint32_t shards = 1;
  std::uint32_t total = 1'000;
  std::uint32_t remaining = 1'000;
  base::milliseconds reset_after{0};
  std::uint32_t max_concurrency = 1;
};

/// Fails (errc::bad_gateway_info) naming the member that is missing or out of range: url is a string, shards
/// 1 to 65,535, max_concurrency at least 1, the others not negative.
[[nodiscard]] base::result<gateway_info> parse_gateway_info(std::string_view body);

}  // namespace evergate::upstream
