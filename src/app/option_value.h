// Row makers for the option table: one per kind of value, each giving a setter, a judge and the wording of
// bounds and default. Start-up only.
#pragma once

#include <chrono>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/option_table.h"

namespace evergate::app {

/// How a wrong value is reported: `key = value: what is allowed`.
[[nodiscard]] std::unexpected<base::error> refuse(std::string_view key, std::string_view shown,
                                                  std::string_view allowed);
[[nodiscard]] std::string shown(const option_value& value);
[[nodiscard]] std::string duration_text(std::chrono::microseconds value);
[[nodiscard]] std::string size_text(std::uint64_t value);

/// A list as the file gives it, or as the environment does: separated by commas. Nothing for other kinds.
[[nodiscard]] std::optional<std::vector<std::string>> list_of(const option_value& value);

/// Such a list as guild ids.
[[nodiscard]] base::result<std::vector<std::uint64_t>> guild_ids(const std::string& key,
                                                                 const option_value& value);

/// `get` returns a reference to the field of the options, const or not.
template <class Options = gateway_options, class Get>
basic_option_row<Options> integer_row(std::string key, std::int64_t min, std::int64_t max, std::string help,
                                      Get get) {
  using field = std::remove_reference_t<decltype(get(std::declval<Options&>()))>;
  Options defaults;
  basic_option_row<Options> row{std::move(key),
                                std::to_string(min) + " to " + std::to_string(max),
                                std::to_string(get(defaults)),
                                std::move(help),
                                {},
                                {}};
  const auto within = [min, max](std::int64_t v) { return v >= min && v <= max; };
  row.set = [=, key = row.key, allowed = row.allowed](Options& o,
                                                      const option_value& v) -> base::result<void> {
    const auto* number = std::get_if<std::int64_t>(&v);
    if (number == nullptr || !within(*number)) return refuse(key, shown(v), "an integer, " + allowed);
    get(o) = static_cast<field>(*number);
    return {};
  };
  row.judge = [=, key = row.key, allowed = row.allowed](const Options& o) -> base::result<void> {
    const auto value = get(o);
    if (std::in_range<std::int64_t>(value) && within(static_cast<std::int64_t>(value))) return {};
    return refuse(key, std::to_string(value), allowed);
  };
  return row;
}

template <class Options = gateway_options, class Get>
basic_option_row<Options> boolean_row(std::string key, std::string help, Get get) {
  Options defaults;
  basic_option_row<Options> row{
      std::move(key), "true or false", get(defaults) ? "true" : "false", std::move(help), {}, {}};
  row.set = [get, key = row.key](Options& o, const option_value& v) -> base::result<void> {
    const auto* flag = std::get_if<bool>(&v);
    if (flag == nullptr) return refuse(key, shown(v), "true or false");
    get(o) = *flag;
    return {};
  };
  row.judge = [](const Options&) -> base::result<void> { return {}; };
  return row;
}

template <class Options = gateway_options, class Get>
basic_option_row<Options> text_row(std::string key, std::string allowed, std::string help, Get get) {
  Options defaults;
  basic_option_row<Options> row{
      std::move(key), std::move(allowed), '"' + std::string(get(defaults)) + '"', std::move(help), {}, {}};
  row.set = [get, key = row.key, allowed = row.allowed](Options& o,
                                                        const option_value& v) -> base::result<void> {
    const auto* text = std::get_if<std::string>(&v);
    const bool secret = key.ends_with("token");
    if (text == nullptr) return refuse(key, secret ? "…" : shown(v), "a string: " + allowed);
    get(o) = *text;
    return {};
  };
  row.judge = [](const Options&) -> base::result<void> { return {}; };
  return row;
}

template <class Options = gateway_options, class Get>
basic_option_row<Options> duration_row(std::string key, std::chrono::microseconds min,
                                       std::chrono::microseconds max, std::string help, Get get) {
  using field = std::remove_reference_t<decltype(get(std::declval<Options&>()))>;
  Options defaults;
  basic_option_row<Options> row{std::move(key),
                                '"' + duration_text(min) + "\" to \"" + duration_text(max) + '"',
                                '"' + duration_text(get(defaults)) + '"',
                                std::move(help),
                                {},
                                {}};
  row.set = [=, key = row.key, allowed = row.allowed](Options& o,
                                                      const option_value& v) -> base::result<void> {
    std::optional<std::chrono::microseconds> value;
    if (const auto* text = std::get_if<std::string>(&v)) value = parse_duration(*text);
    if (const auto* number = std::get_if<std::int64_t>(&v)) value = parse_duration(std::to_string(*number));
    if (!value || *value < min || *value > max) return refuse(key, shown(v), "a duration, " + allowed);
    const auto kept = std::chrono::duration_cast<field>(*value);
    if (kept != *value)
      return refuse(key, shown(v), "a duration without fractions of the option's unit, " + allowed);
    get(o) = kept;
    return {};
  };
  row.judge = [=, key = row.key, allowed = row.allowed](const Options& o) -> base::result<void> {
    const std::chrono::microseconds value = get(o);
    if (value >= min && value <= max) return {};
    return refuse(key, duration_text(value), allowed);
  };
  return row;
}

template <class Options = gateway_options, class Get>
basic_option_row<Options> size_row(std::string key, std::uint64_t min, std::uint64_t max, std::string help,
                                   Get get) {
  Options defaults;
  basic_option_row<Options> row{std::move(key),
                                '"' + size_text(min) + "\" to \"" + size_text(max) + '"',
                                '"' + size_text(get(defaults)) + '"',
                                std::move(help),
                                {},
                                {}};
  row.set = [=, key = row.key, allowed = row.allowed](Options& o,
                                                      const option_value& v) -> base::result<void> {
    std::optional<std::uint64_t> value;
    if (const auto* text = std::get_if<std::string>(&v)) value = parse_size(*text);
    if (const auto* number = std::get_if<std::int64_t>(&v); number != nullptr && *number >= 0) {
      value = static_cast<std::uint64_t>(*number);
    }
    if (!value || *value < min || *value > max) return refuse(key, shown(v), "a size, " + allowed);
    get(o) = *value;
    return {};
  };
  row.judge = [=, key = row.key, allowed = row.allowed](const Options& o) -> base::result<void> {
    const std::uint64_t value = get(o);
    if (value >= min && value <= max) return {};
    return refuse(key, size_text(value), allowed);
  };
  return row;
}

/// `names` pairs each allowed word with its value.
template <class Value, class Options = gateway_options, class Get>
basic_option_row<Options> choice_row(std::string key, std::vector<std::pair<std::string, Value>> names,
                                     std::string help, Get get) {
  Options defaults;
  basic_option_row<Options> row{std::move(key), {}, {}, std::move(help), {}, {}};
  for (const auto& [word, value] : names) {
    row.allowed += (row.allowed.empty() ? "\"" : ", \"") + word + '"';
    if (value == get(defaults)) row.fallback = '"' + word + '"';
  }
  row.set = [=, key = row.key, allowed = row.allowed](Options& o,
                                                      const option_value& v) -> base::result<void> {
    if (const auto* text = std::get_if<std::string>(&v)) {
      for (const auto& [word, value] : names) {
        if (word != *text) continue;
        get(o) = value;
        return {};
      }
    }
    return refuse(key, shown(v), "one of " + allowed);
  };
  row.judge = [](const Options&) -> base::result<void> { return {}; };
  return row;
}

template <class Options, class Get>
basic_option_row<Options> names_row(const std::string& key, std::string help, Get get) {
  return {key,
          "an array of event names as in t",
          "[]",
          std::move(help),
          [key, get](Options& o, const option_value& value) -> base::result<void> {
            auto list = list_of(value);
            if (!list) return refuse(key, shown(value), "an array of event names");
            get(o) = std::move(*list);
            return {};
          },
          [](const Options&) -> base::result<void> { return {}; }};
}

template <class Options, class Get>
basic_option_row<Options> guilds_row(const std::string& key, std::string help, Get get) {
  return {key,
          "an array of guild ids",
          "[]",
          std::move(help),
          [key, get](Options& o, const option_value& value) -> base::result<void> {
            auto ids = guild_ids(key, value);
            if (!ids) return std::unexpected(ids.error());
            get(o) = std::move(*ids);
            return {};
          },
          [](const Options&) -> base::result<void> { return {}; }};
}

}  // namespace evergate::app
