#include "virtual_time.h"

#include <algorithm>
#include <memory>

namespace evergate::simulation {

ticket virtual_time::add(timeline& owner, base::instant when, std::string_view what, task work) {
  when = std::max(when, now_);
  const ticket number = next_++;
  queue_.emplace(when, number);
  entries_.emplace(number, entry{&owner, when, what, std::move(work)});
  return number;
}

void virtual_time::remove(ticket which) {
  const auto found = entries_.find(which);
  if (found == entries_.end()) return;
  queue_.erase({found->second.when, which});
  entries_.erase(found);
}

void virtual_time::forget(const timeline& owner) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    if (at->second.owner != &owner) {
      ++at;
      continue;
    }
    queue_.erase({at->second.when, at->first});
    at = entries_.erase(at);
  }
}

bool virtual_time::step() {
  for (;;) {
    if (queue_.empty()) return false;
    const auto [when, number] = *queue_.begin();
    queue_.erase(queue_.begin());
    const auto found = entries_.find(number);
    auto& next = found->second;
    if (const auto until = next.owner->frozen_until(); until > when) {
      next.when = until;
      queue_.emplace(until, number);
      continue;
    }
    now_ = when;
    ++steps_;
    log_.at(now_);
    log_.mark(next.what);
    const auto work = std::make_unique<task>(std::move(next.work));
    entries_.erase(found);
    (*work)();
    return true;
  }
}

}  // namespace evergate::simulation
