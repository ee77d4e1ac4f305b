#include "controllers/tally.h"

namespace evergate::decide {
namespace {

constexpr std::chrono::seconds told_every{10};

}  // namespace

void tally::configure(base::logger* log, std::chrono::nanoseconds slow_after) noexcept {
  log_ = log;
  slow_after_ = slow_after;
}

/// True for one caller every told_every.
bool tally::may_tell(std::atomic<std::int64_t>& last) noexcept {
  if (log_ == nullptr) return false;
  const auto now = clock::now().time_since_epoch().count();
  auto before = last.load(std::memory_order_relaxed);
  if (before != 0 && now - before < std::chrono::nanoseconds(told_every).count()) return false;
  return last.compare_exchange_strong(before, now, std::memory_order_relaxed);
}

void tally::took(std::chrono::nanoseconds span) noexcept {
  calls_.fetch_add(1, std::memory_order_relaxed);
  total_.fetch_add(span.count(), std::memory_order_relaxed);
  auto most = slowest_.load(std::memory_order_relaxed);
  while (span.count() > most &&
         !slowest_.compare_exchange_weak(most, span.count(), std::memory_order_relaxed)) {
  }
  if (span <= slow_after_) return;
  const auto times = slow_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (!may_tell(slow_told_)) return;
  log_->warn("controller.slow", {{"name", name_},
                                 {"us", std::chrono::duration_cast<std::chrono::microseconds>(span).count()},
                                 {"times", times}});
}

void tally::failed(std::string_view by, std::string_view why) noexcept {
  const auto times = failures_.fetch_add(1, std::memory_order_relaxed) + 1;
  try {
    const std::scoped_lock lock(mutex_);
    last_failure_ = why;
  } catch (...) {  // without memory for the text the count still tells
  }
  if (!may_tell(failure_told_)) return;
  log_->warn("controller.failed", {{"name", name_}, {"in", by}, {"why", why}, {"times", times}});
}

void tally::past_limit() noexcept {
  if (past_limit_row_.fetch_add(1, std::memory_order_relaxed) + 1 < past_limit_max) return;
  const auto until = clock::now() + rest_span;
  if (rest_until_.exchange(until.time_since_epoch().count(), std::memory_order_relaxed) != 0) return;
  if (log_ == nullptr) return;
  log_->error("controller.rests",
              {{"name", name_}, {"why", "it runs past its limits"}, {"s", rest_span.count()}});
}

void tally::end_row() noexcept {
  past_limit_row_.store(0, std::memory_order_relaxed);
  rest_until_.store(0, std::memory_order_relaxed);
}

/// At its end the override is asked again, and rests again at once when that goes wrong too.
bool tally::still_rests() noexcept {
  auto until = rest_until_.load(std::memory_order_relaxed);
  if (until == 0) return false;
  if (clock::now().time_since_epoch().count() < until) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  rest_until_.compare_exchange_strong(until, 0, std::memory_order_relaxed);
  return false;
}

controller_status tally::status() const {
  controller_status out;
  out.name = name_;
  out.calls = calls_.load(std::memory_order_relaxed);
  out.failures = failures_.load(std::memory_order_relaxed);
  out.slow = slow_.load(std::memory_order_relaxed);
  out.total = std::chrono::nanoseconds(total_.load(std::memory_order_relaxed));
  out.slowest = std::chrono::nanoseconds(slowest_.load(std::memory_order_relaxed));
  const std::scoped_lock lock(mutex_);
  out.last_failure = last_failure_;
  return out;
}

}  // namespace evergate::decide
