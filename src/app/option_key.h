// Keys of options: how an unknown one is reported, and values that come as text. Start-up only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/option_table.h"

namespace evergate::app {

template <class Options>
[[nodiscard]] std::vector<std::string_view> keys_of(std::span<const basic_option_row<Options>> rows) {
  std::vector<std::string_view> out;
  for (const auto& row : rows) out.emplace_back(row.key);
  return out;
}

/// The known key that is closest by edit distance; empty when none is near.
[[nodiscard]] std::string_view closest_key(std::string_view key, const std::vector<std::string_view>& known);

[[nodiscard]] std::unexpected<base::error> unknown_key(std::string_view key, std::uint32_t line,
                                                       std::string_view near);

/// A value of the environment: true, false, an integer, or else text.
[[nodiscard]] option_value value_from_text(const std::string& text);

template <class Options>
[[nodiscard]] base::result<void> set_from_text(const basic_option_row<Options>& row, Options& out,
                                               const std::string& text) {
  const auto value = value_from_text(text);
  auto set = row.set(out, value);
  // What looks like a number may be meant as text, as a token may.
  if (set || std::holds_alternative<std::string>(value) || !row.set(out, option_value(text))) return set;
  return {};
}

}  // namespace evergate::app
