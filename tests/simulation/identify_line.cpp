#include "identify_line.h"

#include <algorithm>
#include <vector>

namespace evergate::simulation {
namespace {

constexpr base::milliseconds info_age_max{300'000};
constexpr base::milliseconds info_retry{5'000};

}  // namespace

void identify_line::leave(std::uint32_t fleet) {
  tenants_.erase(fleet);
  scheduler_.cancel_fleet(fleet);
  if (!tenants_.empty()) pump_soon();
}

void identify_line::ask() {
  if (std::exchange(asking_, true)) return;
  time_.in(base::milliseconds(20 + chance_.below(100)), "gateway info", [this] {
    const auto limits = world_.limits(time_.now());
    asking_ = false;
    info_at_ = time_.now();
    if (limits) {
      scheduler_.set_limits(*limits);
    } else if (!scheduler_.knows_limits()) {
      time_.in(info_retry, "gateway info again", [this] { ask(); });
    }
    pump();
  });
}

void identify_line::pump_soon() {
  time_.soon("identify desk", [this] { pump(); });
}

std::uint32_t identify_line::allowance() const {
  const auto kept = options_.reserve + options_.reshard_reserve;
  if (!scheduler_.knows_limits() || scheduler_.remaining() <= kept) return 0;
  return scheduler_.remaining() - kept;
}

void identify_line::pump() {
  if (tenants_.empty() || asking_ || !scheduler_.knows_limits()) return;
  if (scheduler_.waiting() > 0 && time_.now() - info_at_ > info_age_max) return ask();
  std::vector<proto::identify_scheduler::turn> turns;
  scheduler_.step(time_.now(), turns);
  for (const auto& t : turns) {
    time_.soon("identify turn", [this, t] {
      if (const auto of = tenants_.find(t.fleet); of != tenants_.end()) of->second(t.shard, t.not_before);
    });
  }
  time_.cancel(timer_);
  auto next = scheduler_.next(time_.now());
  if (scheduler_.waiting() > 0 && turns.empty() && scheduler_.spent()) {
    // Discord may give more before the time it told; see identify_desk.
    log_.mark("identify budget is spent");
    next = std::min(next.value_or(base::instant::max()), info_at_ + info_age_max + base::milliseconds{1});
  }
  if (next) {
    timer_ = time_.at(*next, "identify timer", [this] {
      timer_ = 0;
      pump();
    });
  }
}

}  // namespace evergate::simulation
