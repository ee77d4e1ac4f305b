#include "proto/identify_scheduler.h"

#include <algorithm>

namespace evergate::proto {

void identify_scheduler::set_limits(const identify_limits& limits) {
  const std::uint32_t count = std::clamp<std::uint32_t>(limits.max_concurrency, 1, 65'536);
  limits_ = limits;
  if (count == buckets_.size()) return;

  std::deque<std::uint32_t> waiting = std::move(early_);
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
    auto& home = bucket_of(held.shard);
    if (!home.turn) home.turn = held;
  }
  for (const std::uint32_t shard : waiting) request(shard);
}

identify_scheduler::bucket& identify_scheduler::bucket_of(std::uint32_t shard) {
  return buckets_[shard % buckets_.size()];
}

void identify_scheduler::request(std::uint32_t shard) {
  auto& line = buckets_.empty() ? early_ : bucket_of(shard).line;
  if (!buckets_.empty()) {
    const auto& held = bucket_of(shard).turn;
    if (held && held->shard == shard) return;
  }
  if (std::ranges::find(line, shard) == line.end()) line.push_back(shard);
}

void identify_scheduler::cancel(std::uint32_t shard) {
  if (buckets_.empty()) {
    std::erase(early_, shard);
    return;
  }
  auto& home = bucket_of(shard);
  std::erase(home.line, shard);
  if (home.turn && home.turn->shard == shard) home.turn.reset();
}

void identify_scheduler::sent(std::uint32_t shard, base::instant now) {
  ++sent_total_;
  refill(now);
  if (limits_.remaining > 0) --limits_.remaining;
  if (buckets_.empty()) return;
  auto& home = bucket_of(shard);
  if (home.turn && home.turn->shard == shard) home.turn.reset();
  home.free_at = std::max(home.free_at, now + options_.spacing);
}

void identify_scheduler::refused(std::uint32_t shard, base::instant now) {
  ++refused_total_;
  if (buckets_.empty()) return;
  auto& home = bucket_of(shard);
  home.free_at = std::max(home.free_at, now + options_.spacing);
}

void identify_scheduler::refill(base::instant now) noexcept {
  if (now < limits_.reset_at || limits_.remaining >= limits_.total) return;
  limits_.remaining = limits_.total;
  limits_.reset_at = now + std::chrono::hours(24);
}

std::uint32_t identify_scheduler::affordable() const noexcept {
  std::uint32_t spoken_for = options_.reserve;
  for (const auto& b : buckets_) spoken_for += b.turn ? 1 : 0;
  return limits_.remaining > spoken_for ? limits_.remaining - spoken_for : 0;
}

void identify_scheduler::step(base::instant now, std::vector<turn>& out) {
  refill(now);
  for (auto& b : buckets_) {
    if (b.turn && b.turn->since + options_.turn_max <= now) b.turn.reset();
  }
  std::uint32_t left = affordable();
  for (auto& b : buckets_) {
    if (left == 0) return;
    if (b.turn || b.line.empty() || now < b.free_at - options_.lead) continue;
    const std::uint32_t shard = b.line.front();
    b.line.pop_front();
    b.turn = holder{shard, now};
    out.push_back({shard, std::max(now, b.free_at)});
    --left;
  }
}

std::optional<base::instant> identify_scheduler::next(base::instant now) const {
  std::optional<base::instant> soonest;
  const bool broke = affordable() == 0;
  for (const auto& b : buckets_) {
    if (b.line.empty()) continue;
    base::instant at = std::max(now, b.free_at - options_.lead);
    if (b.turn)
      at = std::max(now, b.turn->since + options_.turn_max);
    else if (broke)
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

}  // namespace evergate::proto
