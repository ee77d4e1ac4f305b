#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>
#include <utility>

#include "net/event_loop.h"
#include "net/event_loop_state.h"

namespace boost::asio {

/// The reactor sleeps on a clock that stops while the machine is suspended, so it never sleeps for longer
/// than a second: after a resume every overdue timer runs within that.
template <>
struct wait_traits<evergate::base::boot_clock> {
  using clock = evergate::base::boot_clock;
  static clock::duration to_wait_duration(const clock::duration& d) {
    return std::min<clock::duration>(d, std::chrono::seconds(1));
  }
  static clock::duration to_wait_duration(const clock::time_point& t) {
    return to_wait_duration(t - clock::now());
  }
};

}  // namespace boost::asio

namespace evergate::net {

struct timer::state {
  explicit state(event_loop& owner) : waiter(owner.internals().io) {}

  asio::basic_waitable_timer<base::boot_clock> waiter;
  event_loop::task work;
  std::uint64_t generation = 0;
  bool armed = false;
};

timer::timer(event_loop& loop) : state_(std::make_shared<state>(loop)) {}

timer::~timer() {
  if (state_) cancel();
}

timer::timer(timer&&) noexcept = default;

timer& timer::operator=(timer&& other) noexcept {
  if (this != &other) {
    if (state_) cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}

void timer::arm(base::instant when, event_loop::task work) {
  auto& s = *state_;
  const auto generation = ++s.generation;
  s.armed = true;
  s.work = std::move(work);
  s.waiter.expires_at(when);
  s.waiter.async_wait([held = state_, generation](const boost::system::error_code&) {
    if (!held->armed || held->generation != generation) return;
    held->armed = false;
    auto run = std::move(held->work);
    run();
  });
}

void timer::arm_in(base::nanoseconds delay, event_loop::task work) {
  arm(base::boot_clock::now() + delay, std::move(work));
}

void timer::cancel() noexcept {
  if (!state_->armed) return;
  state_->armed = false;
  ++state_->generation;
  state_->work = nullptr;
  state_->waiter.cancel();
}

bool timer::armed() const noexcept {
  return state_->armed;
}

}  // namespace evergate::net
