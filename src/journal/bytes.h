// Fixed little-endian numbers and length-prefixed text, for the values of the store; big-endian for its keys,
// so that they sort. Reading never passes the end: a short value turns ok() false and yields zeros.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace evergate::journal {

static_assert(std::endian::native == std::endian::little, "the journal's format is little-endian");

template <std::integral T>
void put_number(std::string& out, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  out.append(raw, sizeof(T));
}

inline void put_text(std::string& out, std::string_view text) {
  put_number(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

template <std::unsigned_integral T>
void put_key(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

/// A big-endian number at `at` of a key; 0 when the key is too short.
[[nodiscard]] inline std::uint64_t key_number(std::string_view key, std::size_t at,
                                              std::size_t size) noexcept {
  if (at + size > key.size()) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(key[at + i]);
  return value;
}

class byte_reader {
 public:
  explicit byte_reader(std::string_view text) noexcept : rest_(text) {}

  template <std::integral T>
  [[nodiscard]] T number() noexcept {
    T value{};
    const auto raw = take(sizeof(T));
    if (raw.size() == sizeof(T)) std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }
  [[nodiscard]] std::string_view text() noexcept { return take(number<std::uint32_t>()); }
  [[nodiscard]] std::string_view take(std::size_t size) noexcept {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  /// Everything was read and nothing was missing.
  [[nodiscard]] bool finished() const noexcept { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace evergate::journal
