#include "app/worker_meter.h"

#include <algorithm>

namespace evergate::app {

void worker_meter::sample(const std::vector<std::uint64_t>& events, base::instant now) {
  const std::scoped_lock lock(mutex_);
  const double seconds = std::chrono::duration<double>(now - at_).count();
  const bool first = at_ == base::instant{};
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    const mark current{loops_[i]->cpu_time(), events[i]};
    if (!first && seconds > 0) {
      const auto used = std::chrono::duration<double>(current.cpu - last_[i].cpu).count();
      const auto came = current.events >= last_[i].events ? current.events - last_[i].events : 0;
      load_[i] = {std::clamp(used / seconds, 0.0, 1.0), static_cast<double>(came) / seconds};
    }
    last_[i] = current;
  }
  at_ = now;
}

std::vector<worker_meter::reading> worker_meter::load() const {
  const std::scoped_lock lock(mutex_);
  return load_;
}

}  // namespace evergate::app
