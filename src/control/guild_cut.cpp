#include "control/guild_cut.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/seeded_bug.h"

namespace evergate::control {
namespace {

/// Takes the first equal identity out; false when there is none. The front is where it should be.
template <class Queue, class Identity>
bool take_equal(Queue& from, const event_identity& what, Identity identity) {
  const auto at = std::ranges::find_if(from, [&](const auto& e) { return identity(e).same_as(what); });
  if (at == from.end()) return false;
  from.erase(at);
  return true;
}

const event_identity& itself(const event_identity& what) {
  return what;
}

template <class Event>
const event_identity& what_of(const Event& event) {
  return event.what;
}

template <class Queue>
std::optional<std::size_t> only_one(const Queue& in, const event_identity& what) noexcept {
  std::optional<std::size_t> found;
  for (std::size_t i = in.size(); i > 0; --i) {
    if (!in[i - 1].what.same_as(what)) continue;
    if (found) return std::nullopt;
    found = i - 1;
  }
  return found;
}

}  // namespace

void cut_counts::add(const cut_counts& more) noexcept {
  matched += more.matched;
  delivered_before += more.delivered_before;
  delivered_after += more.delivered_after;
  lost += more.lost;
  doubled += more.doubled;
  doubles_averted += more.doubles_averted;
  one_sided += more.one_sided;
  reordered += more.reordered;
}

cut_counts cut_counts::since(const cut_counts& earlier) const noexcept {
  return {.matched = matched - earlier.matched,
          .delivered_before = delivered_before - earlier.delivered_before,
          .delivered_after = delivered_after - earlier.delivered_after,
          .lost = lost - earlier.lost,
          .doubled = doubled - earlier.doubled,
          .doubles_averted = doubles_averted - earlier.doubles_averted,
          .one_sided = one_sided - earlier.one_sided,
          .reordered = reordered - earlier.reordered};
}

guild_cut::guild_cut(const cut_options& options, base::instant now) noexcept
    : options_(&options), since_(now), serving_last_(now), joining_last_(now), seen_since_(now) {}

void guild_cut::open(base::instant now) noexcept {
  if (std::exchange(open_, true)) return;
  open_since_ = now;
}

verdict guild_cut::arrived(role from, const arriving_event& event, base::instant now, released& out) {
  return from == role::serving ? serving_arrived(event, now, out) : joining_arrived(event, now, out);
}

verdict guild_cut::serving_arrived(const arriving_event& event, base::instant now, released& out) {
  if (stage_ == stage::moved) {
    audit_left(held_event(event, now));
    return verdict::drop;
  }
  serving_last_ = now;
  if (take_equal(repeats_, event.what, what_of<seen_event>)) {
    ++counts_.matched;
    remember(event.what, now);
    return verdict::drop;
  }
  if (stage_ == stage::handover) {
    hold(serving_held_, event, now);
    return verdict::hold;
  }
  ++counts_.delivered_before;
  remember(event.what, now);
  if (event.what.kind == identity_kind::unique && may_cut(now) && only_seen(event.what)) {
    const auto partner = only_held(event.what);
    if (partner && !crosses(serving_seen_.size() - 1, *partner)) {
      cut_here(serving_seen_.size() - 1, *partner, now, out);
    }
  }
  return verdict::deliver;
}

void guild_cut::remember(const event_identity& what, base::instant now) {
  serving_seen_.push_back({what, now});
  if (serving_seen_.size() <= options_->seen_items_max) return;
  seen_since_ = serving_seen_.front().at + base::nanoseconds{1};
  serving_seen_.pop_front();
}

verdict guild_cut::joining_arrived(const arriving_event& event, base::instant now, released& out) {
  if (stage_ == stage::moved) {
    if (event.what.kind == identity_kind::unique && was_delivered(event.what)) {
      ++counts_.doubles_averted;
      return verdict::drop;
    }
    audit_new(event.what, now);
    ++counts_.delivered_after;
    return verdict::deliver;
  }
  joining_last_ = now;
  if (stage_ == stage::handover) return owed_arrived(event, now, out);
  if (let_go_at_) {
    // It may be a copy of what was delivered before then: no later one must be taken for it.
    if (joining_proved_ < *let_go_at_ + options_->skew_max) return verdict::hold;
    let_go_at_.reset();
  }
  hold(joining_held_, event, now);
  if (event.what.kind == identity_kind::unique && may_cut(now) && only_held(event.what)) {
    const auto partner = only_seen(event.what);
    if (partner && !crosses(*partner, joining_held_.size() - 1)) {
      cut_here(*partner, joining_held_.size() - 1, now, out);
      return verdict::drop;
    }
  }
  return verdict::hold;
}

verdict guild_cut::owed_arrived(const arriving_event& event, base::instant now, released& out) {
  if (!owed_.front().same_as(event.what)) {
    if (!take_equal(owed_, event.what, itself)) {
      hold(joining_held_, event, now);
      return verdict::hold;
    }
    ++counts_.reordered;
  } else {
    owed_.pop_front();
  }
  ++counts_.matched;
  if (owed_.empty()) finish(now, out);
  return verdict::drop;
}

std::optional<std::size_t> guild_cut::only_seen(const event_identity& what) const noexcept {
  return only_one(serving_seen_, what);
}

std::optional<std::size_t> guild_cut::only_held(const event_identity& what) const noexcept {
  return only_one(joining_held_, what);
}

bool guild_cut::may_cut(base::instant now) const noexcept {
  // Discord repeats even events with an id now and then: a first one just before we began to look would
  // make the second look single.
  return open_ && joining_session_ == session::there && now >= since_ + options_->skew_max;
}

bool guild_cut::crosses(std::size_t serving_place, std::size_t joining_place) const {
  std::unordered_set<std::uint64_t> before;
  for (std::size_t i = 0; i < serving_place; ++i) {
    if (serving_seen_[i].what.kind == identity_kind::unique) before.insert(serving_seen_[i].what.low);
  }
  for (std::size_t j = joining_place + 1; j < joining_held_.size(); ++j) {
    if (before.contains(joining_held_[j].what.low)) return true;
  }
  before.clear();
  for (std::size_t j = 0; j < joining_place; ++j) {
    if (joining_held_[j].what.kind == identity_kind::unique) before.insert(joining_held_[j].what.low);
  }
  for (std::size_t i = serving_place + 1; i < serving_seen_.size(); ++i) {
    if (before.contains(serving_seen_[i].what.low)) return true;
  }
  return false;
}

void guild_cut::cut_here(std::size_t serving_place, std::size_t joining_place, base::instant now,
                         released& out) {
  lean_queue<event_identity> owed;
  for (std::size_t i = serving_place + 1; i < serving_seen_.size(); ++i)
    owed.push_back(serving_seen_[i].what);
  lean_queue<held_event> after;
  for (std::size_t j = 0; j < joining_held_.size(); ++j) {
    auto& event = joining_held_[j];
    if (j < joining_place) {
      drop_or_rescue(std::move(event), out);
    } else if (j == joining_place || take_equal(owed, event.what, itself)) {
      ++counts_.matched;
    } else {
      after.push_back(std::move(event));
    }
  }
  joining_held_ = std::move(after);
  recount();
  if (base::seeded_bug(base::bug::cut_owes_nothing)) owed.clear();
  hand_over(std::move(owed), cut_kind::unique_event, now, out);
}

/// For what the joining side brought before the cut: the serving side has delivered it, or will never bring
/// it. The latter is certain only of an event that has an id and that would be remembered: not of one that
/// may have been under way for long, as after a RESUME.
void guild_cut::drop_or_rescue(held_event&& event, released& out) {
  if (event.what.kind != identity_kind::unique || event.proved < seen_since_ + options_->skew_max ||
      was_delivered(event.what)) {
    ++counts_.matched;
    return;
  }
  ++counts_.one_sided;
  release(std::move(event), out);
}

void guild_cut::cut_in_silence(base::instant now, released& out) {
  auto held = std::exchange(joining_held_, {});
  for (auto& event : held) drop_or_rescue(std::move(event), out);
  hand_over({}, cut_kind::silence, now, out);
}

/// What is most likely right, and recorded as a GAP since it is not proven.
void guild_cut::cut_blindly(base::instant now, released& out) {
  lean_queue<seen_event> unmatched = serving_seen_;
  lean_queue<held_event> after;
  for (auto& event : joining_held_) {
    if (take_equal(unmatched, event.what, what_of<seen_event>))
      ++counts_.matched;
    else
      after.push_back(std::move(event));
  }
  joining_held_ = std::move(after);
  recount();
  lean_queue<event_identity> owed;
  for (const auto& seen : unmatched) {
    if (joining_proved_ < seen.at + options_->skew_max) owed.push_back(seen.what);
  }
  hand_over(std::move(owed), cut_kind::gap, now, out);
}

void guild_cut::hand_over(lean_queue<event_identity> owed, cut_kind kind, base::instant now, released& out) {
  owed_ = std::move(owed);
  audit_over_ = serving_session_ != session::there;
  // They would have come before whatever the cut was made at.
  counts_.one_sided += repeats_.size();
  repeats_.clear();
  kind_ = kind;
  cut_at_ = now;
  stage_ = stage::handover;
  if (owed_.empty()) finish(now, out);
}

void guild_cut::finish(base::instant now, released& out) {
  stage_ = stage::moved;
  moved_at_ = now;
  counts_.one_sided += owed_.size();
  owed_.clear();
  auto after = std::exchange(joining_held_, {});
  held_bytes_ = 0;
  for (auto& event : after) {
    audit_new(event.what, event.at);
    release(std::move(event), out);
  }
  for (auto& event : std::exchange(serving_held_, {})) audit_left(std::move(event));
}

void guild_cut::release(held_event&& event, released& out) {
  if (event.what.kind == identity_kind::unique && was_delivered(event.what)) {
    ++counts_.doubles_averted;
    return;
  }
  ++counts_.delivered_after;
  out.push_back(std::move(event));
}

bool guild_cut::was_delivered(const event_identity& what) const noexcept {
  return std::ranges::any_of(serving_seen_, [&](const seen_event& e) { return e.what.same_as(what); });
}

/// After the cut each event must still come on both sides; what comes on the left one only was lost.
void guild_cut::audit_left(held_event&& event) {
  if (audit_over_) return;
  if (take_equal(fresh_, event.what, what_of<seen_event>)) {
    ++counts_.matched;
    return;
  }
  held_bytes_ += event.size();
  late_.push_back(std::move(event));
  if (late_.size() > options_->held_items_max || held_bytes_ > options_->held_bytes_max) end_audit();
}

void guild_cut::audit_new(const event_identity& what, base::instant now) {
  if (audit_over_) return;
  const auto same = std::ranges::find_if(late_, [&](const held_event& e) { return e.what.same_as(what); });
  if (same != late_.end()) {
    held_bytes_ -= same->size();
    late_.erase(same);
    ++counts_.matched;
    return;
  }
  fresh_.push_back({what, now});
  // One side is further ahead than is remembered: what comes of the other would look lost.
  if (fresh_.size() > options_->seen_items_max) end_audit();
}

void guild_cut::hold(lean_queue<held_event>& where, const arriving_event& event, base::instant now) {
  const auto proved = &where == &joining_held_ ? joining_proved_ : base::instant{};
  held_bytes_ += where.push_back(held_event(event, now, proved)).size();
  while (where.size() > 1 &&
         (where.size() > options_->held_items_max || held_bytes_ > options_->held_bytes_max)) {
    held_bytes_ -= where.front().size();
    where.pop_front();
    if (&where == &serving_held_) serving_whole_ = false;
  }
}

void guild_cut::recount() noexcept {
  held_bytes_ = 0;
  for (const auto& event : joining_held_) held_bytes_ += event.size();
  for (const auto& event : serving_held_) held_bytes_ += event.size();
  for (const auto& event : late_) held_bytes_ += event.size();
}

void guild_cut::proved(role side, base::instant sent, base::instant now, released& out) {
  const auto skew = options_->skew_max;
  auto& proved = side == role::serving ? serving_proved_ : joining_proved_;
  proved = std::max(proved, sent);
  if (stage_ == stage::moved) {
    if (side == role::serving) {
      left_proved_ = std::max(left_proved_, sent);
      while (!fresh_.empty() && fresh_.front().at + skew <= sent) {
        // What the left side does not show after the cut, it has shown before, or never.
        ++(was_delivered(fresh_.front().what) ? counts_.doubled : counts_.one_sided);
        fresh_.pop_front();
      }
    } else {
      while (!late_.empty() && late_.front().at + skew <= sent) {
        held_bytes_ -= late_.front().size();
        late_.pop_front();
        ++counts_.lost;
      }
      if (sent >= moved_at_ + 2 * skew) serving_seen_.clear();
    }
    return;
  }
  if (side == role::serving) {
    while (!repeats_.empty() && repeats_.front().at + skew <= sent) {
      repeats_.pop_front();
      ++counts_.one_sided;
    }
  }
  if (stage_ == stage::handover) {
    // What has not come by now will not come.
    if (side == role::joining && sent >= cut_at_ + skew) finish(now, out);
    return;
  }
  const bool by_clock = base::seeded_bug(base::bug::cut_by_clock);
  const bool there = serving_session_ == session::there && joining_session_ == session::there;
  if (open_ && there && (by_clock || joining_proved_ >= serving_last_ + skew) &&
      serving_proved_ >= joining_last_ + skew) {
    return cut_in_silence(now, out);
  }
  trim();
}

/// Lets go of what the proofs have made useless: a held event that the serving side has brought too, and an
/// identity whose event the joining side has brought and whose held copy is gone.
void guild_cut::trim() {
  const auto skew = options_->skew_max;
  if (serving_session_ == session::there) {
    while (!joining_held_.empty() && joining_held_.front().at + skew <= serving_proved_) {
      held_bytes_ -= joining_held_.front().size();
      joining_held_.pop_front();
      ++counts_.matched;
    }
  }
  const auto both = std::min(serving_proved_, joining_proved_);
  while (!serving_seen_.empty() && serving_seen_.front().at + 2 * skew <= both) {
    seen_since_ = serving_seen_.front().at + base::nanoseconds{1};
    serving_seen_.pop_front();
  }
}

void guild_cut::lost(role side, base::instant now, released& out) {
  (side == role::serving ? serving_session_ : joining_session_) = session::lost;
  if (side == role::serving) repeats_.clear();
  if (stage_ == stage::moved) {
    const bool told_apart = kind_ != cut_kind::gap && !audit_over_;
    if (side == role::joining && told_apart && serving_session_ == session::there) {
      return return_to_serving(now, out);
    }
    end_audit();
    if (side == role::serving) left_proved_ = base::instant::max();
    return;
  }
  if (side == role::joining) {
    if (stage_ == stage::handover) take_back(out);
    joining_held_.clear();
    recount();
    return;
  }
  // What it shows from now on has a hole, so that it can take nothing back.
  if (stage_ == stage::handover) return end_audit();
  if (!may_cut(now)) return;
  // Nothing more comes on the serving side: the newest event that both have shown is the place.
  for (std::size_t i = serving_seen_.size(); i > 0; --i) {
    const auto& what = serving_seen_[i - 1].what;
    if (what.kind != identity_kind::unique || !only_seen(what)) continue;
    const auto partner = only_held(what);
    if (!partner) continue;
    if (!crosses(i - 1, *partner)) cut_here(i - 1, *partner, now, out);
    return;
  }
}

void guild_cut::awaited(role side, base::instant now) noexcept {
  (side == role::serving ? serving_session_ : joining_session_) = session::awaited;
  since_ = now;
}

void guild_cut::idle(base::instant now, released& out) {
  if (stage_ != stage::overlap || !open_) return;
  cut_in_silence(now, out);
  // Each session will show it at a time of its own.
  end_audit();
}

void guild_cut::return_to_serving(base::instant now, released& out) {
  stage_ = stage::overlap;
  kind_ = cut_kind::none;
  serving_seen_.clear();
  seen_since_ = serving_last_ = since_ = open_since_ = now;
  moved_at_ = left_proved_ = {};
  repeats_ = std::exchange(fresh_, {});
  for (auto& event : std::exchange(late_, {})) {
    ++counts_.delivered_before;
    remember(event.what, now);
    out.push_back(std::move(event));
  }
  held_bytes_ = 0;
}

void guild_cut::expect(const std::vector<event_identity>& repeats, base::instant now) {
  for (const auto& what : repeats) repeats_.push_back({what, now});
}

void guild_cut::end_audit() noexcept {
  audit_over_ = true;
  late_.clear();
  fresh_.clear();
  recount();
}

void guild_cut::renewed(role side, base::instant now) {
  (side == role::serving ? serving_session_ : joining_session_) = session::there;
  if (stage_ == stage::moved) return;
  since_ = now;
  if (side == role::joining) {
    joining_last_ = now;
    joining_proved_ = {};
    return;
  }
  // What lies before and after the hole must not be put in one order.
  serving_seen_.clear();
  seen_since_ = now;
  serving_last_ = now;
  serving_proved_ = {};
}

/// The cut is undone while the serving side can still be put back to where it was.
void guild_cut::take_back(released& out) {
  for (auto& event : serving_held_) {
    ++counts_.delivered_before;
    serving_seen_.push_back({event.what, event.at});
    out.push_back(std::move(event));
  }
  serving_held_.clear();
  joining_held_.clear();
  held_bytes_ = 0;
  owed_.clear();
  serving_whole_ = true;
  kind_ = cut_kind::none;
  stage_ = stage::overlap;
}

void guild_cut::tick(base::instant now, released& out) {
  if (stage_ == stage::handover && now >= cut_at_ + options_->handover_max && serving_whole_ &&
      serving_session_ != session::lost) {
    take_back(out);
  }
  if (stage_ != stage::overlap || !open_ || joining_session_ == session::lost) return;
  const auto from = joining_session_ == session::awaited ? std::max(since_, open_since_) : open_since_;
  if (now >= from + options_->overlap_max) cut_blindly(now, out);
}

void guild_cut::give_up(released& out) {
  base::check(stage_ != stage::moved, "a guild that has moved must turn back");
  if (stage_ == stage::handover) take_back(out);
  joining_held_.clear();
  serving_seen_.clear();
  held_bytes_ = 0;
  open_ = false;
}

void guild_cut::let_go(base::instant now) noexcept {
  if (stage_ == stage::moved) return end_audit();
  if (stage_ != stage::overlap) return;
  joining_held_.clear();
  held_bytes_ = 0;
  serving_seen_.clear();
  let_go_at_ = seen_since_ = now + base::nanoseconds{1};
}

std::size_t guild_cut::kept_bytes() const noexcept {
  const auto seen = serving_seen_.size() + fresh_.size() + repeats_.size();
  return held_bytes_ + seen * sizeof(seen_event) + owed_.size() * sizeof(event_identity);
}

std::size_t guild_cut::loose_bytes() const noexcept {
  if (stage_ == stage::handover) return 0;
  return held_bytes_ + (moved() ? fresh_.size() : serving_seen_.size()) * sizeof(seen_event);
}

void guild_cut::turn_back(base::instant now) {
  base::check(stage_ == stage::moved, "only a guild that has moved can turn back");
  const auto counts = counts_;
  *this = guild_cut(*options_, now);
  counts_ = counts;
  open(now);
}

std::uint32_t guild_cut::held_from(role side) const noexcept {
  const auto& held = side == role::serving ? serving_held_ : joining_held_;
  return held.empty() ? 0 : held.front().row.seq;
}

}  // namespace evergate::control
