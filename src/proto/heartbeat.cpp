#include "proto/heartbeat.h"

#include <algorithm>

namespace evergate::proto {

void heartbeat::start(base::milliseconds interval, double part, base::instant now) noexcept {
  running_ = true;
  heard_ = false;
  held_ = false;
  interval_ = interval;
  const auto delay = static_cast<double>(base::nanoseconds(interval).count()) * part;
  beat_at_ = now + base::nanoseconds(static_cast<std::int64_t>(delay));
  unanswered_.reset();
  verdict_at_.reset();
}

void heartbeat::stop() noexcept {
  running_ = false;
  unanswered_.reset();
  verdict_at_.reset();
}

heartbeat::due heartbeat::judge(base::instant now, bool unread) noexcept {
  if (!running_) return due::nothing;
  if (verdict_at_ && now >= *verdict_at_ && !paused_) {
    const bool may_wait = heard_ && unanswered_ && now < *unanswered_ + 2 * interval_ + options_.ack_grace;
    if (!may_wait && !unread) return due::zombie;
    held_ = false;
    heard_ = false;
    verdict_at_ = now + options_.ack_grace;
  }
  if (now < beat_at_ || held_) return due::nothing;
  if (now - beat_at_ > std::max(options_.suspend_after, interval_) + 2 * options_.ack_grace)
    return due::slept;
  if (unanswered_ && !verdict_at_) {
    heard_ = false;
    // A beat that op 1 asked for just before has an interval of its own to be answered in.
    verdict_at_ = std::max(now, *unanswered_ + interval_) + options_.ack_grace;
    held_ = !paused_ && *unanswered_ + interval_ <= now + options_.ack_grace;
    if (held_) return due::nothing;
  }
  beat_at_ += interval_;
  if (beat_at_ <= now) beat_at_ = now + interval_;
  return due::beat;
}

std::optional<base::instant> heartbeat::next() const noexcept {
  if (!running_) return std::nullopt;
  if (held_) return verdict_at_;
  if (verdict_at_ && !paused_) return std::min(*verdict_at_, beat_at_);
  return beat_at_;
}

void heartbeat::on_sent(base::instant now) noexcept {
  if (!unanswered_) unanswered_ = now;
}

void heartbeat::on_ack(base::instant now) noexcept {
  if (unanswered_) latency_ = now - *unanswered_;
  unanswered_.reset();
  verdict_at_.reset();
  held_ = false;
}

void heartbeat::pause(bool paused) noexcept {
  if (paused_ && !paused) {
    // What arrived meanwhile is about to be read: the next beat asks afresh.
    unanswered_.reset();
    verdict_at_.reset();
  }
  paused_ = paused;
  held_ = false;
}

}  // namespace evergate::proto
