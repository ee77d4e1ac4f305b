#include "app/event_thread.h"

#include <exception>
#include <utility>

#include "base/thread_name.h"

namespace evergate::app {

void event_thread::start(std::function<void()> look) {
  look_ = std::move(look);
  running_ = true;
  thread_ = std::thread([this] {
    base::name_thread("events");
    run();
  });
}

void event_thread::stop() {
  {
    const std::scoped_lock lock(mutex_);
    running_ = false;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  timers_.clear();
}

bool event_thread::tell(std::string_view what, task work) {
  {
    const std::scoped_lock lock(mutex_);
    if (!running_) return false;
    if (queue_.size() >= news_max) {
      failures_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    queue_.push_back({what, std::move(work)});
  }
  changed_.notify_one();
  return true;
}

bool event_thread::answer(task& work) {
  {
    const std::scoped_lock lock(mutex_);
    if (!running_) return false;
    queue_.push_back({"answer", std::move(work)});
  }
  changed_.notify_one();
  return true;
}

void event_thread::at(base::instant when, task work) {
  {
    const std::scoped_lock lock(mutex_);
    if (!running_) return;
    timers_.emplace(when, std::move(work));
  }
  changed_.notify_one();
}

void event_thread::wake() {
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(woken_, true)) return;
  }
  changed_.notify_one();
}

void event_thread::guarded(std::string_view what, const std::function<void()>& work) {
  const auto complain = [this, what](const char* why) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    log_.error("event.threw", {{"event", what}, {"what", why}});
  };
  try {
    work();
  } catch (const std::exception& problem) {
    complain(problem.what());
  } catch (...) {
    complain("something that is no std::exception");
  }
}

void event_thread::call(std::string_view what, task& work) {
  guarded(what, [&work] { work(); });
}

bool event_thread::take(item& out, bool& look) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!queue_.empty()) {
      out = std::move(queue_.front());
      queue_.pop_front();
      return true;
    }
    if (!running_) return false;
    if (!timers_.empty() && timers_.begin()->first <= base::boot_clock::now()) {
      out = {"timer", std::move(timers_.begin()->second)};
      timers_.erase(timers_.begin());
      return true;
    }
    look = std::exchange(woken_, false);
    if (look) {
      out = {};
      return true;
    }
    if (timers_.empty()) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, timers_.begin()->first - base::boot_clock::now());
    }
  }
}

void event_thread::run() {
  item next;
  bool look = false;
  while (take(next, look)) {
    if (next.work) call(next.what, next.work);
    if (std::exchange(look, false)) look_();
  }
}

}  // namespace evergate::app
