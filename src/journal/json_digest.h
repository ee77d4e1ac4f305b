// A digest of a JSON value that does not depend on the order of members or elements, for telling whether two
// guild documents say the same. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace evergate::journal {

struct json_digest {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const json_digest&) const = default;
};

/// `ignored` names one top-level member left out (empty: none).
[[nodiscard]] json_digest digest_of(std::string_view json, std::string_view ignored = {});

}  // namespace evergate::journal
