// What the journal's core knows besides the guilds: read at start, changed by rounds, all of it in the store.
// Owned by the core; its thread only. Bounded by the fleet, the consumers and their sessions.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "flow/journal.h"
#include "journal/records.h"

namespace evergate::journal {

/// One offset for each class of events.
using per_class = std::array<std::uint64_t, proto::event_class_count>;

struct core_state {
  ledger book;
  std::map<std::uint32_t, std::vector<std::int64_t>> sequences;  ///< fleet count → one per shard
  std::map<std::uint32_t, std::string> started;  ///< fleet count → one byte per shard, 1 = had its READY
  std::string ready;                             ///< newest READY d, its user kept up to date
  std::map<std::string, flow::consumer_record> consumers;
  std::set<std::string> sessions;  ///< ids of the downstream sessions

  /// Events of the class up to here have been acknowledged by every consumer, or given up for it; `otherwise`
  /// without consumers.
  [[nodiscard]] std::uint64_t acknowledged(proto::event_class of, std::uint64_t otherwise) const;
  [[nodiscard]] per_class acknowledged(std::uint64_t otherwise) const;
};

}  // namespace evergate::journal
