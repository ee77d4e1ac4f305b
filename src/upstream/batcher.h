// Hands the batch that all shards of one worker fill (open_batch says when) to the event sink, with the
// loop's timers. Owned by its worker, on its loop's thread. When the sink is full the batch is kept and
// reading pauses until there is room, so that what is held is bounded by batch_bytes_max and one payload.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "flow/event_batch.h"
#include "flow/journal.h"
#include "net/event_loop.h"
#include "upstream/open_batch.h"

namespace evergate::upstream {

class batcher {
 public:
  /// Called when reading must pause or may go on; pausing perhaps from inside added().
  using on_pause = std::function<void(bool paused)>;

  /// `loop` and `sink` must outlive it.
  batcher(net::event_loop& loop, flow::event_sink& sink, batcher_options options, on_pause pause);
  ~batcher();
  batcher(const batcher&) = delete;
  batcher& operator=(const batcher&) = delete;

  /// The batch that is filled now. After adding, call added().
  [[nodiscard]] open_batch& batch() noexcept { return batch_; }
  /// Something was added: schedules the hand-over, or hands over now when the batch has become large.
  void added();
  /// The sink has room again.
  void on_room();
  /// Hands over what there is and ends the timers.
  void stop();
  /// Hands over what there is, now.
  void flush();

  [[nodiscard]] bool blocked() const noexcept { return batch_.blocked(); }
  [[nodiscard]] std::uint64_t handed_over() const noexcept { return batch_.handed_over(); }

 private:
  void at_turn_end();

  net::event_loop& loop_;
  flow::event_sink& sink_;
  const batcher_options options_;
  on_pause pause_;
  net::timer tick_;
  net::timer retry_;
  open_batch batch_;
  std::shared_ptr<bool> alive_;
};

}  // namespace evergate::upstream
