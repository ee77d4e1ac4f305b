#include "proto/send_window.h"

#include <algorithm>
#include <utility>

namespace evergate::proto {

sliding_window::sliding_window(std::uint32_t most, base::milliseconds span)
    : span_(span), marks_(std::max<std::uint32_t>(most, 1)) {}

void sliding_window::mark(base::instant now) {
  marks_[next_] = now;
  next_ = (next_ + 1) % marks_.size();
  size_ = std::min(size_ + 1, marks_.size());
}

std::uint32_t sliding_window::count(base::instant now) const noexcept {
  std::uint32_t inside = 0;
  while (inside < size_) {
    const auto at = (next_ + marks_.size() - 1 - inside) % marks_.size();
    if (marks_[at] + span_ <= now) break;
    ++inside;
  }
  return inside;
}

base::instant sliding_window::below(std::uint32_t limit, base::instant now) const noexcept {
  if (limit == 0) return base::instant::max();
  if (size_ < limit) return now;
  // The limit-th newest mark must have left the window.
  const auto at = (next_ + marks_.size() - limit) % marks_.size();
  return std::max(now, marks_[at] + span_);
}

void sliding_window::clear() noexcept {
  next_ = 0;
  size_ = 0;
}

send_window::send_window(send_window_options options)
    : options_(options),
      all_(options.sends_max, options.window + options.window_slack),
      commands_(options.sends_max, options.window + options.window_slack),
      presences_(options.presences_max, options.presence_window) {}

void send_window::on_connection(base::milliseconds heartbeat_interval) {
  const std::int64_t interval = std::max<std::int64_t>(heartbeat_interval.count(), 1);
  const std::int64_t beats = (options_.window.count() + interval - 1) / interval;
  // A server that asks for very frequent beats must not starve commands for ever: at least one in ten goes.
  const std::int64_t most = options_.sends_max - std::max<std::int64_t>(options_.sends_max / 10, 1);
  heartbeat_room_ =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(2 * beats, std::min<std::int64_t>(4, most), most));
  all_.clear();
  commands_.clear();
}

bool send_window::try_heartbeat(base::instant now) {
  if (all_.count(now) >= options_.sends_max) return false;
  all_.mark(now);
  return true;
}

bool send_window::try_probe(base::instant now) {
  return all_.count(now) + kept() < options_.sends_max && try_heartbeat(now);
}

void send_window::note_send(base::instant now) {
  all_.mark(now);
  commands_.mark(now);
}

bool send_window::push(int op, std::string payload) {
  constexpr int presence_update = 3;
  if (op == presence_update) {
    presence_ = std::move(payload);
    return true;
  }
  if (queue_.size() >= options_.queue_items_max || queue_bytes_ + payload.size() > options_.queue_bytes_max) {
    return false;
  }
  queue_bytes_ += payload.size();
  queue_.push_back(std::move(payload));
  return true;
}

base::instant send_window::room_at(base::instant now) const noexcept {
  return std::max(commands_.below(options_.sends_max - heartbeat_room_, now),
                  all_.below(options_.sends_max - kept(), now));
}

bool send_window::next(std::string& payload, base::instant now) {
  if (queued() == 0 || room_at(now) > now) return false;
  if (presence_ && presences_.below(options_.presences_max, now) <= now) {
    payload = std::move(*presence_);
    presence_.reset();
    presences_.mark(now);
  } else if (!queue_.empty()) {
    payload = std::move(queue_.front());
    queue_.pop_front();
    queue_bytes_ -= payload.size();
  } else {
    return false;
  }
  note_send(now);
  return true;
}

std::optional<base::instant> send_window::ready_at(base::instant now) const noexcept {
  if (queued() == 0) return std::nullopt;
  const auto room = room_at(now);
  if (!queue_.empty()) return room;
  return std::max(room, presences_.below(options_.presences_max, now));
}

}  // namespace evergate::proto
