// The part of consumer that does what an operator asks for.
#include <algorithm>

#include "downstream/consumer.h"

namespace evergate::downstream {

using told = consumer_order::kind;

void consumer::pause(consumer_orders& out) {
  if (record_.paused) return;
  record_.paused = true;
  dirty_ = true;
  for (const auto& where : slots_) {
    if (where.holder != 0 && !where.held)
      out.push_back({.what = told::hold, .to = where.holder, .grant = {}});
  }
}

void consumer::go_on(consumer_orders& out) {
  dirty_ = dirty_ || record_.paused;
  record_.paused = false;
  draining_ = false;
  for (auto& where : slots_) {
    where.held = false;
    if (where.holder != 0) out.push_back({.what = told::go_on, .to = where.holder, .grant = {}});
  }
}

void consumer::drain(base::instant now, base::instant ask_until, base::instant hold_until,
                     consumer_orders& out) {
  draining_ = true;
  ask_until_ = ask_until;
  hold_until_ = hold_until;
  for (auto& where : slots_) {
    where.held = where.holder != 0 || may_return(where, now);
    if (where.holder == 0) continue;
    where.holding = false;
    out.push_back({.what = told::hold, .to = where.holder, .grant = {}, .closely = true});
  }
}

bool consumer::may_return(const slot& where, base::instant now) const {
  const auto kept = sessions_.find(where.session);
  if (where.holder != 0 || kept == sessions_.end() || kept->second.attached || !kept->second.began)
    return false;
  return now < kept->second.detached_at + return_wait;
}

std::vector<consumer::lane_drain> consumer::drain_state(base::instant now) const {
  std::vector<lane_drain> out;
  for (const auto& lane : status()) {
    auto& one = out.emplace_back();
    one.lane = lane.lane;
    one.unacknowledged = lane.unacknowledged;
    one.cursor = lane.cursor;
    // The cursor reaches the position when nothing is in flight, be it acknowledged or not yet grown old
    // enough to count.
    const bool settled = lane.holding && lane.unacknowledged == 0 && lane.cursor >= lane.position;
    const auto& where = slots_[lane.lane.id];
    one.state = lane.held && may_return(where, now) ? drained::waiting
                : !lane.connected                   ? drained::no_bot
                : !lane.held                        ? drained::released
                : settled                           ? drained::all
                                                    : drained::waiting;
  }
  return out;
}

void consumer::drop_class(proto::event_class what, flow::offset upto, std::uint64_t events,
                          consumer_orders& out) {
  const auto which = static_cast<std::size_t>(what);
  if (upto <= record_.dropped[which]) return;
  record_.dropped[which] = upto;
  record_.given_up[which] += events;
  dirty_ = true;
  // Numbers given from now on cannot be made again from an anchor before `upto`: after a crash such a session
  // is not resumed. While we live, each lane moves its anchor past what it leaves out.
  for (auto& [id, kept] : sessions_) {
    if (!kept.record.resumable || kept.record.anchor_offset >= upto) continue;
    kept.record.resumable = false;
    kept.dirty = true;
  }
  for (const auto& [by, lane] : held_) {
    out.push_back({.what = told::drop_class, .to = by, .grant = {}, .dropped = what, .upto = upto});
  }
}

void consumer::skip(flow::offset upto, const std::array<std::uint64_t, proto::event_class_count>& events,
                    consumer_orders& out) {
  if (record_.layouts.empty()) return;
  for (std::size_t i = 0; i < events.size(); ++i) record_.given_up[i] += events[i];
  skipped_to_ = std::max(skipped_to_, upto);
  dirty_ = true;
  for (auto& layout : record_.layouts) {
    for (auto& cursor : layout.cursors) cursor = std::max(cursor, upto);
    for (auto& past : layout.interactions) past = std::max(past, upto);
  }
  refresh_older();
  std::vector<std::string> gone;
  for (const auto& [id, kept] : sessions_) {
    if (!kept.attached && kept.record.anchor_offset < upto) gone.push_back(id);
  }
  for (const auto& id : gone) forget_session(id);
  for (auto& where : slots_) {
    // A replaced bot is told when the lane returns to it.
    if (where.holder == 0 || where.last.position >= upto) continue;
    out.push_back({.what = told::skip, .to = where.holder, .grant = {}, .upto = upto});
  }
}

void consumer::renumber(consumer_orders& out) {
  // A replaced bot is told when the lane returns to it; a session without a connection is refused its RESUME.
  for (const auto& where : slots_) tell_renumbered(where, out);
}

void consumer::tell_renumbered(const slot& where, consumer_orders& out) const {
  const auto kept = sessions_.find(where.session);
  if (where.holder == 0 || kept == sessions_.end()) return;
  if (kept->second.record.filter_version == policy_->filter_version()) return;
  out.push_back({.what = told::renumber, .to = where.holder, .grant = {}});
}

std::array<flow::offset, proto::event_class_count> consumer::needed_from() const noexcept {
  auto out = record_.dropped;
  flow::offset behind{~std::uint64_t{0} - 1};  // nothing, for who has never read
  for (const auto& layout : record_.layouts) {
    for (const auto cursor : layout.cursors) behind = std::min(behind, cursor);
  }
  for (auto& one : out) one = std::max(one, behind);
  return out;
}

void consumer::holding(holder_id by) {
  if (auto* where = slot_of(by)) where->holding = where->held;
}

void consumer::end_holds(base::instant now, consumer_orders& out) {
  if (draining_ && now >= ask_until_) draining_ = false;
  if (now < hold_until_) return;
  for (auto& where : slots_) {
    if (!where.held) continue;
    where.held = false;
    if (where.holder != 0 && !record_.paused) {
      out.push_back({.what = told::go_on, .to = where.holder, .grant = {}});
    }
  }
}

}  // namespace evergate::downstream
