#include "downstream/consumer.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace evergate::downstream {
namespace {

using order = consumer_order::kind;

void tell(consumer_orders& out, order what, holder_id to, std::shared_ptr<const lane_grant> grant = {}) {
  auto& one = out.emplace_back();
  one.what = what;
  one.to = to;
  one.grant = std::move(grant);
}

bool sound(const flow::layout_record& layout) noexcept {
  return layout.lanes > 0 && layout.cursors.size() == layout.lanes &&
         layout.interactions.size() == layout.lanes;
}

flow::offset furthest(const std::vector<flow::offset>& of) noexcept {
  return *std::ranges::max_element(of);
}
flow::offset nearest(const std::vector<flow::offset>& of) noexcept {
  return *std::ranges::min_element(of);
}

/// The least (or greatest) of those whose index is congruent to i modulo `step`, for each i below it.
template <class Choose>
std::vector<flow::offset> by_residue(const std::vector<flow::offset>& of, std::uint32_t step, Choose choose) {
  std::vector<flow::offset> out(of.begin(), of.begin() + step);
  for (std::size_t u = step; u < of.size(); ++u) out[u % step] = choose(out[u % step], of[u]);
  return out;
}
constexpr auto least = [](flow::offset a, flow::offset b) { return std::min(a, b); };
constexpr auto greatest = [](flow::offset a, flow::offset b) { return std::max(a, b); };

}  // namespace

consumer::consumer(std::string name, consumer_rules rules, policy_ptr policy)
    : rules_(rules), policy_(std::move(policy)) {
  record_.name = std::move(name);
}

consumer::consumer(flow::consumer_record stored, consumer_rules rules, policy_ptr policy)
    : rules_(rules), policy_(std::move(policy)), record_(std::move(stored)) {
  std::erase_if(record_.layouts, [](const auto& layout) { return !sound(layout); });
  if (!record_.layouts.empty()) slots_.resize(newest().lanes);
  std::erase_if(record_.suspicions, [this](const auto& one) { return one.lane >= slots_.size(); });
  standing_ = !record_.layouts.empty();
  refresh_older();
}

bool consumer::begin(std::uint32_t lanes, flow::offset head) {
  if (!record_.layouts.empty()) return false;
  consumer_orders nobody;
  open_layout(lanes, head, nobody);
  return true;
}

void consumer::restore(flow::downstream_record stored, base::instant now) {
  const bool current = !record_.layouts.empty() && stored.layout == record_.layout &&
                       stored.lane.count == newest().lanes && stored.lane.id < newest().lanes;
  if (!current) {
    removed_.push_back(stored.id);
    return;
  }
  auto& kept = sessions_[stored.id];
  kept.began = stored.resumable;
  kept.detached_at = now;
  kept.traits = {.large_threshold = stored.large_threshold, .may_ask = stored.may_ask};
  kept.record = std::move(stored);
}

void consumer::identify(holder_id by, flow::downstream_record who, session_traits traits, flow::offset head,
                        base::instant now, consumer_orders& out) {
  last_identify_ = now;
  claim wish{by, std::move(who), traits};
  if (record_.layouts.empty()) open_layout(wish.who.lane.count, head, out);
  if (wish.who.lane.count == newest().lanes) return take(std::move(wish), out);
  std::erase_if(waiting_, [&](const claim& other) {
    // The same lane asked for again by another connection: the older one has had its turn.
    if (other.who.lane != wish.who.lane) return false;
    tell(out, order::drop, other.by);
    return true;
  });
  waiting_.push_back(std::move(wish));
  settle(head, out);
}

void consumer::take(claim who, consumer_orders& out) {
  auto& where = slots_[who.who.lane.id];
  if (where.holder == 0) return give(where, std::move(who), out);
  if (where.next) {
    tell(out, order::drop, where.next->by);
  } else {
    tell(out, order::ask, where.holder);
  }
  where.next = std::move(who);
}

void consumer::give(slot& where, claim who, consumer_orders& out) {
  const auto lane = who.who.lane.id;
  held_[who.by] = lane;
  where.holder = who.by;
  where.session = who.who.id;
  where.last = {};
  where.backfilling = false;
  where.held = false;
  forget_sessions_of_lane(lane, where.predecessor == 0 ? std::string_view{} : where.predecessor_session);
  auto& record = who.who;
  record.consumer = record_.name;
  record.layout = record_.layout;
  record.filter_version = policy_->filter_version();
  record.anchor_seq = 0;
  record.anchor_offset = newest().cursors[lane];
  record.resumable = false;
  record.large_threshold = who.traits.large_threshold;
  record.may_ask = who.traits.may_ask;
  auto grant = std::make_shared<lane_grant>();
  grant->session = record;
  grant->start = record.anchor_offset;
  grant->older = older_;
  grant->interactions = newest().interactions[lane];
  doubt(*grant, where, lane);
  where.granted_at = newest().cursors[lane];
  grant->policy = policy_;
  grant->traits = who.traits;
  grant->dropped = record_.dropped;
  grant->held = record_.paused;
  auto& kept = sessions_[record.id];
  kept = {.record = record, .traits = who.traits};
  kept.attached = true;
  kept.dirty = true;
  dirty_ = true;
  tell(out, order::grant, who.by, std::move(grant));
}

