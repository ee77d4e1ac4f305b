// Virtual time as the simulation's actors see it: what the moment is, and what is to happen at another one.
// `plain_agenda` is the heap itself: strictly by moment, then by the order of putting in. One thread.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "base/clock.h"

namespace evergate::simulation {

class agenda {
 public:
  using work = std::move_only_function<void()>;

  virtual ~agenda() = default;
  [[nodiscard]] virtual base::instant now() const = 0;
  /// Milliseconds since 1970, as the machines' wall clocks would say.
  [[nodiscard]] virtual std::int64_t unix_ms() const = 0;
  /// Runs `what` at `when`, at the earliest after what is being run now.
  virtual void at(base::instant when, work what) = 0;
  void after(base::nanoseconds wait, work what) { at(now() + wait, std::move(what)); }
};

class plain_agenda final : public agenda {
 public:
  explicit plain_agenda(base::instant start = base::instant{base::seconds{1'000}}) : now_(start) {}

  [[nodiscard]] base::instant now() const override { return now_; }
  [[nodiscard]] std::int64_t unix_ms() const override {
    constexpr std::int64_t some_day_ms = 1'770'000'000'000;
    return some_day_ms + std::chrono::duration_cast<base::milliseconds>(now_.time_since_epoch()).count();
  }
  void at(base::instant when, work what) override {
    waiting_.emplace(when < now_ ? now_ : when, std::move(what));
  }
  /// Runs everything up to and including `until`.
  void run_until(base::instant until) {
    while (!waiting_.empty() && waiting_.begin()->first <= until) {
      auto next = waiting_.extract(waiting_.begin());
      now_ = next.key();
      next.mapped()();
    }
    now_ = until;
  }
  void run_for(base::nanoseconds span) { run_until(now_ + span); }

 private:
  std::multimap<base::instant, work> waiting_;  ///< equal moments stay in their order
  base::instant now_;
};

}  // namespace evergate::simulation
