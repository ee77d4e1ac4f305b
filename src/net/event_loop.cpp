#include "net/event_loop.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "base/check.h"
#include "net/event_loop_state.h"

namespace evergate::net {

void event_loop::state::run_deferred() {
  for (int round = 0; round < defer_rounds_per_turn && !deferred.empty(); ++round) {
    std::swap(deferred, deferred_running);
    for (auto& work_item : deferred_running) work_item();
    deferred_running.clear();
  }
  // Tasks that keep deferring more must not starve the sockets: the rest runs after one more poll.
  if (!deferred.empty()) asio::post(io, [] {});
}

void event_loop::state::resolve(const std::string& host, std::uint16_t port, on_resolved done) {
  const auto name = host + ":" + std::to_string(port);
  auto& waiting = resolving[name];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  if (!resolver) resolver.emplace(io);
  resolver->async_resolve(
      host, std::to_string(port), asio::ip::resolver_base::numeric_service,
      [this, name](const boost::system::error_code& failed, const tcp::resolver::results_type& found) {
        std::vector<tcp::endpoint> addresses;
        for (const auto& entry : found) {
          if (addresses.size() < addresses_max) addresses.push_back(entry.endpoint());
        }
        const auto everyone = resolving.extract(name);
        for (auto& tell : everyone.mapped()) tell(failed, addresses);
      });
}

event_loop::event_loop() : state_(std::make_unique<state>()) {}

event_loop::~event_loop() {
  base::check(state_->thread.load() == std::thread::id{}, "an event loop is destroyed while it runs");
  state_->deferred.clear();
}

void event_loop::run() {
  auto& s = *state_;
  auto nobody = std::thread::id{};
  base::check(s.thread.compare_exchange_strong(nobody, std::this_thread::get_id()), "run() on two threads");
  if (clockid_t mine{}; ::pthread_getcpuclockid(::pthread_self(), &mine) == 0) s.cpu_clock = mine;
  while (!s.stopping) {
    s.run_deferred();
    s.io.run_one();
    for (int i = 1; i < state::handlers_per_turn && s.io.poll_one() != 0; ++i) {
    }
  }
  s.run_deferred();
  s.stopping = false;
  s.cpu_clock = state::no_clock;
  s.thread.store(std::thread::id{});
}

void event_loop::stop() {
  // Through the queue, so that what was posted before still runs.
  asio::post(state_->io, [s = state_.get()] { s->stopping = true; });
}

void event_loop::post(task work) {
  asio::post(state_->io, std::move(work));
}

void event_loop::defer(task work) {
  const auto thread = state_->thread.load(std::memory_order_relaxed);
  base::check(thread == std::this_thread::get_id() || thread == std::thread::id{}, "defer() off the loop");
  state_->deferred.push_back(std::move(work));
}

base::nanoseconds event_loop::cpu_time() const noexcept {
  const auto clock = state_->cpu_clock.load(std::memory_order_relaxed);
  timespec used{};
  // A thread that has just ended has no clock any more.
  if (clock == state::no_clock || ::clock_gettime(clock, &used) != 0) return base::nanoseconds{0};
  return base::seconds(used.tv_sec) + base::nanoseconds(used.tv_nsec);
}

bool event_loop::in_loop() const noexcept {
  return state_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

}  // namespace evergate::net
