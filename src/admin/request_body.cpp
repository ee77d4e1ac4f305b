#include "admin/request_body.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "admin/errc.h"
#include "proto/json_view.h"

namespace evergate::admin {

base::result<std::string> request_body::text(std::string_view key) const {
  const auto value = proto::member(json_, key);
  if (value.empty() || value == "null") return std::string();
  if (const auto number = proto::integer_of(value)) return std::to_string(*number);
  if (auto text = proto::decoded_string(value)) return std::move(*text);
  return base::fail(errc::bad_option, fmt::format("{}: must be a string or a number", key));
}

base::result<base::milliseconds> request_body::duration(std::string_view key,
                                                        base::milliseconds otherwise) const {
  const auto given = text(key);
  if (!given || given->empty()) {
    if (!given) return std::unexpected(given.error());
    return otherwise;
  }
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
      {{"", 1}, {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}}};
  std::int64_t number = 0;
  const auto* const last = given->data() + given->size();
  const auto [end, failed] = std::from_chars(given->data(), last, number);
  const std::string_view unit(end, static_cast<std::size_t>(last - end));
  for (const auto& [name, factor] : units) {
    if (failed != std::errc{} || name != unit || number < 0 || number > 86'400'000 / factor) continue;
    return base::milliseconds(number * factor);
  }
  return base::fail(
      errc::bad_option,
      fmt::format("{} = \"{}\": must be a duration of at most 24h, for example \"30s\"", key, *given));
}

}  // namespace evergate::admin
