// When to reshard, to how many shards, and what it costs: decided from guild counts, from what Discord
// recommends and from the daily budget of session starts. Pure; shown before anything is done.
// Source: Discord documentation, Gateway, "Sharding" and "Sharding for Large Bots".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace evergate::control {

struct plan_options {
  bool automatic = true;
  std::uint32_t guilds_per_shard_max = 2'500;  ///< Discord closes a shard that passes it with 4011
  std::uint32_t threshold_percent = 80;        ///< of that: from here on it is time
  /// After resharding a shard is this full at most, on average, in percent of guilds_per_shard_max; the rest
  /// is room to grow, so that the next time is not soon.
  std::uint32_t fill_percent = 50;
  std::uint32_t multiple = 0;  ///< shard counts are multiples of this; 0 = found out from what Discord says
  base::milliseconds identify_spacing{5'300};
};

/// What is known when a plan is made.
struct plan_facts {
  std::uint32_t current = 0;          ///< shards of the serving fleet
  std::vector<std::uint32_t> guilds;  ///< real counts, one per shard
  std::uint32_t recommended = 0;      ///< `shards` of /gateway/bot; 0 = unknown
  std::uint32_t max_concurrency = 1;
  std::uint32_t remaining = 0;  ///< session starts of the day
  std::uint32_t allowance = 0;  ///< of these, what resharding may use
};

struct reshard_plan {
  std::uint32_t current = 0;
  std::uint32_t target = 0;
  std::uint32_t identifies = 0;
  std::uint32_t seconds = 0;          ///< until the last new shard has identified, undisturbed
  std::uint32_t remaining_after = 0;  ///< session starts of the day
  std::uint32_t fullest_percent = 0;  ///< of guilds_per_shard_max, now
  std::uint32_t fullest_after_percent = 0;
  std::string cause;    ///< why it is time; empty = it is not
  std::string refusal;  ///< why it cannot be done now; empty = it can

  [[nodiscard]] bool wanted() const noexcept { return !cause.empty(); }
  [[nodiscard]] bool possible() const noexcept { return refusal.empty(); }
  /// For the operator, in one line.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string to_json() const;
};

/// The least count that divides as Discord wants it: 1 for most bots.
[[nodiscard]] std::uint32_t shard_multiple(const plan_options& options, const plan_facts& facts) noexcept;

/// For the count that the facts call for; `cause` says whether it is time.
[[nodiscard]] reshard_plan plan_automatic(const plan_options& options, const plan_facts& facts);

/// For a count that was asked for, up, down or the same. It may use the reserve: somebody decides.
[[nodiscard]] reshard_plan plan_manual(const plan_options& options, const plan_facts& facts,
                                       std::uint32_t target);

}  // namespace evergate::control
