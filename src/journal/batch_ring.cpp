#include "journal/batch_ring.h"

#include <algorithm>
#include <mutex>

namespace evergate::journal {

void batch_ring::start(std::uint64_t head) {
  const std::scoped_lock lock(mutex_);
  begin_ = head;
}

void batch_ring::push(flow::batch_ptr batch) {
  if (batch->rows.empty()) return;
  std::deque<flow::batch_ptr> gone;  // freed after the lock
  {
    const std::scoped_lock lock(mutex_);
    bytes_ += batch->bytes();
    batches_.push_back(std::move(batch));
    while (bytes_ > bytes_max_ && !batches_.empty()) {
      bytes_ -= batches_.front()->bytes();
      begin_ = batches_.front()->rows.back().offset.value;
      gone.push_back(std::move(batches_.front()));
      batches_.pop_front();
    }
  }
}

batch_ring::answer batch_ring::after(std::uint64_t after) const {
  flow::batch_ptr found;
  {
    const std::shared_lock lock(mutex_);
    if (after < begin_) return {};
    const auto at = std::ranges::partition_point(
        batches_, [after](const flow::batch_ptr& one) { return one->rows.back().offset.value <= after; });
    if (at == batches_.end()) return {true, nullptr};
    found = *at;
  }
  if (found->rows.front().offset.value > after) return {true, std::move(found)};
  return {true, cut(*found, after)};
}

std::size_t batch_ring::bytes() const {
  const std::shared_lock lock(mutex_);
  return bytes_;
}

flow::batch_ptr cut(const flow::event_batch& batch, std::uint64_t after) {
  auto out = std::make_shared<flow::event_batch>();
  for (const auto& row : batch.rows) {
    if (row.offset.value <= after) continue;
    auto& copy = out->rows.emplace_back(row);
    out->has_interactions |= row.type == proto::event_type::interaction_create;
    copy.pos = static_cast<std::uint32_t>(out->arena.size());
    out->arena.append(batch.arena, row.pos, std::size_t{row.name_size} + row.size);
  }
  std::ranges::copy_if(batch.counters, std::back_inserter(out->counters),
                       [after](const flow::counter_row& one) { return one.offset.value > after; });
  return out;
}

}  // namespace evergate::journal
