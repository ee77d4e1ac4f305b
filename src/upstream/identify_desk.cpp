#include "upstream/identify_desk.h"

#include <algorithm>
#include <utility>

namespace evergate::upstream {

identify_desk::identify_desk(net::event_loop& loop, proto::identify_options options,
                             base::milliseconds info_age_max, base::logger& log,
                             const decide::desk& decisions, const proto::identify_book& book, on_turn turn,
                             on_stale stale)
    : info_age_max_(info_age_max),
      log_(log),
      decisions_(decisions),
      turn_(std::move(turn)),
      stale_(std::move(stale)),
      timer_(loop),
      scheduler_(options),
      ledger_({.breaker = options.reserve, .reserve = options.reshard_reserve}, book) {}

void identify_desk::set_info(const gateway_info& info) {
  const auto now_ms = base::unix_time_ms();
  {
    const std::scoped_lock lock(mutex_);
    info_ = info;
    ledger_.told(info.total, info.remaining, info.reset_after.count(), now_ms);
    scheduler_.set_limits({info.max_concurrency, info.total, ledger_.remaining(now_ms),
                           base::boot_clock::now() + info.reset_after});
  }
  if (keep_) keep_(ledger_.book());
  keep_info();
}

void identify_desk::keep_info() {
  info_at_ = base::boot_clock::now();
  asking_ = false;
  pump();
}

void identify_desk::request(proto::identify_slot who, proto::identify_cause cause) {
  {
    const std::scoped_lock lock(mutex_);
    scheduler_.request(who, cause);
  }
  pump();
}

void identify_desk::open_reserve(std::uint32_t fleet) {
  const std::scoped_lock lock(mutex_);
  scheduler_.open_reserve(fleet);
}

void identify_desk::cancel(proto::identify_slot who) {
  {
    const std::scoped_lock lock(mutex_);
    scheduler_.cancel(who);
  }
  forget(who);
  pump();
}

void identify_desk::cancel_fleet(std::uint32_t fleet) {
  {
    const std::scoped_lock lock(mutex_);
    scheduler_.cancel_fleet(fleet);
  }
  std::erase_if(put_off_, [fleet](const put_off& one) { return one.who.fleet == fleet; });
  pump();
}

void identify_desk::sent(proto::identify_slot who, proto::identify_cause cause, base::instant at) {
  {
    const std::scoped_lock lock(mutex_);
    ledger_.sent(cause, base::unix_time_ms());
    scheduler_.sent(who, at);
  }
  if (keep_) keep_(ledger_.book());
  pump();
}

void identify_desk::refused(proto::identify_slot who, base::instant at) {
  {
    const std::scoped_lock lock(mutex_);
    scheduler_.refused(who, at);
  }
  pump();
}

void identify_desk::stop() {
  stopped_ = true;
  timer_.cancel();
}

bool identify_desk::put_some_off(std::vector<proto::identify_scheduler::turn>& turns, base::instant now) {
  if (!decisions_.permit_identify.overridden()) return false;
  const auto waits = [this, now](const proto::identify_scheduler::turn& t) {
    const proto::identify_slot who{t.shard, t.fleet};
    const auto before = std::ranges::find(put_off_, who, &put_off::who);
    const identify_question asked{
        .shard = t.shard,
        .bucket = t.shard % std::max(scheduler_.buckets(), 1U),
        .cause = proto::name_of(t.cause),
        .remaining = scheduler_.remaining(),
        .asked_before = before == put_off_.end() ? 0 : before->times,
    };
    const auto pause =
        decisions_.permit_identify.ask(asked, [](const auto&) { return base::milliseconds{0}; });
    if (pause.count() == 0) {
      forget(who);
      return false;
    }
    {
      const std::scoped_lock lock(mutex_);
      scheduler_.cancel(who);
    }
    if (before == put_off_.end()) {
      put_off_.push_back({who, t.cause, now + pause});
    } else {
      *before = {who, t.cause, now + pause, false, before->times + 1};
    }
    return true;
  };
  return std::erase_if(turns, waits) != 0;
}

void identify_desk::line_up_again(base::instant now) {
  for (auto& one : put_off_) {
    if (one.in_line || now < one.until) continue;
    one.in_line = true;
    const std::scoped_lock lock(mutex_);
    scheduler_.request(one.who, one.cause);
  }
}

void identify_desk::forget(proto::identify_slot who) {
  std::erase_if(put_off_, [who](const put_off& one) { return one.who == who; });
}

identify_state identify_desk::state() const {
  const std::scoped_lock lock(mutex_);
  return {info_, scheduler_.bucket_states(), ledger_.book(), ledger_.remaining(base::unix_time_ms())};
}

void identify_desk::pump() {
  if (stopped_ || asking_ || !scheduler_.knows_limits()) return;
  const auto now = base::boot_clock::now();
  if (scheduler_.waiting() > 0 && now - info_at_ > info_age_max_) {
    asking_ = true;
    stale_();
    return;
  }
  line_up_again(now);
  turns_.clear();
  for (bool again = true; again;) {
    std::vector<proto::identify_scheduler::turn> given;
    {
      const std::scoped_lock lock(mutex_);
      scheduler_.step(now, given);
    }
    again = put_some_off(given, now);
    turns_.insert(turns_.end(), given.begin(), given.end());
  }
  // A turn's taker may ask for another from inside.
  const auto turns = turns_;
  for (const auto& t : turns) turn_({t.shard, t.fleet}, t.not_before);
  auto next = scheduler_.next(now);
  for (const auto& one : put_off_) {
    if (!one.in_line) next = std::min(next.value_or(base::instant::max()), one.until);
  }
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
