#include "proto/json_walk.h"

#include <bit>
#include <cstring>

#include "proto/snowflake_text.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace evergate::proto {
namespace {

/// One bit a byte of a block of 64.
struct char_masks {
  std::uint64_t quote = 0;
  std::uint64_t open = 0;   ///< { and [
  std::uint64_t close = 0;  ///< } and ]
  bool has_backslash = false;
};

/// The key's length is a constant, so that the comparison is one or two loads.
template <std::size_t n>
[[gnu::always_inline]] inline bool ends_with_key(const char* first, const char* quote,
                                                 const char (&key)[n]) noexcept {
  constexpr std::ptrdiff_t size = n - 1;
  // The opening quote of a member follows the bracket, a comma or white space, never a backslash.
  if (quote - first < size + 2) return false;
  const char* const start = quote - size;
  return start[-1] == '"' && start[-2] != '\\' && __builtin_memcmp(start, key, size) == 0;
}

/// `quote` closes a string at the object's top level that ends in "id": if it is one of the keys, and a key,
/// notes the value.
void note_key(const char* first, const char* quote, const char* end, const char* begin,
              member_ids& ids) noexcept {
  std::size_t member_ids::* at = nullptr;
  snowflake member_ids::* value = nullptr;
  if (ends_with_key(first, quote, "id")) {
    at = &member_ids::id_at, value = &member_ids::id;
  } else if (ends_with_key(first, quote, "guild_id")) {
    at = &member_ids::guild_at, value = &member_ids::guild;
  } else if (ends_with_key(first, quote, "channel_id")) {
    at = &member_ids::channel_at, value = &member_ids::channel;
  } else {
    return;
  }
  const char* p = quote + 1;
  while (p != end && is_space(*p)) ++p;
  if (p == end || *p != ':') return;
  ++p;
  while (p != end && is_space(*p)) ++p;
  if (ids.*at != 0) return;
  ids.*at = static_cast<std::size_t>(p - begin);
  ids.*value = quoted_snowflake(p, end);
}

std::uint64_t prefix_xor_by_shifts(std::uint64_t bits) noexcept {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

namespace words {

/// One bit for each byte of `word` that equals `c`, exactly.
inline std::uint64_t bytes_equal(std::uint64_t word, unsigned char c) noexcept {
  constexpr std::uint64_t low7 = 0x7f7f7f7f7f7f7f7f;
  const std::uint64_t x = word ^ (std::uint64_t{c} * 0x0101010101010101);
  const std::uint64_t zero = ~(((x & low7) + low7) | x | low7);
  return ((zero >> 7) * 0x0102040810204080) >> 56;
}

inline std::uint64_t word_at(const char* p) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, p, 8);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

inline char_masks read_block(const char* p) noexcept {
  char_masks out;
  for (unsigned i = 0; i < 64; i += 8) {
    const std::uint64_t word = word_at(p + i);
    const std::uint64_t folded = word | 0x2020202020202020;
    out.quote |= bytes_equal(word, '"') << i;
    out.has_backslash = out.has_backslash || bytes_equal(word, '\\') != 0;
    out.open |= bytes_equal(folded, '{') << i;
    out.close |= bytes_equal(folded, '}') << i;
  }
  return out;
}

inline std::uint64_t read_equal(const char* p, char c) noexcept {
  std::uint64_t out = 0;
  for (unsigned i = 0; i < 64; i += 8) out |= bytes_equal(word_at(p + i), static_cast<unsigned char>(c)) << i;
  return out;
}

inline std::uint64_t prefix_xor(std::uint64_t bits) noexcept {
  return prefix_xor_by_shifts(bits);
}

#include "proto/json_walk_body.inc"

}  // namespace words

#if defined(__x86_64__)

namespace sse2 {

inline std::uint64_t equal(const __m128i (&v)[4], char c) noexcept {
  const __m128i wanted = _mm_set1_epi8(c);
  std::uint64_t out = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const auto bits = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], wanted)));
    out |= std::uint64_t{bits} << (16 * i);
  }
  return out;
}