std::shared_ptr<const lane_grant> consumer::resume(holder_id by, std::string_view id, std::int64_t seq,
                                                   consumer_orders& out) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return nullptr;
  auto& kept = found->second;
  const auto& record = kept.record;
  if (!kept.began || record.layout != record_.layout) return nullptr;
  if (record.filter_version != policy_->filter_version()) return nullptr;
  if (seq < record.anchor_seq || seq > 0x7fff'ffff) return nullptr;
  auto& where = slots_[record.lane.id];
  if (where.next || (where.holder != 0 && where.session != found->first)) return nullptr;
  if (where.holder != 0) {
    stop_backfilling(where);
    held_.erase(where.holder);
    tell(out, order::drop, where.holder);
  }
  where.holder = by;
  where.session = found->first;
  where.last = {};
  held_[by] = record.lane.id;
  kept.attached = true;
  where.held = where.held && draining_;
  where.holding = false;
  auto grant = std::make_shared<lane_grant>();
  grant->session = record;
  grant->start = record.anchor_offset;
  grant->older = older_;
  grant->interactions = newest().interactions[record.lane.id];
  doubt(*grant, where, record.lane.id);
  where.granted_at = newest().cursors[record.lane.id];
  grant->policy = policy_;
  grant->traits = kept.traits;
  grant->dropped = record_.dropped;
  grant->held = record_.paused || where.held;
  if (where.held) out.push_back({.what = order::hold, .to = by, .grant = {}, .closely = true});
  return grant;
}

void consumer::released(holder_id by, flow::offset head, consumer_orders& out) {
  auto* where = slot_of(by);
  if (where == nullptr || !where->next) return;
  stop_backfilling(*where);
  if (where->predecessor != 0) {
    held_.erase(where->predecessor);
    forget_session(where->predecessor_session);
  }
  where->predecessor = by;
  where->predecessor_session = where->session;
  auto next = std::move(*where->next);
  where->next.reset();
  give(*where, std::move(next), out);
  settle(head, out);
}

void consumer::left(holder_id by, bool discard, flow::offset head, base::instant now, consumer_orders& out,
                    bool unclean) {
  std::erase_if(waiting_, [by](const claim& one) { return one.by == by; });
  const auto found = held_.find(by);
  if (found == held_.end()) {
    for (auto& where : slots_) {
      if (!where.next || where.next->by != by) continue;
      where.next.reset();
      tell_back(where, out);
    }
    return;
  }
  auto& where = slots_[found->second];
  held_.erase(found);
  if (where.holder == by) {
    stop_backfilling(where);
    if (unclean) suspect(where);
    const bool fruitless = where.predecessor != 0 && !where.last.acknowledged;
    detach(where, discard || fruitless, now);
    if (where.next) {
      auto next = std::move(*where.next);
      where.next.reset();
      give(where, std::move(next), out);
    } else if (fruitless) {
      give_back(where, out);
      if (skipped_to_ > flow::offset{}) {
        out.push_back({.what = order::skip, .to = where.holder, .grant = {}, .upto = skipped_to_});
      }
      tell_renumbered(where, out);
    }
  } else if (where.predecessor == by) {
    where.predecessor = 0;
    forget_session(where.predecessor_session);
  }
  settle(head, out);
}

void consumer::give_back(slot& where, consumer_orders& out) {
  where.holder = std::exchange(where.predecessor, 0);
  where.session = where.predecessor_session;
  tell_back(where, out);
}

// With how far interactions have come: they are never sent again.
void consumer::tell_back(const slot& where, consumer_orders& out) const {
  auto& order = out.emplace_back();
  order.what = order::give_back;
  order.to = where.holder;
  order.interactions = record_.layouts.back().interactions[static_cast<std::size_t>(&where - slots_.data())];
}

void consumer::detach(slot& where, bool discard, base::instant now) {
  where.holder = 0;
  const auto found = sessions_.find(where.session);
  if (found == sessions_.end()) return;
  // A session that never got through its backfill cannot be resumed: it is of no use to anybody.
  if (discard || !found->second.began) return forget_session(where.session);
  found->second.attached = false;
  found->second.detached_at = now;
}

