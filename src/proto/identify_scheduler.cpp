#include "proto/identify_scheduler.h"

#include <algorithm>

namespace evergate::proto {

void identify_scheduler::set_limits(const identify_limits& limits) {
  const std::uint32_t count = std::clamp<std::uint32_t>(limits.max_concurrency, 1, 65'536);
  limits_ = limits;
  if (count == buckets_.size()) return;

  std::deque<waiting_slot> waiting = std::move(early_);
  early_.clear();
  base::instant busy_until{};
  std::vector<holder> holders;
  for (auto& old : buckets_) {
    waiting.insert(waiting.end(), old.line.begin(), old.line.end());
    busy_until = std::max(busy_until, old.free_at);
    if (old.turn) holders.push_back(*old.turn);
  }
  buckets_.assign(count, bucket{});
  // Under another division the rest of every bucket is unknown: all wait for the latest.
  for (auto& fresh : buckets_) fresh.free_at = busy_until;
  for (const auto& held : holders) {
    auto& home = bucket_of(held.who.shard);
    if (!home.turn) home.turn = held;
  }
  for (const auto& one : waiting) request(one.who, one.cause);
}

identify_scheduler::bucket& identify_scheduler::bucket_of(std::uint32_t shard) {
  return buckets_[shard % buckets_.size()];
}

void identify_scheduler::request(identify_slot who, identify_cause cause) {
  auto& line = buckets_.empty() ? early_ : bucket_of(who.shard).line;
  if (!buckets_.empty()) {
    const auto& held = bucket_of(who.shard).turn;
    if (held && held->who == who) return;
  }
  if (std::ranges::find(line, who, &waiting_slot::who) == line.end()) line.push_back({who, cause});
}

void identify_scheduler::cancel(identify_slot who) {
  const auto is_it = [&](const waiting_slot& w) { return w.who == who; };
  if (buckets_.empty()) {
    std::erase_if(early_, is_it);
    return;
  }
  auto& home = bucket_of(who.shard);
  std::erase_if(home.line, is_it);
  if (home.turn && home.turn->who == who) home.turn.reset();
}

void identify_scheduler::cancel_fleet(std::uint32_t fleet) {
  const auto is_it = [&](const waiting_slot& w) { return w.who.fleet == fleet; };
  unreserved_.erase(fleet);
  std::erase_if(early_, is_it);
  for (auto& b : buckets_) {
    std::erase_if(b.line, is_it);
    if (b.turn && b.turn->who.fleet == fleet) b.turn.reset();
  }
}

void identify_scheduler::sent(identify_slot who, base::instant now) {
  refill(now);
  if (limits_.remaining > 0) --limits_.remaining;
  if (buckets_.empty()) return;
  auto& home = bucket_of(who.shard);
  if (home.turn && home.turn->who == who) home.turn.reset();
  home.free_at = std::max(home.free_at, now + options_.spacing);
}

void identify_scheduler::refused(identify_slot who, base::instant now) {
  ++refused_total_;
  if (buckets_.empty()) return;
  auto& home = bucket_of(who.shard);
  home.free_at = std::max(home.free_at, now + options_.spacing);
}

void identify_scheduler::refill(base::instant now) noexcept {
  if (now < limits_.reset_at || limits_.remaining >= limits_.total) return;
  limits_.remaining = limits_.total;
  limits_.reset_at = now + std::chrono::hours(24);
}

std::uint32_t identify_scheduler::affordable(std::uint32_t kept) const noexcept {
  std::uint32_t spoken_for = kept;
  for (const auto& b : buckets_) spoken_for += b.turn ? 1 : 0;
  return limits_.remaining > spoken_for ? limits_.remaining - spoken_for : 0;
}

std::deque<identify_scheduler::waiting_slot>::const_iterator identify_scheduler::next_of(
    const bucket& b, std::uint32_t left, std::uint32_t left_to_reshard) const {
  if (left == 0) return b.line.end();
  const auto urgent =
      std::ranges::find_if(b.line, [](const waiting_slot& w) { return w.cause != identify_cause::reshard; });
  if (urgent != b.line.end()) return urgent;
  return std::ranges::find_if(b.line, [&](const waiting_slot& w) {
    return left_to_reshard > 0 || unreserved_.contains(w.who.fleet);
  });
}

void identify_scheduler::step(base::instant now, std::vector<turn>& out) {
  refill(now);
  for (auto& b : buckets_) {
    if (b.turn && b.turn->since + options_.turn_max <= now) b.turn.reset();
  }
  std::uint32_t left = affordable(options_.reserve);
  std::uint32_t left_to_reshard = affordable(std::max(options_.reserve, options_.reshard_reserve));
  for (auto& b : buckets_) {
    if (left == 0) return;
    if (b.turn || now < b.free_at - options_.lead) continue;
    const auto chosen = next_of(b, left, left_to_reshard);
    if (chosen == b.line.end()) continue;
    const auto [who, cause] = *chosen;
    b.line.erase(chosen);
    b.turn = holder{who, now};
    out.push_back({who.shard, who.fleet, std::max(now, b.free_at), cause});
    --left;
    if (left_to_reshard > 0) --left_to_reshard;
  }
}

std::optional<base::instant> identify_scheduler::next(base::instant now) const {
  std::optional<base::instant> soonest;
  const auto left = affordable(options_.reserve);
  const auto left_to_reshard = affordable(std::max(options_.reserve, options_.reshard_reserve));
  for (const auto& b : buckets_) {
    if (b.line.empty()) continue;
    base::instant at = std::max(now, b.free_at - options_.lead);
    if (b.turn)
      at = std::max(now, b.turn->since + options_.turn_max);
    else if (next_of(b, left, left_to_reshard) == b.line.end())
      at = std::max(now, limits_.reset_at);
    if (!soonest || at < *soonest) soonest = at;
  }
  return soonest;
}

std::size_t identify_scheduler::waiting() const noexcept {
  std::size_t count = early_.size();
  for (const auto& b : buckets_) count += b.line.size();
  return count;
}

std::vector<identify_scheduler::bucket_status> identify_scheduler::bucket_states() const {
  std::vector<bucket_status> out;
  out.reserve(buckets_.size());
  for (const auto& b : buckets_) {
    out.push_back({b.line.size(), b.turn ? std::optional(b.turn->who) : std::nullopt, b.free_at});
  }
  return out;
}

}  // namespace evergate::proto
