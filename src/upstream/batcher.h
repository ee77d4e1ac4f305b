// Collects the rows of all shards of one worker into one batch and hands it to the event sink: at the end of
// the turn when idle, at most once per `tick` when busy. Owned by its worker, on its loop's thread. When the
// sink is full the batch is kept and reading pauses until there is room, so that what is held is bounded by
// batch_bytes_max and one payload.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "flow/event_batch.h"
#include "flow/journal.h"
#include "net/event_loop.h"

namespace evergate::upstream {

struct batcher_options {
  std::chrono::microseconds tick{1'000};      ///< least time between two batches when busy
  std::size_t batch_bytes_max = 1024 * 1024;  ///< a batch this large is handed over at once
  base::milliseconds retry{250};              ///< a refused batch is offered again, even unasked
};

class batcher {
 public:
  /// Where a shard's progress stands in the open batch. Kept by the shard.
  struct slot {
    std::uint64_t batch = 0;
    std::size_t index = 0;
  };
  /// Called when reading must pause or may go on; pausing perhaps from inside added().
  using on_pause = std::function<void(bool paused)>;

  /// `loop` and `sink` must outlive it.
  batcher(net::event_loop& loop, flow::event_sink& sink, batcher_options options, on_pause pause);
  ~batcher();
  batcher(const batcher&) = delete;
  batcher& operator=(const batcher&) = delete;

  /// The batch that is filled now. After adding, call added().
  [[nodiscard]] flow::event_batch& open() noexcept { return *batch_; }
  /// Notes how far `shard` is with this batch.
  void note(slot& where, proto::shard_key shard, std::int64_t seq);
  /// Something was added: schedules the hand-over, or hands over now when the batch has become large.
  void added();
  /// The sink has room again.
  void on_room();
  /// Hands over what there is and ends the timers.
  void stop();
  /// Hands over what there is, now.
  void flush();

  [[nodiscard]] bool blocked() const noexcept { return blocked_; }
  [[nodiscard]] std::uint64_t handed_over() const noexcept { return number_ - 1; }

 private:
  void at_turn_end();
  void renew();

  net::event_loop& loop_;
  flow::event_sink& sink_;
  const batcher_options options_;
  on_pause pause_;
  net::timer tick_;
  net::timer retry_;
  std::unique_ptr<flow::event_batch> batch_;
  std::uint64_t number_ = 1;
  base::instant last_{};
  enum class stage : std::uint8_t { none, tick, turn_end } stage_ = stage::none;
  bool blocked_ = false;
  std::shared_ptr<bool> alive_;
};

}  // namespace evergate::upstream
