#include "journal/checkpoint_keeper.h"

#include <utility>

#include "base/thread_name.h"

namespace evergate::journal {

checkpoint_keeper::checkpoint_keeper(mirror& from, int level, std::size_t bytes_max,
                                     std::move_only_function<void()> ready)
    : mirror_(from), level_(level), bytes_max_(bytes_max), ready_(std::move(ready)) {}

checkpoint_keeper::~checkpoint_keeper() {
  stop();
}

void checkpoint_keeper::start() {
  thread_ = std::thread([this] {
    base::name_thread("keeper");
    run();
  });
}

void checkpoint_keeper::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void checkpoint_keeper::ask(const std::vector<checkpoint_request>& wanted) {
  if (wanted.empty()) return;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& one : wanted) {
      if (one.urgent) {
        wanted_.push_front(one);
      } else {
        wanted_.push_back(one);
      }
    }
  }
  changed_.notify_all();
}

std::vector<checkpoint> checkpoint_keeper::take() {
  std::vector<checkpoint> out;
  {
    const std::scoped_lock lock(mutex_);
    out = std::exchange(made_, {});
    made_bytes_ = 0;
  }
  if (!out.empty()) changed_.notify_all();
  return out;
}

std::size_t checkpoint_keeper::waiting() const {
  const std::scoped_lock lock(mutex_);
  return wanted_.size();
}

void checkpoint_keeper::run() {
  for (;;) {
    checkpoint_request next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || (!wanted_.empty() && made_bytes_ <= bytes_max_); });
      if (stopping_) return;
      next = wanted_.front();
      wanted_.pop_front();
    }
    auto made = make_checkpoint(mirror_, next, level_);
    bool first = false;
    {
      const std::scoped_lock lock(mutex_);
      first = made_.empty();
      made_bytes_ += made.compressed.size() + sizeof(made);
      made_.push_back(std::move(made));
    }
    if (first) ready_();
  }
}

}  // namespace evergate::journal
