#include "eviction_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace evergate::simulation {
namespace {

constexpr std::array<const char*, eviction_check::classes> class_names{"ephemeral", "message", "state"};
constexpr std::size_t sentences_max = 20;

}  // namespace

void eviction_check::found(std::string what) {
  if (findings_.size() < sentences_max) findings_.push_back(std::move(what));
}

std::uint64_t eviction_check::kept() const {
  std::uint64_t out = 0;
  for (const auto& all : blobs_) {
    for (const auto& one : all) out += one.offsets.size();
  }
  return out;
}

void eviction_check::take(std::size_t kind, const class_account& now, std::uint64_t acknowledged) {
  auto& all = blobs_[kind];
  auto& counted = counted_[kind];
  while (!all.empty() && all.front().last() <= now.floor) {
    const auto gone = std::move(all.front());
    all.pop_front();
    counted.evicted += gone.offsets.size();
    largest_ = std::max<std::uint64_t>(largest_, gone.offsets.size());
    if (gone.last() <= acknowledged) {
      if (kind == state && gone.round_last > acknowledged) perhaps_unacked_ += gone.offsets.size();
      continue;
    }
    counted.evicted_unacked += gone.offsets.size();
    gave_up_[kind] = true;
    lost_.insert(gone.offsets.begin(), gone.offsets.end());
    if (kind != state) continue;
    std::ranges::copy_if(gone.offsets, std::inserter(lost_state_, lost_state_.end()),
                         [&](std::uint64_t one) { return one > acknowledged; });
  }
  if (!all.empty() && all.front().offsets.front() <= now.floor) {
    found(fmt::format("eviction: the floor of {} events is {}, inside a blob", class_names[kind], now.floor));
  }
  const auto most = counted.evicted_unacked + (kind == state ? perhaps_unacked_ : 0);
  if (counted.evicted != now.evicted || now.evicted_unacked < counted.evicted_unacked ||
      now.evicted_unacked > most) {
    found(fmt::format("eviction: {} {} events are gone, {} of them unacknowledged; counted are {} and {}",
                      counted.evicted, class_names[kind], counted.evicted_unacked, now.evicted,
                      now.evicted_unacked));
  }
}

void eviction_check::check_order(std::uint64_t acknowledged) {
  for (std::size_t kind = 0; kind < classes; ++kind) {
    if (!gave_up_[kind]) continue;
    for (std::size_t cheaper = 0; cheaper < classes; ++cheaper) {
      // State may wait for its guilds to be written.
      const bool had = cheaper != state && !blobs_[cheaper].empty() &&
                       (cheaper < kind || blobs_[cheaper].front().last() <= acknowledged);
      if (cheaper == kind || !had) continue;
      found(fmt::format("eviction: unacknowledged {} events went before {} ones", class_names[kind],
                        class_names[cheaper]));
    }
  }
}

void eviction_check::committed(const accounts& now, std::uint64_t acknowledged) {
  std::uint64_t last = 0;
  for (const auto& rows : fresh_) last = std::max(last, rows.empty() ? 0 : rows.back());
  for (std::size_t kind = 0; kind < classes; ++kind) {
    if (!fresh_[kind].empty()) blobs_[kind].push_back({std::exchange(fresh_[kind], {}), last});
  }
  largest_ = 0;
  gave_up_ = {};
  for (std::size_t kind = 0; kind < classes; ++kind) take(kind, now[kind], acknowledged);
  if (largest_ > 0 && kept() + largest_ <= events_max_) {
    found(fmt::format("eviction: {} events are left of {} allowed, after {} too many were given up", kept(),
                      events_max_, largest_));
  }
  check_order(acknowledged);
}

void eviction_check::finish() {
  if (kept() > events_max_) {
    found(fmt::format("eviction: {} events are kept in the end, {} are allowed", kept(), events_max_));
  }
  for (const auto one : lost_state_) {
    const bool told =
        std::ranges::any_of(gaps_, [&](const auto& gap) { return one >= gap.first && one <= gap.second; });
    if (!told) found(fmt::format("eviction: state at offset {} was given up without a GAP record", one));
  }
}

}  // namespace evergate::simulation
