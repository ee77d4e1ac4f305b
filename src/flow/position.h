// A place in the journal as people name it: now, the earliest kept, an offset, or a time. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace evergate::flow {

struct position {
  enum class kind : std::uint8_t { now, earliest, offset, time };
  kind what = kind::now;
  std::uint64_t value = 0;  ///< the offset, or milliseconds since 1970
  bool operator==(const position&) const = default;
};

/// "now", "earliest", digits (an offset), or an RFC 3339 time with its zone. Nothing for anything else.
[[nodiscard]] std::optional<position> parse_position(std::string_view text);

/// Milliseconds since 1970 of "2026-11-25T08:00:00.250Z" or "2026-11-25T09:00:00+01:00"; nothing when it is
/// malformed or before 1970. Source: RFC 3339, section 5.6. Fractions past milliseconds are cut off.
[[nodiscard]] std::optional<std::int64_t> parse_rfc3339(std::string_view text);
/// As UTC with milliseconds.
[[nodiscard]] std::string rfc3339(std::int64_t time_ms);

}  // namespace evergate::flow
