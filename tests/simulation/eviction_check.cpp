#include "eviction_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

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
    for (const auto& one : all) out += one.rows.size();
  }
  return out;
}

void eviction_check::gap(std::uint64_t from, std::uint64_t to, std::uint64_t messages,
                         std::uint64_t of_state) {
  gaps_.emplace_back(from, to);
  told_each_[message] += messages;
  told_each_[state] += of_state;
}

/// The rows of this commit become blobs.
void eviction_check::learn(const outline& now) {
  std::uint64_t last = 0;
  for (const auto& rows : fresh_) last = std::max(last, rows.empty() ? 0 : rows.back().offset);
  for (std::size_t kind = 0; kind < classes; ++kind) {
    if (fresh_[kind].empty()) continue;
    const auto there = now.blobs.find({kind, last});
    const auto bytes = there == now.blobs.end() ? 0 : there->second.first;
    blobs_[kind].push_back({std::exchange(fresh_[kind], {}), last, bytes, now.time_ms});
  }
  kept_bytes_ = 0;
  for (const auto& blob : now.blobs | std::views::values) kept_bytes_ += blob.first;
  time_ms_ = now.time_ms;
}

void eviction_check::give_up(std::size_t kind, const blob& gone, const outline& now) {
  counted_[kind].evicted += gone.rows.size();
  const bool too_old = aged(gone, now.time_ms);
  if (!too_old) {
    whole_ = true;
    largest_ = std::max<std::uint64_t>(largest_, gone.rows.size());
    // How large one was that nobody saw is not known: then it is taken for large enough.
    largest_bytes_ = std::max(largest_bytes_, gone.bytes == 0 ? most_.bytes + 1 : gone.bytes);
  }
  if (gone.last() <= now.acknowledged[kind]) {
    if (kind == state && gone.round_last > now.acknowledged[kind]) perhaps_unacked_ += gone.rows.size();
    return;
  }
  counted_[kind].evicted_unacked += gone.rows.size();
  gave_up_[kind] = gave_up_[kind] || !too_old;
  for (const auto& row : gone.rows) {
    lost_.insert(row.offset);
    if (kind == 0 || row.internal || !now.due(kind, row)) continue;
    owed_.insert(row.offset);
    ++owed_each_[kind];
  }
}

void eviction_check::take(std::size_t kind, const outline& now) {
  auto& all = blobs_[kind];
  const auto& ledger = now.ledger[kind];
  floors_[kind] = ledger.floor;
  while (!all.empty() && all.front().last() <= ledger.floor) {
    give_up(kind, all.front(), now);
    all.pop_front();
  }
  if (!all.empty() && all.front().first() <= ledger.floor) {
    found(fmt::format("eviction: the floor of {} events is {}, inside a blob", class_names[kind],
                      ledger.floor));
  }
  const auto& counted = counted_[kind];
  const auto most = counted.evicted_unacked + (kind == state ? perhaps_unacked_ : 0);
  if (counted.evicted != ledger.evicted || ledger.evicted_unacked < counted.evicted_unacked ||
      ledger.evicted_unacked > most) {
    found(fmt::format("eviction: {} {} events are gone, {} of them unacknowledged; counted are {} and {}",
                      counted.evicted, class_names[kind], counted.evicted_unacked, ledger.evicted,
                      ledger.evicted_unacked));
  }
}

/// What was not too old went for room.
void eviction_check::check_need(const outline& now) {
  if (!whole_) return;
  const bool events = most_.events > 0 && kept() + largest_ > most_.events;
  const bool bytes = most_.bytes > 0 && kept_bytes_ + largest_bytes_ > most_.bytes;
  if (events || bytes) return;
  found(
      fmt::format("eviction at {}: {} events of {} bytes are left of {} and {} allowed, after {} too many "
                  "were given up",
                  now.time_ms, kept(), kept_bytes_, most_.events, most_.bytes, largest_));
}

void eviction_check::check_order(const outline& now) {
  for (std::size_t kind = 0; kind < classes; ++kind) {
    if (!gave_up_[kind]) continue;
    for (std::size_t cheaper = 0; cheaper < classes; ++cheaper) {
      // State may wait for its guilds to be written.
      const bool had = cheaper != state && !blobs_[cheaper].empty() &&
                       (cheaper < kind || blobs_[cheaper].front().last() <= now.acknowledged[cheaper]);
      if (cheaper == kind || !had) continue;
      found(fmt::format("eviction: unacknowledged {} events went before {} ones", class_names[kind],
                        class_names[cheaper]));
    }
  }
}

void eviction_check::committed(const outline& now) {
  learn(now);
  whole_ = false;
  largest_ = largest_bytes_ = 0;
  gave_up_ = {};
  for (std::size_t kind = 0; kind < classes; ++kind) take(kind, now);
  check_need(now);
  check_order(now);
}

void eviction_check::finish() {
  if (most_.events > 0 && kept() > most_.events) {
    found(fmt::format("eviction: {} events are kept in the end, {} are allowed", kept(), most_.events));
  }
  if (most_.bytes > 0 && kept_bytes_ > most_.bytes) {
    found(fmt::format("eviction: {} bytes are kept in the end, {} are allowed", kept_bytes_, most_.bytes));
  }
  for (std::size_t kind = 0; kind < classes; ++kind) {
    if (!blobs_[kind].empty() && aged(blobs_[kind].front(), time_ms_)) {
      found(fmt::format("eviction: {} events that are too old are kept in the end", class_names[kind]));
    }
    if (kind != 0 && told_each_[kind] != owed_each_[kind]) {
      found(fmt::format("eviction: GAP records tell of {} {} events, {} were given up", told_each_[kind],
                        class_names[kind], owed_each_[kind]));
    }
  }
  for (const auto one : owed_) {
    const bool told =
        std::ranges::any_of(gaps_, [&](const auto& gap) { return one >= gap.first && one <= gap.second; });
    if (!told) found(fmt::format("eviction: offset {} was given up without a GAP record", one));
  }
}

}  // namespace evergate::simulation
