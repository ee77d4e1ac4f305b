// One table of every option: its TOML key, bounds, default and meaning. The configuration loader, the
// checks of create_gateway_manager and docs/configuration.md all come from it. Immutable; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "evergate/gateway_options.h"

namespace evergate::app {

/// A value as TOML or the environment gave it.
using option_value = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

/// An option of `Options`: gateway_options, or a part of it that there may be many of.
template <class Options>
struct basic_option_row {
  std::string key;       ///< dotted TOML key, for example "listen.port"
  std::string allowed;   ///< "0 to 65535", "\"disk\" or \"memory\"", …
  std::string fallback;  ///< the default as it would be written in TOML
  std::string help;
  /// Puts the value into the options, or says what is wrong with it.
  std::function<base::result<void>(Options&, const option_value&)> set;
  /// Judges what the options hold (used when they were filled in by a program).
  std::function<base::result<void>(const Options&)> judge;
};
using option_row = basic_option_row<gateway_options>;

[[nodiscard]] std::span<const option_row> option_table();

/// Every row's judge, then the rules between options (TLS pair, loopback, first ≤ last, token shape).
[[nodiscard]] base::result<void> judge_options(const gateway_options& options);
/// The rule of listen.address for a socket that was inherited, bound to `address`.
[[nodiscard]] base::result<void> judge_inherited(const listen_settings& listen, const std::string& address);

/// A table in Markdown, as docs/configuration.md holds it.
template <class Options>
[[nodiscard]] std::string markdown_of(std::span<const basic_option_row<Options>> rows) {
  std::string out = "| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n";
  for (const auto& row : rows) {
    out += "| `" + row.key + "` | " + (row.fallback.empty() ? "–" : '`' + row.fallback + '`') + " | " +
           row.allowed + " | " + row.help + " |\n";
  }
  return out;
}
/// The whole of it: the table of the application, then that of a consumer.
[[nodiscard]] std::string option_table_markdown();

/// "10s", "250ms", "5m", "24h" or a bare number of milliseconds; nothing when malformed or past 100 years.
[[nodiscard]] std::optional<std::chrono::microseconds> parse_duration(std::string_view text);
/// "64MiB", "1GiB", "512KiB" or a bare number of bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace evergate::app
