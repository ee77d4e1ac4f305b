// The thread on which the library's user is called: events, answers, and what is to be looked at when the
// journal has committed. One call after the other; what is called may take its time. Owned by the
// application; methods are thread-safe. Bounded: news_max pieces of news wait, then further ones are dropped
// and counted (answers never are: each was asked for).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/log.h"

namespace evergate::app {

class event_thread {
 public:
  using task = std::move_only_function<void()>;
  static constexpr std::size_t news_max = 65'536;

  explicit event_thread(base::logger& log) : log_(log) {}
  ~event_thread() { stop(); }

  /// `look` is called after each wake(), on the thread.
  void start(std::function<void()> look);
  /// Runs what is queued, then ends; timers that have not come are dropped. Not on the thread itself.
  void stop();

  /// News for a function of the user's, which `what` names; false when it was dropped.
  bool tell(std::string_view what, task work);
  /// An answer; false when the thread does not run (any more): then it is the caller's to give.
  bool answer(task& work);
  void at(base::instant when, task work);
  void wake();
  /// Calls `work`; what it throws is logged and counted.
  void guarded(std::string_view what, const std::function<void()>& work);

  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }

 private:
  struct item {
    std::string_view what;  ///< a literal
    task work;
  };
  void run();
  void call(std::string_view what, task& work);
  [[nodiscard]] bool take(item& out, bool& look);

  base::logger& log_;
  std::function<void()> look_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<item> queue_;
  std::multimap<base::instant, task> timers_;
  bool woken_ = false;
  bool running_ = false;
  std::atomic<std::uint64_t> failures_{0};
  std::thread thread_;
};

}  // namespace evergate::app
