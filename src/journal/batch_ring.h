// The newest committed batches, in memory: what live readers read without touching the disk. Owned by the
// journal; its thread pushes, any thread reads under a short shared lock. Bounded in bytes: the oldest leave.
#pragma once

#include <cstdint>
#include <deque>
#include <shared_mutex>

#include "flow/event_batch.h"

namespace evergate::journal {

class batch_ring {
 public:
  explicit batch_ring(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Batches come in offset order; every record past `begin()` is in one of them.
  void push(flow::batch_ptr batch);
  /// Says that the ring, still empty, continues after `head`.
  void start(std::uint64_t head);

  struct answer {
    bool known = false;     ///< false: older than the ring, ask the disk
    flow::batch_ptr batch;  ///< null: nothing past `after` yet
  };
  /// The batch with the first row past `after`, cut so that all of its rows are.
  [[nodiscard]] answer after(std::uint64_t after) const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  const std::size_t bytes_max_;
  mutable std::shared_mutex mutex_;
  std::deque<flow::batch_ptr> batches_;
  std::uint64_t begin_ = 0;  ///< everything past this is here
  std::size_t bytes_ = 0;
};

/// A copy of `batch` with only the rows (and counters) past `after`.
[[nodiscard]] flow::batch_ptr cut(const flow::event_batch& batch, std::uint64_t after);

}  // namespace evergate::journal
