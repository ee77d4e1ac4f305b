// Two sessions that carry one guild's stream with lag of their own, and the clients that read them: what a
// guild_cut lives between. Time is the test's; a seed gives everything.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/rng.h"
#include "control/guild_cut.h"
#include "flow/intake.h"

namespace evergate::control::twin {

using namespace std::chrono_literals;
inline constexpr base::instant t0{1000s};

/// One event of the truth.
struct fact {
  base::instant at;
  bool unique = false;
  std::uint64_t content = 0;  ///< equal content = equal events
};

struct lag_options {
  base::milliseconds base{0};    ///< of every event
  base::milliseconds jitter{0};  ///< at most this much more
};

/// One session's connection: events in order, each no earlier than its lag allows, and answers to heartbeats.
class session {
 public:
  struct arrival {
    base::instant at;
    std::optional<std::size_t> fact;  ///< nothing: the answer to a heartbeat
    base::instant sent{};
  };

  session(lag_options lag, std::uint64_t seed) : lag_(lag), chance_(seed) {}

  void dispatched(std::size_t fact, base::instant at) {
    const auto jitter = chance_.below(static_cast<std::uint64_t>(lag_.jitter.count()) + 1);
    newest_ = std::max(newest_, at + lag_.base + base::milliseconds(jitter));
    push({newest_, fact, {}});
  }
  /// The answer overtakes what Discord still carries from the guild to the session.
  void beat(base::instant sent) { push({sent + base::milliseconds(chance_.below(40)), std::nullopt, sent}); }

  [[nodiscard]] bool due(base::instant now) const { return !queue_.empty() && queue_.front().at <= now; }
  [[nodiscard]] std::optional<base::instant> next() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.front().at);
  }
  arrival take() {
    auto out = queue_.front();
    queue_.pop_front();
    return out;
  }
  void clear() { queue_.clear(); }

 private:
  void push(arrival a) {
    auto where = queue_.end();
    while (where != queue_.begin() && std::prev(where)->at > a.at) --where;
    queue_.insert(where, a);
  }

  lag_options lag_;
  base::rng chance_;
  std::deque<arrival> queue_;
  base::instant newest_{};
};

/// An event as a guild_cut sees it; owns its batch.
class told_event {
 public:
  told_event(const fact& f, std::size_t number, std::uint32_t seq) {
    auto& row = flow::append_row(batch_, proto::event_type::unknown, "T", std::to_string(number));
    row.seq = seq;
    row.guild = 5;
    event_.what = {f.content, 7, f.unique ? identity_kind::unique : identity_kind::repeats};
    event_.batch = &batch_;
    event_.row = batch_.rows.data();
  }
  [[nodiscard]] const arriving_event& event() const { return event_; }

 private:
  flow::event_batch batch_;
  arriving_event event_;
};

[[nodiscard]] inline std::size_t number_of(const held_event& e) {
  return std::stoul(e.bytes.substr(1));
}

}  // namespace evergate::control::twin
