// When a bot may be asked for a heartbeat (op 1), whose answer carries the last sequence that it has
// received. The rules are made of what real libraries bear (docs/delivery.md): one
// question at a time, none shortly before the bot's own beat is due, and never so many that the bot's
// messages and answers together pass what its own limiter lets through. Pure; one per connection.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/clock.h"

namespace evergate::downstream {

/// How much an answer is wanted.
enum class ask_need : std::uint8_t {
  regular,  ///< something is unacknowledged
  window,   ///< the lane waits for it
  closely,  ///< a lane is handed over, or one event at a time is sent: as soon as the one before is answered
};

class heartbeat_asker {
 public:
  static constexpr std::uint32_t messages_per_minute_max = 80;  ///< the bot's, answers among them
  static constexpr base::milliseconds close_interval{50};

  heartbeat_asker(base::milliseconds beat_interval, base::milliseconds ask_interval) noexcept
      : beat_interval_(beat_interval), ask_interval_(ask_interval) {}

  /// The session begins: the bot's own beats are due from now on.
  void start(base::instant now) noexcept {
    own_beat_ = now;
    own_beat_seen_ = false;
  }
  void stop() noexcept { asked_ = false; }
  /// Any message came from the bot.
  void message(base::instant now) noexcept {
    turn(now);
    ++seconds_[static_cast<std::size_t>(second_) % seconds_.size()];
    ++in_minute_;
  }
  /// A heartbeat came. True when it was the answer to ours: the bot's own schedule is where it was.
  bool beat(base::instant now) noexcept {
    const bool answer = asked_;
    if (asked_) {
      answer_took_ = now - asked_at_;
    } else {
      own_beat_ = now;
      own_beat_seen_ = true;
    }
    asked_ = false;
    return answer;
  }

  [[nodiscard]] bool may_ask(ask_need need, base::instant now) noexcept {
    if (asked_) return false;
    turn(now);
    if (in_minute_ + 1 + own_beats_to_come() > messages_per_minute_max) return false;
    const auto pause = need == ask_need::closely ? std::min(close_interval, ask_interval_) : ask_interval_;
    if (ever_asked_ && now - asked_at_ < pause) return false;
    // Before its first own beat its schedule is not known: only what is worth the risk.
    if (need == ask_need::regular && !own_beat_seen_) return false;
    // discord.js takes its own beat, sent before our answer to the other came, for a dead connection.
    const auto due = own_beat_ + beat_interval_;
    // Our answer reaches it behind all that lies unread in its socket: as late as the last question did.
    const auto guard = std::max<base::nanoseconds>(
        std::min<base::nanoseconds>(base::seconds{1}, beat_interval_ / 4), 2 * answer_took_);
    return now >= due || due - now >= guard;
  }
  void asked(base::instant now) noexcept {
    asked_ = ever_asked_ = true;
    asked_at_ = now;
  }
  [[nodiscard]] bool waits_for_answer() const noexcept { return asked_; }

 private:
  /// What the bot's own beats take of a minute, up to half of it: beats that are closer say enough by
  /// themselves.
  [[nodiscard]] std::uint32_t own_beats_to_come() const noexcept {
    const auto beats = base::milliseconds{60'000} / std::max(beat_interval_, base::milliseconds{1});
    return static_cast<std::uint32_t>(std::min<std::int64_t>(beats, messages_per_minute_max / 2));
  }
  /// Forgets what is older than a minute.
  void turn(base::instant now) noexcept {
    const auto second = std::chrono::duration_cast<base::seconds>(now.time_since_epoch()).count();
    const auto gone = std::min<std::int64_t>(second - second_, static_cast<std::int64_t>(seconds_.size()));
    for (std::int64_t i = 1; i <= gone; ++i) {
      auto& old = seconds_[static_cast<std::size_t>(second_ + i) % seconds_.size()];
      in_minute_ -= old;
      old = 0;
    }
    if (gone > 0) second_ = second;
  }

  const base::milliseconds beat_interval_;
  const base::milliseconds ask_interval_;
  bool asked_ = false;
  bool ever_asked_ = false;
  bool own_beat_seen_ = false;
  base::instant asked_at_{};
  base::nanoseconds answer_took_{0};
  base::instant own_beat_{};
  std::array<std::uint32_t, 61> seconds_{};  ///< messages of each of the last seconds
  std::int64_t second_ = 0;
  std::uint32_t in_minute_ = 0;
};

}  // namespace evergate::downstream
