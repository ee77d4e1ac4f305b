#include "controllers/lone_surrogates.h"

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace evergate::decide {
namespace {

constexpr std::size_t escape_size = 6;  // \uXXXX

/// The code unit that the escape at `at` stands for; 0 when there is none.
std::uint32_t unit_at(std::string_view json, std::size_t at) noexcept {
  if (json.size() < at + escape_size || json[at] != '\\' || json[at + 1] != 'u') return 0;
  std::uint32_t out = 0;
  const char* const last = json.data() + at + escape_size;
  const auto [end, failed] = std::from_chars(json.data() + at + 2, last, out, 16);
  return failed == std::errc{} && end == last ? out : 0;
}

bool high(std::uint32_t unit) noexcept {
  return unit >= 0xd800 && unit <= 0xdbff;
}

bool low(std::uint32_t unit) noexcept {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

}  // namespace

std::string without_lone_surrogates(std::string_view json) {
  std::string out(json);
  for (auto at = out.find('\\'); at != std::string::npos && at + 1 < out.size(); at = out.find('\\', at)) {
    const auto unit = unit_at(out, at);
    if (high(unit) && low(unit_at(out, at + escape_size))) {
      at += 2 * escape_size;
    } else if (high(unit) || low(unit)) {
      out.replace(at, escape_size, "\\ufffd");
      at += escape_size;
    } else {
      at += 2;  // the escaped character may be a backslash
    }
  }
  return out;
}

}  // namespace evergate::decide
