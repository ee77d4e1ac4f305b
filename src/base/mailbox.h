// A bounded queue between threads: any thread puts, one thread takes everything at once, so that the lock
// is paid per batch. Bounds items and weight (bytes); a put that would pass either bound is refused and
// the caller decides (it keeps the item and pauses its source).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace evergate::base {

template <class T>
class mailbox {
 public:
  mailbox(std::size_t items_max, std::size_t weight_max) : items_max_(items_max), weight_max_(weight_max) {}

  /// Moves `item` in and returns true, or leaves it untouched and returns false when a bound is reached or
  /// the box is closed. An item heavier than the bound is accepted into an empty box.
  [[nodiscard]] bool try_put(T& item, std::size_t weight = 0) {
    {
      const std::scoped_lock lock(mutex_);
      const bool full = items_.size() >= items_max_ || (weight_ + weight > weight_max_ && !items_.empty());
      if (closed_ || full) return false;
      items_.push_back(std::move(item));
      weight_ += weight;
    }
    ready_.notify_one();
    return true;
  }

  /// Waits until something is there, the box is closed or `until` has come, then takes everything into
  /// `out` (cleared first). False once the box is closed and empty.
  bool take(std::vector<T>& out, instant until) {
    out.clear();
    std::unique_lock lock(mutex_);
    if (items_.empty() && !closed_) {
      const auto left = until - boot_clock::now();
      if (left > nanoseconds::zero()) {
        ready_.wait_for(lock, left, [this] { return !items_.empty() || closed_ || woken_; });
      }
    }
    woken_ = false;
    std::swap(items_, out);
    weight_ = 0;
    return !(closed_ && out.empty());
  }

  /// Makes a waiting take() return although nothing was put.
  void wake() {
    {
      const std::scoped_lock lock(mutex_);
      woken_ = true;
    }
    ready_.notify_one();
  }

  /// Refuses further puts; what is inside can still be taken.
  void close() {
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
  }

 private:
  const std::size_t items_max_;
  const std::size_t weight_max_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<T> items_;
  std::size_t weight_ = 0;
  bool closed_ = false;
  bool woken_ = false;
};

}  // namespace evergate::base