inline char_masks read_block(const char* p) noexcept {
  __m128i v[4];
  __m128i folded[4];
  for (unsigned i = 0; i < 4; ++i) {
    v[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
    folded[i] = _mm_or_si128(v[i], _mm_set1_epi8(0x20));
  }
  const __m128i slash = _mm_set1_epi8('\\');
  const __m128i low = _mm_or_si128(_mm_cmpeq_epi8(v[0], slash), _mm_cmpeq_epi8(v[1], slash));
  const __m128i high = _mm_or_si128(_mm_cmpeq_epi8(v[2], slash), _mm_cmpeq_epi8(v[3], slash));
  return {equal(v, '"'), equal(folded, '{'), equal(folded, '}'),
          _mm_movemask_epi8(_mm_or_si128(low, high)) != 0};
}

inline std::uint64_t read_equal(const char* p, char c) noexcept {
  __m128i v[4];
  for (unsigned i = 0; i < 4; ++i) v[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
  return equal(v, c);
}

inline std::uint64_t prefix_xor(std::uint64_t bits) noexcept {
  return prefix_xor_by_shifts(bits);
}

#include "proto/json_walk_body.inc"

}  // namespace sse2

#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt,pclmul"))), \
                             apply_to = function)
namespace avx2 {

inline std::uint64_t equal(__m256i low, __m256i high, char c) noexcept {
  const __m256i wanted = _mm256_set1_epi8(c);
  const auto a = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)));
  const auto b = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)));
  return std::uint64_t{a} | (std::uint64_t{b} << 32);
}

inline char_masks read_block(const char* p) noexcept {
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32));
  const __m256i fold = _mm256_set1_epi8(0x20);
  const __m256i low_folded = _mm256_or_si256(low, fold);
  const __m256i high_folded = _mm256_or_si256(high, fold);
  const __m256i slash = _mm256_set1_epi8('\\');
  const __m256i slashes = _mm256_or_si256(_mm256_cmpeq_epi8(low, slash), _mm256_cmpeq_epi8(high, slash));
  return {equal(low, high, '"'), equal(low_folded, high_folded, '{'), equal(low_folded, high_folded, '}'),
          _mm256_movemask_epi8(slashes) != 0};
}

inline std::uint64_t read_equal(const char* p, char c) noexcept {
  return equal(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
               _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32)), c);
}

inline std::uint64_t prefix_xor(std::uint64_t bits) noexcept {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<long long>(bits)), _mm_set1_epi8(-1), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

#include "proto/json_walk_body.inc"

}  // namespace avx2
#pragma clang attribute pop

#endif

walk_variant best_variant() noexcept {
  if (walk_supported(walk_variant::avx2)) return walk_variant::avx2;
  if (walk_supported(walk_variant::sse2)) return walk_variant::sse2;
  return walk_variant::words;
}

// Before it is initialised (no thread runs yet) it reads as `words`, which is right everywhere.
const walk_variant chosen = best_variant();

}  // namespace

bool walk_supported(walk_variant variant) noexcept {
  switch (variant) {
    case walk_variant::words:
      return true;
#if defined(__x86_64__)
    case walk_variant::sse2:
      return true;
    case walk_variant::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
             __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") &&
             __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul");
#endif
    default:
      return false;
  }
}

walk_variant walk_chosen() noexcept {
  return chosen;
}

std::size_t walk_container_with(walk_variant variant, std::string_view text, std::size_t at, int depth_max,
                                member_ids* ids) noexcept {
  const char* const begin = text.data();
  const char* const first = begin + at;
  const char* const end = begin + text.size();
  switch (variant) {
#if defined(__x86_64__)
    case walk_variant::avx2:
      return ids != nullptr ? avx2::walk<true>(begin, first, end, depth_max, ids)
                            : avx2::walk<false>(begin, first, end, depth_max, ids);
    case walk_variant::sse2:
      return ids != nullptr ? sse2::walk<true>(begin, first, end, depth_max, ids)
                            : sse2::walk<false>(begin, first, end, depth_max, ids);
#endif
    default:
      return ids != nullptr ? words::walk<true>(begin, first, end, depth_max, ids)
                            : words::walk<false>(begin, first, end, depth_max, ids);
  }
}

std::size_t walk_container(std::string_view text, std::size_t at, int depth_max, member_ids* ids) noexcept {
  return walk_container_with(chosen, text, at, depth_max, ids);
}

std::size_t walk_string(std::string_view text, std::size_t at) noexcept {
  const std::size_t first = at + 1;
  for (std::size_t from = first; from < text.size();) {
    const void* const found = std::memchr(text.data() + from, '"', text.size() - from);
    if (found == nullptr) break;
    const auto quote = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    std::size_t run = quote;  // each run of backslashes stands before one quote only, so this stays linear
    while (run > first && text[run - 1] == '\\') --run;
    if ((quote - run) % 2 == 0) return quote + 1;
    from = quote + 1;
  }
  return std::string_view::npos;
}

}  // namespace evergate::proto