bool consumer::report(holder_id by, const lane_report& how) {
  auto* where = slot_of(by);
  if (where == nullptr) return false;
  const auto lane = static_cast<std::size_t>(where - slots_.data());
  auto& cursor = newest().cursors[lane];
  if (how.cursor > cursor) {
    cursor = how.cursor;
    dirty_ = true;
  }
  where->last = how;
  // Written with whatever changes next: what was sent up to here was durable before.
  auto& interactions = newest().interactions[lane];
  interactions = std::max(interactions, how.interactions);
  const auto first = how.first_unacknowledged;
  clear_suspicion(lane, first.value == 0 ? how.position : flow::offset{first.value - 1});
  if (how.acknowledged && where->predecessor != 0) {
    held_.erase(where->predecessor);
    where->predecessor = 0;
    forget_session(where->predecessor_session);
  }
  const auto found = sessions_.find(where->session);
  if (found == sessions_.end() || !how.began) return true;
  auto& kept = found->second;
  auto& record = kept.record;
  const bool moved = how.anchor_seq > record.anchor_seq || how.anchor_offset > record.anchor_offset;
  if (kept.began && !moved) return true;
  kept.began = true;
  record.anchor_seq = how.anchor_seq;
  record.anchor_offset = how.anchor_offset;
  record.resumable = how.anchor_offset >= uncountable_to();
  kept.dirty = true;
  return true;
}

bool consumer::reserve(holder_id by, flow::offset upto) {
  auto* where = slot_of(by);
  if (where == nullptr) return false;
  auto& cursor = newest().cursors[static_cast<std::size_t>(where - slots_.data())];
  cursor = std::max(cursor, upto);
  dirty_ = true;
  return true;
}

void consumer::unreserve(holder_id by, flow::offset sent) {
  auto* where = slot_of(by);
  if (where == nullptr) return;
  auto& cursor = newest().cursors[static_cast<std::size_t>(where - slots_.data())];
  // An earlier connection may have been sent what this one has not come to.
  const auto back = std::max(sent, where->granted_at);
  if (back >= cursor) return;
  cursor = back;
  dirty_ = true;
}

bool consumer::reserve_interactions(holder_id by, flow::offset upto) {
  auto* where = slot_of(by);
  if (where == nullptr) return false;
  newest().interactions[static_cast<std::size_t>(where - slots_.data())] = upto;
  dirty_ = true;
  return true;
}

void consumer::backfill_began(holder_id by) {
  auto* where = slot_of(by);
  if (where == nullptr || where->backfilling) return;
  where->backfilling = true;
  ++backfilling_;
}

void consumer::backfill_ended(holder_id by, base::instant) {
  if (auto* where = slot_of(by)) stop_backfilling(*where);
}

void consumer::stop_backfilling(slot& where) noexcept {
  if (!std::exchange(where.backfilling, false)) return;
  --backfilling_;
}

bool consumer::gate_open(base::instant since, base::instant now) const noexcept {
  if (now - since >= rules_.queue_wait_max) return true;
  return backfilling_ == 0 && now - last_identify_ >= rules_.queue_quiet;
}

void consumer::tick(base::instant now, consumer_orders& out) {
  end_holds(now, out);
  const auto patience = policy_->session_timeout;
  if (patience == base::milliseconds::zero()) return;
  std::vector<std::string> old;
  for (const auto& [id, kept] : sessions_) {
    if (!kept.attached && now - kept.detached_at >= patience) old.push_back(id);
  }
  for (const auto& id : old) forget_session(id);
}

void consumer::take_changes(flow::consumer_change& out) {
  if (record_.layouts.size() > 1) drop_settled_layouts();
  if (std::exchange(dirty_, false)) out.consumers.push_back(record_);
  for (auto& [id, kept] : sessions_) {
    if (std::exchange(kept.dirty, false)) out.sessions.push_back(kept.record);
  }
  for (auto& id : removed_) out.sessions_removed.push_back(std::move(id));
  removed_.clear();
  for (auto& letter : buried_) out.dead_letters.push_back(std::move(letter));
  buried_.clear();
  for (auto& gap : gaps_) out.gaps.push_back(std::move(gap));
  gaps_.clear();
}

std::vector<consumer::lane_status> consumer::status() const {
  std::vector<lane_status> out;
  if (record_.layouts.empty()) return out;
  const auto& layout = record_.layouts.back();
  out.reserve(layout.lanes);
  for (std::uint32_t i = 0; i < layout.lanes; ++i) {
    const auto& where = slots_[i];
    const bool live = where.holder != 0;
    out.push_back({{i, layout.lanes},
                   live,
                   layout.cursors[i],
                   live ? std::max(where.last.position, layout.cursors[i]) : layout.cursors[i],
                   live ? where.last.sent_seq : 0,
                   live ? where.last.unacknowledged : 0,
                   where.held,
                   where.holding});
  }
  return out;
}

