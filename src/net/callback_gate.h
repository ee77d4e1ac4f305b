// Lets an object promise "no callback after my destructor" although its callbacks run on several loops:
// each callback passes the gate, and close() waits for those of other threads that are inside. One lock per
// callback, so for requests, not for events. Thread-safe.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace evergate::net {

class callback_gate {
 public:
  /// Runs `work` unless the gate is closed; false if it is.
  template <class Work>
  bool pass(Work&& work) {
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) return false;
      inside_.push_back(std::this_thread::get_id());
    }
    std::forward<Work>(work)();
    {
      const std::scoped_lock lock(mutex_);
      inside_.erase(std::ranges::find(inside_, std::this_thread::get_id()));
    }
    left_.notify_all();
    return true;
  }

  /// From inside a callback it waits for the other threads only.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    const auto mine = std::this_thread::get_id();
    left_.wait(lock,
               [&] { return std::ranges::all_of(inside_, [&](std::thread::id id) { return id == mine; }); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  std::vector<std::thread::id> inside_;
  bool closed_ = false;
};

}  // namespace evergate::net
