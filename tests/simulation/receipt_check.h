// Whether what a resharding says it has let through is what the journal has: the receipt is kept with the
// events it counts, so that each time it is, the two must agree to the event, over restarts too. Told each
// batch as it was committed. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flow/event_batch.h"

namespace evergate::simulation {

class receipt_check {
 public:
  void committed(const flow::event_batch& batch);

  /// Comparisons made.
  [[nodiscard]] std::uint64_t compared() const noexcept { return compared_; }
  [[nodiscard]] const std::vector<std::string>& findings() const noexcept { return findings_; }

 private:
  void compare(std::uint64_t counted);

  /// What the receipt said last, and what came after it; nothing while no cuts have begun.
  std::optional<std::uint64_t> counted_;
  std::uint64_t rows_ = 0;
  std::uint64_t compared_ = 0;
  std::vector<std::string> findings_;
};

}  // namespace evergate::simulation
