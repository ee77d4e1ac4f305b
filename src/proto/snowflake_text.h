// Snowflakes as they stand in JSON: eight digits at a time, since three of them are read for every event.
// Pure; never reads at or past `end`.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "proto/snowflake.h"

namespace evergate::proto {

/// True when all eight bytes are ASCII digits.
[[nodiscard]] inline bool eight_digits(std::uint64_t word) noexcept {
  constexpr std::uint64_t high = 0xf0f0f0f0f0f0f0f0;
  return ((word & high) | (((word + 0x0606060606060606) & high) >> 4)) == 0x3333333333333333;
}

/// The value of eight digits, the first of them in the lowest byte.
[[nodiscard]] inline std::uint64_t eight_digits_value(std::uint64_t word) noexcept {
  word = ((word & 0x0f0f0f0f0f0f0f0f) * 2561) >> 8;
  word = ((word & 0x00ff00ff00ff00ff) * 6553601) >> 16;
  return ((word & 0x0000ffff0000ffff) * 42949672960001) >> 32;
}

/// The string value that starts at `at` (its opening quote), when it is an id: 1 to 20 digits that fit in
/// 64 bits. 0 for everything else.
[[nodiscard]] inline snowflake quoted_snowflake(const char* at, const char* end) noexcept {
  if (at == end || *at != '"') return 0;
  const char* const first = at + 1;
  const char* p = first;
  snowflake value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (int i = 0; i < 2 && end - p >= 8; ++i, p += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, p, 8);
      if (!eight_digits(word)) break;
      value = value * 100'000'000 + eight_digits_value(word);
    }
  }
  for (; p != end && *p >= '0' && *p <= '9'; ++p) {
    if (p - first >= 19) [[unlikely]] {  // only here can 64 bits be too few
      const char* past = p + 1;
      if (past == end || *past != '"') return 0;
      return parse_snowflake(std::string_view(first, past)).value_or(0);
    }
    value = value * 10 + static_cast<unsigned>(*p - '0');
  }
  return p != end && *p == '"' ? value : 0;
}

}  // namespace evergate::proto
