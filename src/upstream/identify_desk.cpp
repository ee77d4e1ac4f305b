#include "upstream/identify_desk.h"

#include <algorithm>
#include <utility>

namespace evergate::upstream {

identify_desk::identify_desk(net::event_loop& loop, proto::identify_options options,
                             base::milliseconds info_age_max, base::logger& log, on_turn turn, on_stale stale)
    : info_age_max_(info_age_max),
      log_(log),
      turn_(std::move(turn)),
      stale_(std::move(stale)),
      timer_(loop),
      scheduler_(options) {}

void identify_desk::set_info(const gateway_info& info) {
  const auto now = base::boot_clock::now();
  scheduler_.set_limits({info.max_concurrency, info.total, info.remaining, now + info.reset_after});
  keep_info();
}

void identify_desk::keep_info() {
  info_at_ = base::boot_clock::now();
  asking_ = false;
  pump();
}

void identify_desk::request(std::uint32_t shard) {
  scheduler_.request(shard);
  pump();
}

void identify_desk::cancel(std::uint32_t shard) {
  scheduler_.cancel(shard);
  pump();
}

void identify_desk::sent(std::uint32_t shard, base::instant at) {
  scheduler_.sent(shard, at);
  pump();
}

void identify_desk::refused(std::uint32_t shard, base::instant at) {
  scheduler_.refused(shard, at);
  pump();
}

void identify_desk::stop() {
  stopped_ = true;
  timer_.cancel();
}

void identify_desk::pump() {
  if (stopped_ || asking_ || !scheduler_.knows_limits()) return;
  const auto now = base::boot_clock::now();
  if (scheduler_.waiting() > 0 && now - info_at_ > info_age_max_) {
    asking_ = true;
    stale_();
    return;
  }
  turns_.clear();
  scheduler_.step(now, turns_);
  for (const auto& t : turns_) turn_(t.shard, t.not_before);
  auto next = scheduler_.next(now);
  const bool budget_short = scheduler_.waiting() > 0 && turns_.empty() && scheduler_.spent();
  if (budget_short) {
    if (!std::exchange(short_told_, true)) {
      log_.error("identify.budget_spent",
                 {{"waiting", scheduler_.waiting()}, {"remaining", scheduler_.remaining()}});
    }
    // Discord may give more before the time it told.
    next = std::min(next.value_or(base::instant::max()), info_at_ + info_age_max_ + base::milliseconds{1});
  }
  if (!budget_short) short_told_ = false;
  if (next)
    timer_.arm(*next, [this] { pump(); });
  else
    timer_.cancel();
}

}  // namespace evergate::upstream
