#include "control/reshard_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace evergate::control {
namespace {

constexpr std::uint64_t shards_max = 65'535;
constexpr std::uint64_t large_bot_guilds = 150'000;

std::uint64_t total_of(const plan_facts& facts) {
  return std::accumulate(facts.guilds.begin(), facts.guilds.end(), std::uint64_t{0});
}

std::uint64_t up_to_multiple(std::uint64_t count, std::uint64_t multiple) noexcept {
  return (count + multiple - 1) / multiple * multiple;
}

std::uint32_t percent_of(std::uint64_t part, std::uint64_t whole) noexcept {
  return static_cast<std::uint32_t>((part * 100 + whole - 1) / whole);
}

/// Buckets work side by side, each one IDENTIFY per spacing.
std::uint32_t duration_s(const plan_options& options, const plan_facts& facts, std::uint64_t identifies) {
  const std::uint64_t buckets = std::max<std::uint32_t>(facts.max_concurrency, 1);
  const std::uint64_t rounds = (identifies + buckets - 1) / buckets;
  const auto spacing_ms = static_cast<std::uint64_t>(options.identify_spacing.count());
  return static_cast<std::uint32_t>((rounds * spacing_ms + 999) / 1'000);
}

reshard_plan costed(const plan_options& options, const plan_facts& facts, std::uint64_t target) {
  reshard_plan out;
  out.current = facts.current;
  out.target = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(target, 1, shards_max));
  out.identifies = out.target;
  out.seconds = duration_s(options, facts, out.identifies);
  out.remaining_after = facts.remaining > out.identifies ? facts.remaining - out.identifies : 0;
  const auto fullest = facts.guilds.empty() ? 0 : *std::ranges::max_element(facts.guilds);
  out.fullest_percent = percent_of(fullest, options.guilds_per_shard_max);
  // Ids spread evenly over any count, save for chance.
  out.fullest_after_percent =
      percent_of((total_of(facts) + out.target - 1) / out.target, options.guilds_per_shard_max);
  return out;
}

std::string cause_of(const plan_options& options, const plan_facts& facts) {
  const auto limit = std::uint64_t{options.guilds_per_shard_max} * options.threshold_percent;
  for (std::size_t shard = 0; shard < facts.guilds.size(); ++shard) {
    if (std::uint64_t{facts.guilds[shard]} * 100 < limit) continue;
    return fmt::format("shard {} holds {} guilds, {} % of {}", shard, facts.guilds[shard],
                       percent_of(facts.guilds[shard], options.guilds_per_shard_max),
                       options.guilds_per_shard_max);
  }
  const auto total = total_of(facts);
  if (facts.current > 0 && total * 100 >= limit * facts.current) {
    return fmt::format("{} guilds on {} shards, {} % of {} each", total, facts.current,
                       percent_of(total, std::uint64_t{options.guilds_per_shard_max} * facts.current),
                       options.guilds_per_shard_max);
  }
  // Discord recommends one shard per 1,000 guilds; what is at most 2,500 by its limit is at most 2.5 times.
  if (std::uint64_t{facts.recommended} * 1'000 * 100 >= limit * facts.current &&
      facts.recommended > facts.current) {
    return fmt::format("Discord recommends {} shards, {} serve", facts.recommended, facts.current);
  }
  return {};
}

void judge(const plan_facts& facts, std::uint32_t allowance, const char* budget, reshard_plan& out) {
  if (facts.current == 0) {
    out.refusal = "no fleet serves yet";
  } else if (out.identifies > allowance) {
    out.refusal =
        fmt::format("{} session starts are needed, {} are left {}", out.identifies, allowance, budget);
  } else if (out.fullest_after_percent > 100) {
    out.refusal = fmt::format("{} shards would be {} % full", out.target, out.fullest_after_percent);
  }
}

}  // namespace

std::uint32_t shard_multiple(const plan_options& options, const plan_facts& facts) noexcept {
  if (options.multiple != 0) return options.multiple;
  const bool large = facts.max_concurrency > 1 || total_of(facts) > large_bot_guilds;
  if (!large || facts.recommended == 0) return 1;
  // /gateway/bot gives large bots a multiple of the number that they were assigned, which is not told. The
  // usual ones are the concurrency; where that does not divide, only the recommendation itself is safe.
  const bool divides = facts.max_concurrency > 1 && facts.recommended % facts.max_concurrency == 0;
  return divides ? facts.max_concurrency : facts.recommended;
}

reshard_plan plan_automatic(const plan_options& options, const plan_facts& facts) {
  const std::uint64_t multiple = shard_multiple(options, facts);
  const auto room = std::uint64_t{options.guilds_per_shard_max} * options.fill_percent;
  const std::uint64_t by_guilds = (total_of(facts) * 100 + room - 1) / room;
  const auto target = up_to_multiple(std::max<std::uint64_t>({facts.recommended, by_guilds, 1}), multiple);
  auto out = costed(options, facts, target);
  out.cause = cause_of(options, facts);
  judge(facts, facts.allowance, "that resharding may use", out);
  if (out.wanted() && out.target <= out.current && out.possible()) {
    // One shard can be full while the whole is not: another division of the same count would not help it.
    out = costed(options, facts, up_to_multiple(std::uint64_t{facts.current} + 1, multiple));
    out.cause = cause_of(options, facts);
    judge(facts, facts.allowance, "that resharding may use", out);
  }
  return out;
}

reshard_plan plan_manual(const plan_options& options, const plan_facts& facts, std::uint32_t target) {
  auto out = costed(options, facts, target);
  out.cause = "asked for";
  const auto multiple = shard_multiple(options, facts);
  judge(facts, facts.remaining, "today", out);
  if (target == 0 || target > shards_max) {
    out.refusal = fmt::format("{} shards are not possible, allowed are 1 to {}", target, shards_max);
  } else if (target % multiple != 0) {
    out.refusal = fmt::format("Discord wants a multiple of {}, {} is none", multiple, target);
  }
  return out;
}

std::string reshard_plan::text() const {
  auto out = fmt::format(
      "{} -> {} shards: {} session starts, about {} min, {} left today; fullest shard {} % now, {} % then",
      current, target, identifies, (seconds + 59) / 60, remaining_after, fullest_percent,
      fullest_after_percent);
  if (!cause.empty()) out += "; " + cause;
  if (!refusal.empty()) out += "; not possible: " + refusal;
  return out;
}

std::string reshard_plan::to_json() const {
  const auto quoted = [](const std::string& text) { return '"' + text + '"'; };
  return fmt::format(
      R"({{"current":{},"target":{},"identifies":{},"seconds":{},"remaining_after":{},"fullest_percent":{},)"
      R"("fullest_after_percent":{},"wanted":{},"cause":{},"possible":{},"refusal":{}}})",
      current, target, identifies, seconds, remaining_after, fullest_percent, fullest_after_percent, wanted(),
      quoted(cause), possible(), quoted(refusal));
}

}  // namespace evergate::control
