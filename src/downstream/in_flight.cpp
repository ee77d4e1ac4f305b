#include "downstream/in_flight.h"

#include <utility>

#include "base/check.h"

namespace evergate::downstream {

void in_flight::reset(std::uint32_t seq, flow::offset at) {
  head_ = 0;
  count_ = 0;
  far_.clear();
  acked_seq_ = seq;
  acked_ = at;
  last_ = at;
}

std::uint32_t in_flight::sent(flow::offset at) {
  base::check(at > last_, "events are sent in the order of the journal");
  if (count_ == ring_.size()) grow();
  const std::uint64_t distance = at.value - last_.value;
  const bool is_far = distance >= far;
  if (is_far) far_.push_back(distance);
  ring_[(head_ + count_) & (ring_.size() - 1)] = is_far ? far : static_cast<std::uint32_t>(distance);
  ++count_;
  last_ = at;
  return sent_seq();
}

bool in_flight::acknowledge(std::uint32_t seq) {
  if (seq <= acked_seq_ || seq > sent_seq()) return false;
  for (auto steps = seq - acked_seq_; steps > 0; --steps) {
    acked_.value += front();
    if (ring_[head_] == far) far_.pop_front();
    head_ = (head_ + 1) & (ring_.size() - 1);
    --count_;
  }
  acked_seq_ = seq;
  return true;
}

flow::offset in_flight::cursor(flow::offset position) const noexcept {
  if (count_ == 0) return position;
  return flow::offset{acked_.value + front() - 1};
}

std::uint64_t in_flight::front() const noexcept {
  const auto distance = ring_[head_];
  return distance == far ? far_.front() : distance;
}

void in_flight::grow() {
  std::vector<std::uint32_t> next(ring_.empty() ? 64 : ring_.size() * 2);
  for (std::size_t i = 0; i < count_; ++i) next[i] = ring_[(head_ + i) & (ring_.size() - 1)];
  ring_ = std::move(next);
  head_ = 0;
}

}  // namespace evergate::downstream
