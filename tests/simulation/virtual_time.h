// The simulation's clock and its only queue: what is to happen, by time, then by the order in which it was
// asked for. Each process has a timeline of its own, so that killing it takes its future along and stopping
// it (a suspended machine) delays it. One thread; nothing here reads a real clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "agenda.h"
#include "base/clock.h"
#include "trace.h"

namespace evergate::simulation {

/// Names something asked for; 0 is nothing.
using ticket = std::uint64_t;

class timeline;

class virtual_time {
 public:
  using task = std::move_only_function<void()>;

  explicit virtual_time(trace& log) : log_(log) { log_.at(now_); }

  [[nodiscard]] base::instant now() const noexcept { return now_; }
  /// Milliseconds since 1970, as the machines' wall clocks would say.
  [[nodiscard]] std::int64_t unix_ms() const noexcept {
    return unix_start_ms + std::chrono::duration_cast<base::milliseconds>(now_ - start).count();
  }
  /// Runs what is next; false when nothing is left.
  bool step();
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

  static constexpr base::instant start{base::seconds(1'000)};
  static constexpr std::int64_t unix_start_ms = 1'770'000'000'000;

 private:
  friend class timeline;
  struct entry {
    timeline* owner = nullptr;
    base::instant when;
    std::string_view what;
    task work;
  };
  ticket add(timeline& owner, base::instant when, std::string_view what, task work);
  void remove(ticket which);
  void forget(const timeline& owner);

  trace& log_;
  base::instant now_ = start;
  std::set<std::pair<base::instant, ticket>> queue_;
  std::map<ticket, entry> entries_;
  ticket next_ = 1;
  std::uint64_t steps_ = 0;
};

class timeline final : public agenda {
 public:
  explicit timeline(virtual_time& time) : time_(time) {}
  ~timeline() override { time_.forget(*this); }
  timeline(const timeline&) = delete;
  timeline& operator=(const timeline&) = delete;

  [[nodiscard]] base::instant now() const override { return time_.now(); }
  [[nodiscard]] std::int64_t unix_ms() const override { return time_.unix_ms() + clock_off_.count(); }
  /// Its machine's wall clock is off by this much.
  void set_clock(base::milliseconds off) noexcept { clock_off_ = off; }

  void at(base::instant when, work what) override { time_.add(*this, when, "bots", std::move(what)); }
  /// `what` is a literal.
  ticket at(base::instant when, std::string_view what, virtual_time::task work) {
    return time_.add(*this, when, what, std::move(work));
  }
  ticket in(base::nanoseconds span, std::string_view what, virtual_time::task work) {
    return at(now() + span, what, std::move(work));
  }
  /// At this instant, after what is already due.
  ticket soon(std::string_view what, virtual_time::task work) { return at(now(), what, std::move(work)); }
  /// Takes it back, if it has not happened, and forgets the ticket.
  void cancel(ticket& which) {
    if (which != 0) time_.remove(std::exchange(which, 0));
  }

  /// Nothing of this timeline happens before `until`, nor before what was asked for earlier: what is due has
  /// been put off until then already, and half a process must not run while the other half sleeps.
  void freeze(base::instant until) noexcept { frozen_until_ = std::max(frozen_until_, until); }
  [[nodiscard]] base::instant frozen_until() const noexcept { return frozen_until_; }

 private:
  virtual_time& time_;
  base::instant frozen_until_{};
  base::milliseconds clock_off_{0};
};

}  // namespace evergate::simulation
