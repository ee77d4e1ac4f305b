// Where a lane's reported cursor stands when what was acknowledged within handler_grace does not count yet:
// acknowledged means received, and handlers may still be at work when the process dies. Pure; owned by a
// lane; bounded by its marks.
#pragma once

#include <deque>

#include "base/clock.h"
#include "flow/offset.h"

namespace evergate::downstream {

class cursor_lag {
 public:
  explicit cursor_lag(base::milliseconds grace) noexcept : grace_(grace) {}

  void reset(flow::offset at) {
    marks_.clear();
    settled_ = at;
  }
  /// The cursor has come to `at`.
  void moved(flow::offset at, base::instant now) {
    if (marks_.empty() ? at <= settled_ : at <= marks_.back().at) return;
    // Marks close together become one, as old as the younger: what is cautious is late, never early.
    if (!marks_.empty() && now - marks_.back().since < grace_ / marks_max) {
      marks_.back().at = at;
      marks_.back().last = now;
    } else {
      marks_.push_back({at, now});
    }
  }
  /// What has counted for the whole grace.
  [[nodiscard]] flow::offset settled(base::instant now) {
    while (!marks_.empty() && now - marks_.front().last >= grace_) {
      settled_ = marks_.front().at;
      marks_.pop_front();
    }
    return settled_;
  }
  [[nodiscard]] bool lags() const noexcept { return !marks_.empty(); }

 private:
  static constexpr int marks_max = 32;
  struct mark {
    flow::offset at;
    base::instant since;
    base::instant last = since;
  };
  const base::milliseconds grace_;
  std::deque<mark> marks_;
  flow::offset settled_;
};

}  // namespace evergate::downstream
