#include "upstream/batcher.h"

#include <utility>

namespace evergate::upstream {

batcher::batcher(net::event_loop& loop, flow::event_sink& sink, batcher_options options, on_pause pause)
    : loop_(loop),
      sink_(sink),
      options_(options),
      pause_(std::move(pause)),
      tick_(loop),
      retry_(loop),
      batch_(options),
      alive_(std::make_shared<bool>(true)) {}

batcher::~batcher() = default;

void batcher::added() {
  if (batch_.arranged()) return;
  switch (batch_.added(base::boot_clock::now())) {
    case open_batch::due::nothing:
      break;
    case open_batch::due::at_once:
      flush();
      break;
    case open_batch::due::turn_end:
      at_turn_end();
      break;
    case open_batch::due::tick:
      tick_.arm(batch_.tick_at(), [this] { flush(); });
      break;
  }
}

void batcher::at_turn_end() {
  const std::weak_ptr<bool> alive = alive_;
  loop_.defer([this, alive] {
    if (!alive.expired() && batch_.waits_for_turn_end()) flush();
  });
}

void batcher::flush() {
  tick_.cancel();
  const bool was_blocked = batch_.blocked();
  if (batch_.hand_over(sink_, base::boot_clock::now()) != open_batch::outcome::refused) return;
  retry_.arm_in(options_.retry, [this] { on_room(); });
  if (!was_blocked) pause_(true);
}

void batcher::stop() {
  flush();
  retry_.cancel();
}

void batcher::on_room() {
  if (!batch_.blocked()) return;
  flush();
  if (!batch_.empty()) return;  // refused again
  batch_.unblock();
  retry_.cancel();
  pause_(false);
}

}  // namespace evergate::upstream