consumer::slot* consumer::slot_of(holder_id by) noexcept {
  const auto found = held_.find(by);
  if (found == held_.end()) return nullptr;
  auto& where = slots_[found->second];
  return where.holder == by ? &where : nullptr;
}

holder_id consumer::holder_of(std::string_view session) const noexcept {
  for (const auto& where : slots_) {
    if (where.holder != 0 && where.session == session) return where.holder;
    if (where.predecessor != 0 && where.predecessor_session == session) return where.predecessor;
  }
  return 0;
}

bool consumer::any_live() const noexcept {
  return std::ranges::any_of(slots_, [](const slot& one) { return one.holder != 0; });
}

void consumer::settle(flow::offset head, consumer_orders& out) {
  if (waiting_.empty()) return;
  std::uint32_t chosen = 0;
  if (!any_live()) {
    chosen = waiting_.back().who.lane.count;  // the newest wish
  } else {
    // Each lane waits at most once, so that counting tells whether all of an n are there.
    std::map<std::uint32_t, std::uint32_t> counts;
    for (const auto& one : waiting_) {
      const auto lanes = one.who.lane.count;
      if (++counts[lanes] == lanes) chosen = lanes;
    }
  }
  if (chosen == 0) return;
  open_layout(chosen, head, out);
  std::vector<claim> rest;
  for (auto& one : std::exchange(waiting_, {})) {
    if (one.who.lane.count == chosen) {
      take(std::move(one), out);
    } else {
      rest.push_back(std::move(one));
    }
  }
  waiting_ = std::move(rest);
}

void consumer::open_layout(std::uint32_t lanes, flow::offset head, consumer_orders& out) {
  flow::layout_record next;
  next.lanes = lanes;
  next.cursors.assign(lanes, head);
  next.interactions.assign(lanes, head);
  if (!record_.layouts.empty()) {
    // Lanes i of n and u of m share guilds when they are congruent modulo gcd(n, m).
    const auto& before = newest();
    const auto step = std::gcd(before.lanes, lanes);
    const auto cursors = by_residue(before.cursors, step, least);
    const auto interactions = by_residue(before.interactions, step, least);
    for (std::uint32_t i = 0; i < lanes; ++i) {
      next.cursors[i] = cursors[i % step];
      next.interactions[i] = interactions[i % step];
    }
  }
  for (const auto& [by, lane] : held_) tell(out, order::close_layout, by);
  for (const auto& where : slots_) {
    if (where.next) tell(out, order::close_layout, where.next->by);
  }
  held_.clear();
  backfilling_ = 0;
  for (const auto& [id, kept] : sessions_) removed_.push_back(id);
  sessions_.clear();
  slots_.assign(lanes, {});
  record_.suspicions.clear();
  record_.layouts.push_back(std::move(next));
  ++record_.layout;
  if (record_.layouts.size() > layouts_max) drop_oldest_layout();
  refresh_older();
  dirty_ = true;
}

/// What only the oldest layout knew to be delivered is delivered again, but no interaction.
void consumer::drop_oldest_layout() {
  const auto& oldest = record_.layouts.front();
  auto& next = newest();
  const auto step = std::gcd(oldest.lanes, next.lanes);
  const auto sent = by_residue(oldest.interactions, step, greatest);
  for (std::uint32_t i = 0; i < next.lanes; ++i) {
    next.interactions[i] = std::max(next.interactions[i], sent[i % step]);
  }
  record_.layouts.erase(record_.layouts.begin());
  ++layouts_dropped_;
}

void consumer::drop_settled_layouts() {
  auto behind = nearest(newest().cursors);
  const auto interactions = nearest(newest().interactions);
  for (const auto& [id, kept] : sessions_) behind = std::min(behind, kept.record.anchor_offset);
  const auto last = record_.layouts.end() - 1;
  const auto kept_end = std::remove_if(record_.layouts.begin(), last, [&](const auto& layout) {
    return furthest(layout.cursors) <= behind && furthest(layout.interactions) <= interactions;
  });
  if (kept_end == last) return;
  record_.layouts.erase(kept_end, last);
  dirty_ = true;
  refresh_older();
}

void consumer::forget_session(const std::string& id) {
  if (sessions_.erase(id) > 0) removed_.push_back(id);
}

void consumer::forget_sessions_of_lane(std::uint32_t lane, std::string_view kept) {
  std::vector<std::string> gone;
  for (const auto& [id, one] : sessions_) {
    if (one.record.lane.id == lane && id != kept) gone.push_back(id);
  }
  for (const auto& id : gone) forget_session(id);
}

void consumer::refresh_older() {
  if (record_.layouts.size() < 2) {
    older_ = std::make_shared<const due>();
    return;
  }
  older_ = std::make_shared<const due>(
      std::vector<flow::layout_record>(record_.layouts.begin(), record_.layouts.end() - 1));
}

}  // namespace evergate::downstream
