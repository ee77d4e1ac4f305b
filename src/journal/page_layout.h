// The parts of LMDB's file format (data version 1, 64-bit) that page_check reads. Numbers are little-endian;
// values are copied out of a page's bytes, whose size the caller has checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace evergate::journal::page_layout {

inline constexpr std::size_t head_bytes = 16;
inline constexpr std::size_t node_head_bytes = 8;
inline constexpr std::size_t key_bytes_max = 511;
inline constexpr std::uint32_t depth_max = 32;
inline constexpr std::uint64_t no_page = ~std::uint64_t{0};
inline constexpr std::uint32_t meta_magic = 0xBEEFC0DE;
inline constexpr std::uint32_t data_version = 1;
inline constexpr std::uint64_t first_page = 2;  ///< after the two meta pages

enum page_kind : std::uint16_t { branch = 0x01, leaf = 0x02, overflow = 0x04, meta = 0x08 };
enum node_kind : std::uint16_t { plain = 0x00, large = 0x01, subtree = 0x02 };
inline constexpr std::uint16_t integer_keys = 0x08;

template <class T>
[[nodiscard]] T read(const char* at) noexcept {
  T out{};
  std::memcpy(&out, at, sizeof(T));
  return out;
}

struct page_head {
  std::uint64_t number = 0;
  std::uint16_t pad = 0;
  std::uint16_t kind = 0;
  std::uint16_t lower = 0;
  std::uint16_t upper = 0;
  [[nodiscard]] std::uint32_t overflow_pages() const noexcept { return lower | std::uint32_t{upper} << 16; }
};
static_assert(sizeof(page_head) == head_bytes);

/// A tree as its owner records it.
struct tree_record {
  std::uint32_t pad = 0;  ///< in the record of free pages: the page size
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint64_t branches = 0;
  std::uint64_t leaves = 0;
  std::uint64_t overflows = 0;
  std::uint64_t entries = 0;
  std::uint64_t root = no_page;
};
static_assert(sizeof(tree_record) == 48);

/// Follows the head of the first two pages.
struct meta_record {
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  std::uint64_t address = 0;
  std::uint64_t map_bytes = 0;
  tree_record free;
  tree_record main;
  std::uint64_t last_page = 0;
  std::uint64_t commit = 0;
};
static_assert(sizeof(meta_record) == 136);

struct node_head {
  std::uint16_t low = 0;
  std::uint16_t high = 0;
  std::uint16_t flags = 0;
  std::uint16_t key_bytes = 0;
  [[nodiscard]] std::uint32_t data_bytes() const noexcept { return low | std::uint32_t{high} << 16; }
  [[nodiscard]] std::uint64_t child() const noexcept {
    return data_bytes() | static_cast<std::uint64_t>(flags) << 32;
  }
};
static_assert(sizeof(node_head) == node_head_bytes);

}  // namespace evergate::journal::page_layout
