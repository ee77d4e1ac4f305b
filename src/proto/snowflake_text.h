// Snowflakes as they stand in JSON: eight digits at a time, since three of them are read for every event.
// Pure; never reads at or past `end`.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "proto/snowflake.h"

namespace evergate::proto {

/// The value of eight digits, the first of them in the lowest byte.
[[nodiscard]] inline std::uint64_t eight_digits_value(std::uint64_t word) noexcept {
  word = ((word & 0x0f0f0f0f0f0f0f0f) * 2561) >> 8;
  word = ((word & 0x00ff00ff00ff00ff) * 6553601) >> 16;
  return ((word & 0x0000ffff0000ffff) * 42949672960001) >> 32;
}

/// How many of the eight bytes are digits before the first that is none.
[[nodiscard]] inline unsigned leading_digits(std::uint64_t word) noexcept {
  constexpr std::uint64_t high = 0xf0f0f0f0f0f0f0f0;
  // A byte is a digit when its high half is 3 and stays 3 after adding 6. Carries between bytes only arise
  // from bytes that are no digits, and only spoil bytes after them.
  const std::uint64_t marks =
      ((word & high) ^ 0x3030303030303030) | (((word + 0x0606060606060606) & high) ^ 0x3030303030303030);
  return marks == 0 ? 8 : static_cast<unsigned>(std::countr_zero(marks)) / 8;
}

/// The string value that starts at `at` (its opening quote), when it is an id: 1 to 20 digits that fit in
/// 64 bits. 0 for everything else.
[[nodiscard]] inline snowflake quoted_snowflake(const char* at, const char* end) noexcept {
  if (at == end || *at != '"') return 0;
  const char* const first = at + 1;
  const char* p = first;
  snowflake value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    constexpr std::uint64_t powers[] = {1,       10,        100,        1'000,      10'000,
                                        100'000, 1'000'000, 10'000'000, 100'000'000};
    while (end - p >= 8 && p - first < 24) {
      std::uint64_t word = 0;
      std::memcpy(&word, p, 8);
      const unsigned digits = leading_digits(word);
      if (p - first == 16 && digits > 3) break;  // 20 digits or more may be too many
      if (digits == 8) {
        value = value * powers[8] + eight_digits_value(word);
        p += 8;
        continue;
      }
      if (digits != 0) value = value * powers[digits] + eight_digits_value(word << (64 - 8 * digits));
      p += digits;
      return p != first && *p == '"' ? value : 0;
    }
  }
  while (p != end && *p >= '0' && *p <= '9') ++p;
  if (p == end || *p != '"' || p - first > 20) return 0;
  return parse_snowflake(std::string_view(first, p)).value_or(0);
}

}  // namespace evergate::proto
