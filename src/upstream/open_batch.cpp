#include "upstream/open_batch.h"

#include <algorithm>

namespace evergate::upstream {

open_batch::open_batch(batcher_options options)
    : options_(options), batch_(std::make_unique<flow::event_batch>()) {}

void open_batch::note(slot& where, proto::shard_key shard, std::int64_t seq) {
  if (where.batch != number_) {
    where.batch = number_;
    where.index = batch_->progress.size();
    batch_->progress.push_back({shard, seq});
    return;
  }
  batch_->progress[where.index].seq = seq;
}

open_batch::due open_batch::added(base::instant now) noexcept {
  if (blocked_) return due::nothing;
  if (batch_->bytes() >= options_.batch_bytes_max) return due::at_once;
  if (stage_ != due::nothing) return due::nothing;
  stage_ = !last_ || now - *last_ >= options_.tick ? due::turn_end : due::tick;
  return stage_;
}

open_batch::outcome open_batch::hand_over(flow::event_sink& to, base::instant now) {
  stage_ = due::nothing;
  if (batch_->empty()) return outcome::nothing;
  const auto bytes = batch_->arena.size();
  const auto rows = batch_->rows.size();
  if (!to.append(batch_)) {
    blocked_ = true;
    return outcome::refused;
  }
  last_ = now;
  ++number_;
  batch_ = std::make_unique<flow::event_batch>();
  // The next one is likely as large, and growing would copy all of it once more.
  batch_->arena.reserve(std::min(bytes, options_.batch_bytes_max));
  batch_->rows.reserve(rows);
  return outcome::taken;
}

}  // namespace evergate::upstream
