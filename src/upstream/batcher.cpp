#include "upstream/batcher.h"

#include <algorithm>
#include <utility>

namespace evergate::upstream {

batcher::batcher(net::event_loop& loop, flow::event_sink& sink, batcher_options options, on_pause pause)
    : loop_(loop),
      sink_(sink),
      options_(options),
      pause_(std::move(pause)),
      tick_(loop),
      retry_(loop),
      batch_(std::make_unique<flow::event_batch>()),
      alive_(std::make_shared<bool>(true)) {}

batcher::~batcher() = default;

void batcher::note(slot& where, proto::shard_key shard, std::int64_t seq) {
  if (where.batch != number_) {
    where.batch = number_;
    where.index = batch_->progress.size();
    batch_->progress.push_back({shard, seq});
    return;
  }
  batch_->progress[where.index].seq = seq;
}

void batcher::added() {
  if (blocked_) return;
  if (batch_->bytes() >= options_.batch_bytes_max) {
    // A turn of the loop can bring many megabytes: the sink must be able to say no in its middle.
    flush();
    return;
  }
  if (stage_ != stage::none) return;
  if (base::boot_clock::now() - last_ >= options_.tick) {
    at_turn_end();
    return;
  }
  stage_ = stage::tick;
  tick_.arm(last_ + options_.tick, [this] { flush(); });
}

void batcher::at_turn_end() {
  stage_ = stage::turn_end;
  const std::weak_ptr<bool> alive = alive_;
  loop_.defer([this, alive] {
    if (!alive.expired() && stage_ == stage::turn_end) flush();
  });
}

void batcher::flush() {
  stage_ = stage::none;
  tick_.cancel();
  if (batch_->empty()) return;
  if (!sink_.append(batch_)) {
    retry_.arm_in(options_.retry, [this] { on_room(); });
    if (!std::exchange(blocked_, true)) pause_(true);
    return;
  }
  last_ = base::boot_clock::now();
  renew();
}

void batcher::renew() {
  ++number_;
  batch_ = std::make_unique<flow::event_batch>();
}

void batcher::on_room() {
  if (!blocked_) return;
  flush();
  if (!batch_->empty()) return;  // refused again
  blocked_ = false;
  retry_.cancel();
  pause_(false);
}

}  // namespace evergate::upstream
