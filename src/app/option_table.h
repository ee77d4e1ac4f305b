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

struct option_row {
  std::string key;       ///< dotted TOML key, for example "listen.port"
  std::string allowed;   ///< "0 to 65535", "\"disk\" or \"memory\"", …
  std::string fallback;  ///< the default as it would be written in TOML
  std::string help;
  /// Puts the value into the options, or says what is wrong with it.
  std::function<base::result<void>(gateway_options&, const option_value&)> set;
  /// Judges what the options hold (used when they were filled in by a program).
  std::function<base::result<void>(const gateway_options&)> judge;
};

[[nodiscard]] std::span<const option_row> option_table();

/// Every row's judge, then the rules between options (TLS pair, loopback, first ≤ last, token shape).
[[nodiscard]] base::result<void> judge_options(const gateway_options& options);

/// The table in Markdown, as docs/configuration.md holds it.
[[nodiscard]] std::string option_table_markdown();

/// "10s", "250ms", "5m", "24h" or a bare number of milliseconds; nothing when malformed or past 100 years.
[[nodiscard]] std::optional<std::chrono::microseconds> parse_duration(std::string_view text);
/// "64MiB", "1GiB", "512KiB" or a bare number of bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace evergate::app
