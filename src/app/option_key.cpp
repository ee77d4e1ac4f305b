#include "app/option_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/errc.h"

namespace evergate::app {

std::string_view closest_key(std::string_view key, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t best_distance = 4;
  for (const auto other : known) {
    std::vector<std::size_t> line(other.size() + 1);
    for (std::size_t i = 0; i < line.size(); ++i) line[i] = i;
    for (std::size_t i = 1; i <= key.size(); ++i) {
      std::size_t diagonal = line[0];
      line[0] = i;
      for (std::size_t j = 1; j < line.size(); ++j) {
        const std::size_t changed = diagonal + (key[i - 1] == other[j - 1] ? 0 : 1);
        diagonal = line[j];
        line[j] = std::min({line[j] + 1, line[j - 1] + 1, changed});
      }
    }
    if (line.back() < best_distance) {
      best_distance = line.back();
      best = other;
    }
  }
  return best;
}

std::unexpected<base::error> unknown_key(std::string_view key, std::uint32_t line, std::string_view near) {
  const auto hint = near.empty() ? std::string("docs/configuration.md lists the keys")
                                 : fmt::format("did you mean {}?", near);
  return base::fail(errc::unknown_option,
                    fmt::format("{} (line {}): there is no such key; {}", key, line, hint));
}

option_value value_from_text(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc{} && end == text.data() + text.size()) return number;
  return text;
}

}  // namespace evergate::app
