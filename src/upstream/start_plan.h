// What a fleet does with the sessions that an earlier run left: how many shards serve, which session each of
// them resumes, who starts first, and which sessions nobody takes over. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "flow/journal.h"

namespace evergate::upstream {

struct start_plan {
  struct place {
    proto::shard_key key;
    std::optional<flow::stored_session> session;
  };
  std::vector<place> shards;                    ///< ascending by id
  std::vector<std::size_t> order;               ///< indices of shards: the busiest first
  std::vector<flow::stored_session> abandoned;  ///< of other counts
};

/// The count that most of the stored sessions have; 0 without sessions.
[[nodiscard]] std::uint32_t stored_count(const std::vector<flow::stored_session>& stored);

/// For the shards `first` to `last` of `count`.
[[nodiscard]] start_plan plan_start(const std::vector<flow::stored_session>& stored, std::uint32_t count,
                                    std::uint32_t first, std::uint32_t last);

/// Appends a GAP for each session that no shard takes over, and its end.
void append_abandoned(const std::vector<flow::stored_session>& sessions, const char* cause,
                      std::int64_t time_ms, flow::event_batch& out);

}  // namespace evergate::upstream
