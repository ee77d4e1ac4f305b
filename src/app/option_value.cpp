#include "app/option_value.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "app/errc.h"

namespace evergate::app {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

/// A whole number and one of the units; nothing when it is anything else or overflows.
std::optional<std::uint64_t> scaled(std::string_view text, std::span<const unit> units) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  for (const auto& u : units) {
    if (text != u.name) continue;
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(number, u.factor, &product)) return std::nullopt;
    return product;
  }
  return std::nullopt;
}

constexpr std::array duration_units{
    unit{"us", 1},         unit{"ms", 1'000},        unit{"", 1'000},          unit{"s", 1'000'000},
    unit{"m", 60'000'000}, unit{"h", 3'600'000'000}, unit{"d", 86'400'000'000}};
constexpr std::array size_units{unit{"", 1},
                                unit{"B", 1},
                                unit{"KiB", 1ull << 10},
                                unit{"MiB", 1ull << 20},
                                unit{"GiB", 1ull << 30},
                                unit{"TiB", 1ull << 40}};

}  // namespace

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  const auto value = scaled(text, duration_units);
  constexpr std::uint64_t century = 100ull * 365 * 86'400'000'000;
  if (!value || *value > century) return std::nullopt;
  return std::chrono::microseconds(*value);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return scaled(text, size_units);
}

std::string duration_text(std::chrono::microseconds value) {
  const auto count = static_cast<std::uint64_t>(value.count());
  if (count == 0) return "0ms";
  for (auto u = duration_units.rbegin(); u != duration_units.rend(); ++u) {
    if (!u->name.empty() && count % u->factor == 0) return fmt::format("{}{}", count / u->factor, u->name);
  }
  return fmt::format("{}us", count);
}

std::string size_text(std::uint64_t value) {
  for (auto u = size_units.rbegin(); u != size_units.rend(); ++u) {
    if (value >= u->factor && value % u->factor == 0) return fmt::format("{}{}", value / u->factor, u->name);
  }
  return std::to_string(value);
}

std::optional<std::vector<std::string>> list_of(const option_value& value) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return *list;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::vector{std::to_string(*number)};
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return std::nullopt;
  std::vector<std::string> out;
  for (std::string_view rest = *text; !rest.empty();) {
    const auto end = std::min(rest.find(','), rest.size());
    auto word = rest.substr(0, end);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    out.emplace_back(word);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

base::result<std::vector<std::uint64_t>> guild_ids(const std::string& key, const option_value& value) {
  const auto list = list_of(value);
  if (!list) return refuse(key, shown(value), "an array of guild ids");
  std::vector<std::uint64_t> ids;
  for (const auto& text : *list) {
    std::uint64_t id = 0;
    const auto* const last = text.data() + text.size();
    const auto [end, failure] = std::from_chars(text.data(), last, id);
    if (failure != std::errc{} || end != last || id == 0) {
      return refuse(key, '"' + text + '"', "guild ids, numbers of up to 20 digits");
    }
    ids.push_back(id);
  }
  return ids;
}

std::string shown(const option_value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return '"' + *text + '"';
  return "an array";
}

std::unexpected<base::error> refuse(std::string_view key, std::string_view value, std::string_view allowed) {
  return base::fail(errc::bad_option, fmt::format("{} = {}: must be {}", key, value, allowed));
}

}  // namespace evergate::app
