// Answers that the journal will give, so that whoever waits for one is told at the latest when the gateway
// stops. Thread-safe. Bounded by what the program asks for at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "base/result.h"

namespace evergate::app {

class pending_answers {
 public:
  using refusal = std::move_only_function<void(base::error)>;

  /// `refuse` is called by end() unless take() has been; 0 after end(): nothing is kept, the caller refuses.
  [[nodiscard]] std::uint64_t add(refusal refuse) {
    const std::scoped_lock lock(mutex_);
    if (ended_) return 0;
    waiting_.emplace(++last_, std::move(refuse));
    return last_;
  }
  /// True once: the answer is the caller's to give.
  [[nodiscard]] bool take(std::uint64_t id) {
    const std::scoped_lock lock(mutex_);
    return waiting_.erase(id) != 0;
  }
  /// Refuses whoever waits; `call` calls a function of the program's, which may throw.
  void end(const base::error& why, const std::function<void(const std::function<void()>&)>& call) {
    std::map<std::uint64_t, refusal> left;
    {
      const std::scoped_lock lock(mutex_);
      ended_ = true;
      left.swap(waiting_);
    }
    for (auto& [id, refuse] : left) call([&refuse, &why] { refuse(why); });
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, refusal> waiting_;
  std::uint64_t last_ = 0;
  bool ended_ = false;
};

}  // namespace evergate::app
