// What an intake has seen, for metrics. Written by the intake's thread alone, read by any: relaxed atomics
// without read-modify-write.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "proto/event_type.h"

namespace evergate::pipeline {

class counter {
 public:
  /// By the writing thread only.
  void add_one() noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct intake_counters {
  std::array<counter, 256> received;  ///< by event_type; everything handed in, filtered or not
  counter dropped_by_event;           ///< left out by dropped_events
  counter dropped_by_guild;           ///< left out by guilds_allowed and guilds_denied
  counter dropped_by_controller;      ///< left out by on_event
  counter rewritten;                  ///< by on_event
  counter malformed;                  ///< left out: without a name or d, or a READY that is no object
  counter repaired;                   ///< invalid UTF-8 replaced by U+FFFD
  counter replies;                    ///< given to one downstream session
  counter replies_unclaimed;          ///< answers to a request of which nobody is left

  [[nodiscard]] std::uint64_t received_of(proto::event_type type) const noexcept {
    return received[static_cast<std::size_t>(type)].value();
  }
};

}  // namespace evergate::pipeline
