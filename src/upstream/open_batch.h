// The batch that a worker's shards fill, and when it is due: at the end of the turn when idle, at most once
// per `tick` when busy, at once when large. Owned by the batcher (or a simulation), which has the timers; one
// thread; pure. When the sink refuses, the batch is kept and nothing more is due until there is room.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "flow/event_batch.h"
#include "flow/journal.h"

namespace evergate::upstream {

struct batcher_options {
  std::chrono::microseconds tick{1'000};      ///< least time between two batches when busy
  std::size_t batch_bytes_max = 1024 * 1024;  ///< a batch this large is handed over at once
  base::milliseconds retry{250};              ///< a refused batch is offered again, even unasked
};

class open_batch {
 public:
  /// Where a shard's progress stands in the open batch. Kept by the shard.
  struct slot {
    std::uint64_t batch = 0;
    std::size_t index = 0;
  };

  explicit open_batch(batcher_options options);

  /// The batch that is filled now. After adding, ask due().
  [[nodiscard]] flow::event_batch& rows() noexcept { return *batch_; }
  /// Notes how far `shard` is with this batch.
  void note(slot& where, proto::shard_key shard, std::int64_t seq);

  enum class due : std::uint8_t {
    nothing,   ///< already arranged, or refused and waiting for room
    at_once,   ///< it has become large: the sink must be able to say no in the middle of a turn
    turn_end,  ///< when this turn of the loop is over
    tick,      ///< at tick_at()
  };
  /// What was added needs nothing: the hand-over is arranged, or must wait for room. Spares the question of
  /// the time for all but the first event of a batch.
  [[nodiscard]] bool arranged() const noexcept {
    return blocked_ || (stage_ != due::nothing && batch_->bytes() < options_.batch_bytes_max);
  }
  /// Something was added: when is the batch to be handed over?
  [[nodiscard]] due added(base::instant now) noexcept;
  [[nodiscard]] base::instant tick_at() const noexcept {
    return last_.value_or(base::instant{}) + options_.tick;
  }
  /// True while the hand-over arranged for the end of the turn has not happened otherwise.
  [[nodiscard]] bool waits_for_turn_end() const noexcept { return stage_ == due::turn_end; }

  enum class outcome : std::uint8_t { nothing, taken, refused };
  [[nodiscard]] outcome hand_over(flow::event_sink& to, base::instant now);
  /// The sink has room again and has taken what there was.
  void unblock() noexcept { blocked_ = false; }

  [[nodiscard]] bool blocked() const noexcept { return blocked_; }
  [[nodiscard]] bool empty() const noexcept { return batch_->empty(); }
  [[nodiscard]] std::uint64_t handed_over() const noexcept { return number_ - 1; }

 private:
  const batcher_options options_;
  std::unique_ptr<flow::event_batch> batch_;
  std::uint64_t number_ = 1;
  std::optional<base::instant> last_;  ///< when the last one went; nothing = none has
  due stage_ = due::nothing;
  bool blocked_ = false;
};

}  // namespace evergate::upstream
