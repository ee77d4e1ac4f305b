// The one SIMD pass under the envelope scan and the JSON cursors: from an opening bracket to the one that
// closes it, strings and escapes minded, in blocks of 64 bytes. Variants for AVX2, SSE2 and plain 64-bit
// words share one body (json_walk_body.inc); the best one that the processor has is chosen at start.
// Pure; never reads outside [begin, end); linear in the bytes walked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/snowflake.h"

namespace evergate::proto {

/// The deepest nesting of brackets that is accepted anywhere.
inline constexpr int json_depth_max = 512;

/// Ids that stand as members of the walked object itself, the first of each key. Positions are where the
/// value starts in the text; 0 = the key is not there. Ids are 0 when the value is no snowflake string.
struct member_ids {
  snowflake id = 0;
  snowflake guild = 0;
  snowflake channel = 0;
  std::size_t id_at = 0;
  std::size_t guild_at = 0;
  std::size_t channel_at = 0;
};

enum class walk_variant : std::uint8_t { words, sse2, avx2 };

[[nodiscard]] bool walk_supported(walk_variant variant) noexcept;
/// The variant that walk_container uses.
[[nodiscard]] walk_variant walk_chosen() noexcept;

/// `text[at]` is `{` or `[`. Returns the position just past the bracket that closes it, or npos: it is never
/// closed, closes with the other kind, nests deeper than `depth_max`, or has a backslash outside a string.
/// Kinds of brackets further inside are counted, not paired. With `ids`, notes the ids of the object.
[[nodiscard]] std::size_t walk_container(std::string_view text, std::size_t at, int depth_max,
                                         member_ids* ids = nullptr) noexcept;

/// The same by a given variant, which must be supported: for tests and benchmarks.
[[nodiscard]] std::size_t walk_container_with(walk_variant variant, std::string_view text, std::size_t at,
                                              int depth_max, member_ids* ids) noexcept;

/// The position just past the string whose opening quote is `text[at]`, or npos.
[[nodiscard]] std::size_t walk_string(std::string_view text, std::size_t at) noexcept;

[[nodiscard]] constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/// The first position from `at` on that is no white space; the text's size when there is none.
[[nodiscard]] inline std::size_t skip_space(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

}  // namespace evergate::proto
