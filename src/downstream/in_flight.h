// What a lane has sent and its bot has not acknowledged: four bytes an event (the distance to the event
// before it), so that a window of 262,144 costs 1 MiB. Pure; one thread; bounded by the lane's ack_window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "flow/offset.h"

namespace evergate::downstream {

class in_flight {
 public:
  /// Forgets everything: `seq` and all before are acknowledged, the journal is acknowledged up to `at`.
  void reset(std::uint32_t seq, flow::offset at);

  /// The event at `at` was sent under the next number, which is returned.
  std::uint32_t sent(flow::offset at);

  /// Everything up to `seq` has arrived. False when it is no news, or a number that was never sent.
  bool acknowledge(std::uint32_t seq);

  [[nodiscard]] std::uint32_t acked_seq() const noexcept { return acked_seq_; }
  [[nodiscard]] std::uint32_t sent_seq() const noexcept {
    return acked_seq_ + static_cast<std::uint32_t>(count_);
  }
  [[nodiscard]] flow::offset acked_offset() const noexcept { return acked_; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

  /// The offset just before the first unacknowledged event; `position` when there is none.
  [[nodiscard]] flow::offset cursor(flow::offset position) const noexcept;

 private:
  static constexpr std::uint32_t far = 0xffff'ffff;  ///< the distance stands in far_

  [[nodiscard]] std::uint64_t front() const noexcept;
  void grow();

  std::vector<std::uint32_t> ring_;  ///< size is a power of two
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::deque<std::uint64_t> far_;
  std::uint32_t acked_seq_ = 0;
  flow::offset acked_;
  flow::offset last_;
};

}  // namespace evergate::downstream
