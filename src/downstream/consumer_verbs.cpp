// The part of consumer that does what an operator asks for.
#include <algorithm>

#include "downstream/consumer.h"

namespace evergate::downstream {

using order = consumer_order::kind;

void consumer::pause(consumer_orders& out) {
  if (record_.paused) return;
  record_.paused = true;
  dirty_ = true;
  for (const auto& where : slots_) {
    if (where.holder != 0 && !where.held)
      out.push_back({.what = order::hold, .to = where.holder, .grant = {}});
  }
}

void consumer::go_on(consumer_orders& out) {
  dirty_ = dirty_ || record_.paused;
  record_.paused = false;
  draining_ = false;
  for (auto& where : slots_) {
    where.held = false;
    if (where.holder != 0) out.push_back({.what = order::go_on, .to = where.holder, .grant = {}});
  }
}

void consumer::drain(base::instant ask_until, base::instant hold_until, consumer_orders& out) {
  draining_ = true;
  ask_until_ = ask_until;
  hold_until_ = hold_until;
  for (auto& where : slots_) {
    if (where.holder == 0) continue;
    where.held = true;
    where.holding = false;
    out.push_back({.what = order::hold, .to = where.holder, .grant = {}, .closely = true});
  }
}

std::vector<consumer::lane_drain> consumer::drain_state() const {
  std::vector<lane_drain> out;
  for (const auto& lane : status()) {
    auto& one = out.emplace_back();
    one.lane = lane.lane;
    one.unacknowledged = lane.unacknowledged;
    one.cursor = lane.cursor;
    // The cursor reaches the position when nothing is in flight, be it acknowledged or not yet grown old
    // enough to count.
    const bool settled = lane.holding && lane.unacknowledged == 0 && lane.cursor >= lane.position;
    one.state = !lane.connected ? drained::no_bot
                : !lane.held    ? drained::released
                : settled       ? drained::all
                                : drained::waiting;
  }
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
      out.push_back({.what = order::go_on, .to = where.holder, .grant = {}});
    }
  }
}

}  // namespace evergate::downstream
