// Discord's ids and the shard arithmetic over them. Source: Discord documentation, Reference and Sharding.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace evergate::proto {

/// A Discord id. 0 means "none".
using snowflake = std::uint64_t;

inline constexpr std::int64_t discord_epoch_ms = 1420070400000;

/// Wall time, in milliseconds since 1970, at which the id was made.
[[nodiscard]] constexpr std::int64_t created_ms(snowflake id) noexcept {
  return static_cast<std::int64_t>(id >> 22) + discord_epoch_ms;
}

/// Decimal digits to an id; nothing when the text is anything else or does not fit in 64 bits.
[[nodiscard]] inline std::optional<snowflake> parse_snowflake(std::string_view digits) noexcept {
  snowflake id = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return id;
}

/// `[id, count]` of an IDENTIFY: an upstream shard, or a lane when it is a bot's.
struct shard_key {
  std::uint32_t id = 0;
  std::uint32_t count = 1;

  auto operator<=>(const shard_key&) const = default;

  /// Events without a guild belong to shard 0 (guild 0 computes to it).
  [[nodiscard]] bool owns(snowflake guild) const noexcept { return (guild >> 22) % count == id; }
};

}  // namespace evergate::proto
