// What retention took from consumers that had not had it, counted for each until a GAP record tells of it.
// Kept in the store meanwhile, so that no kill comes between the two. Values; pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "flow/journal.h"
#include "journal/event_blob.h"

namespace evergate::journal {

struct loss {
  std::uint64_t first = 0;  ///< first and last offset of what is gone
  std::uint64_t last = 0;
  std::uint64_t messages = 0;  ///< events, before the consumer's own filter
  std::uint64_t state = 0;
  std::uint64_t damaged = 0;  ///< batches of which nobody can say what was in them
  std::int64_t since_ms = 0;  ///< wall time of the first

  void add(const loss& more) noexcept;
  bool operator==(const loss&) const = default;
};

using losses = std::map<std::string, loss>;  ///< by consumer
using consumer_map = std::map<std::string, flow::consumer_record>;

/// Adds what of the blob each consumer has neither acknowledged nor given up. Ephemeral events are only
/// counted by class, and records of the journal's own are nobody's.
void add_lost(const blob_view& blob, const consumer_map& consumers, std::int64_t time_ms, losses& out);
/// The same for a blob that cannot be read, of which these are the offsets as far as they are known.
void add_damaged(proto::event_class of, std::uint64_t first, std::uint64_t last,
                 const consumer_map& consumers, std::int64_t time_ms, losses& out);

/// The GAP record of one: cause "evicted FIRST-LAST: N messages, M of state".
[[nodiscard]] flow::gap_record gap_of(const std::string& consumer, const loss& what);

void encode(const loss& value, std::string& out);
[[nodiscard]] bool decode(std::string_view text, loss& value);

}  // namespace evergate::journal
