// The daily budget of session starts: what Discord says of it, what has been spent since and for what, and
// how much of it each kind of work may still use. Discord resets the token of a bot that starts one session
// too many. Owned by the identify desk; pure; its book is durable. Times are wall time, since 1970.
// Source: Discord documentation, Gateway, "Session Start Limit Object".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace evergate::proto {

/// Why a session is started.
enum class identify_cause : std::uint8_t {
  start,       ///< a shard that has no session from before
  reidentify,  ///< a session that was lost
  reshard,     ///< a fleet that is prepared; can wait
};
inline constexpr std::size_t identify_cause_count = 3;
[[nodiscard]] std::string_view name_of(identify_cause cause) noexcept;

struct ledger_options {
  std::uint32_t breaker = 5;    ///< session starts that are never used
  std::uint32_t reserve = 100;  ///< session starts that resharding never uses
};

/// What is kept over restarts.
struct identify_book {
  std::uint32_t total = 0;      ///< 0 = Discord has not been asked yet
  std::uint32_t remaining = 0;  ///< as Discord said at told_ms
  std::int64_t reset_ms = 0;    ///< end of the window
  std::int64_t told_ms = 0;
  std::uint32_t since_told = 0;
  std::array<std::uint32_t, identify_cause_count> window{};  ///< started in this window, by cause
  std::array<std::uint64_t, identify_cause_count> ever{};

  bool operator==(const identify_book&) const = default;
};

void encode(const identify_book& value, std::string& out);
/// False, and `value` untouched, when the bytes are no book.
[[nodiscard]] bool decode(std::string_view bytes, identify_book& value);

class identify_ledger {
 public:
  explicit identify_ledger(ledger_options options = {}, const identify_book& book = {}) noexcept
      : options_(options), book_(book) {}

  /// What /gateway/bot says.
  void told(std::uint32_t total, std::uint32_t remaining, std::int64_t reset_after_ms,
            std::int64_t now_ms) noexcept;
  /// An IDENTIFY has left.
  void sent(identify_cause cause, std::int64_t now_ms) noexcept;

  /// The lesser of what Discord says and what our own count leaves: its answer may be old, and others may
  /// use the same token.
  [[nodiscard]] std::uint32_t remaining(std::int64_t now_ms) const noexcept;
  /// How many of the remaining this kind of work may use.
  [[nodiscard]] std::uint32_t allowance(identify_cause cause, std::int64_t now_ms) const noexcept;
  [[nodiscard]] const identify_book& book() const noexcept { return book_; }
  [[nodiscard]] const ledger_options& options() const noexcept { return options_; }

 private:
  void turn_over(std::int64_t now_ms) noexcept;

  ledger_options options_;
  identify_book book_;
};

}  // namespace evergate::proto
