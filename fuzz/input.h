// Draws a target's parameters from its input, front to back and byte by byte, so that seeds can be written by
// hand or by make_seeds. Past the end everything is 0 or empty. Views only; one per run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace evergate::fuzz {

class input {
 public:
  explicit input(std::string_view bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

  [[nodiscard]] std::uint8_t byte() noexcept {
    const auto one = take(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one.front());
  }
  /// Little-endian, `bytes` of at most 8.
  [[nodiscard]] std::uint64_t number(std::size_t bytes) noexcept {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < bytes; ++i) out |= std::uint64_t{byte()} << (8 * i);
    return out;
  }
  [[nodiscard]] std::string_view take(std::size_t count) noexcept {
    const auto out = rest_.substr(0, std::min(count, rest_.size()));
    rest_.remove_prefix(out.size());
    return out;
  }
  /// A text behind its two-byte length.
  [[nodiscard]] std::string_view text() noexcept { return take(static_cast<std::size_t>(number(2))); }
  /// Up to the next line feed, which is taken too.
  [[nodiscard]] std::string_view line() noexcept {
    const auto end = rest_.find('\n');
    const auto out = take(end);
    if (!rest_.empty()) rest_.remove_prefix(1);
    return out;
  }
  template <class Value, std::size_t count>
  [[nodiscard]] Value pick(const Value (&choices)[count]) noexcept {
    return choices[byte() % count];
  }

 private:
  std::string_view rest_;
};

}  // namespace evergate::fuzz
