#include "flow/position.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace evergate::flow {
namespace {

/// Takes `count` digits off the front; nothing when they are not all there.
std::optional<int> digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int out = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return out;
}

bool skip(std::string_view& text, std::string_view any_of) {
  if (text.empty() || !any_of.contains(text.front())) return false;
  text.remove_prefix(1);
  return true;
}

/// Two digits, a colon, two digits.
std::optional<std::chrono::minutes> hours_minutes(std::string_view& text) {
  const auto hours = digits(text, 2);
  if (!hours || !skip(text, ":")) return std::nullopt;
  const auto minutes = digits(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
}

std::optional<std::chrono::sys_days> date(std::string_view& text) {
  const auto year = digits(text, 4);
  if (!year || !skip(text, "-")) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !skip(text, "-")) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day out{std::chrono::year(*year),
                                        std::chrono::month(static_cast<unsigned>(*month)),
                                        std::chrono::day(static_cast<unsigned>(*day))};
  if (!out.ok()) return std::nullopt;
  return std::chrono::sys_days(out);
}

/// ".25" → 250; 0 when there is no fraction.
std::optional<int> fraction_ms(std::string_view& text) {
  if (!skip(text, ".")) return 0;
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  if (end == 0) return std::nullopt;
  int out = 0;
  for (std::size_t i = 0; i < 3; ++i) out = out * 10 + (i < end ? text[i] - '0' : 0);
  text.remove_prefix(end);
  return out;
}

}  // namespace

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  const auto day = date(text);
  if (!day || !skip(text, "Tt ")) return std::nullopt;
  const auto clock = hours_minutes(text);
  if (!clock || !skip(text, ":")) return std::nullopt;
  const auto seconds = digits(text, 2);
  if (!seconds || *seconds > 60) return std::nullopt;
  const auto fraction = fraction_ms(text);
  if (!fraction) return std::nullopt;
  std::chrono::minutes zone{0};
  if (!skip(text, "Zz")) {
    const bool east = text.starts_with('+');
    if (!skip(text, "+-")) return std::nullopt;
    const auto away = hours_minutes(text);
    if (!away) return std::nullopt;
    zone = east ? *away : -*away;
  }
  if (!text.empty()) return std::nullopt;
  const auto at = *day + *clock + std::chrono::seconds(*seconds) - zone;
  const auto out = std::chrono::milliseconds(at.time_since_epoch()).count() + *fraction;
  if (out < 0) return std::nullopt;
  return out;
}

std::string rfc3339(std::int64_t time_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds(time_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::optional<position> parse_position(std::string_view text) {
  if (text == "now") return position{position::kind::now, 0};
  if (text == "earliest") return position{position::kind::earliest, 0};
  std::uint64_t number = 0;
  const auto* const last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, number);
  if (failure == std::errc{} && end == last) return position{position::kind::offset, number};
  const auto time = parse_rfc3339(text);
  if (!time) return std::nullopt;
  return position{position::kind::time, static_cast<std::uint64_t>(*time)};
}

}  // namespace evergate::flow
