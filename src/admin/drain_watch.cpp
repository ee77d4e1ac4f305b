#include "admin/drain_watch.h"

#include <algorithm>
#include <utility>

#include "admin/json_writer.h"
#include "base/check.h"

namespace evergate::admin {
namespace {

using drained = downstream::consumer::drained;

std::string_view name_of(drained state) {
  switch (state) {
    case drained::all:
      return "drained";
    case drained::waiting:
      return "waiting";
    case drained::no_bot:
      return "no_bot";
    case drained::released:
      break;
  }
  return "released";
}

bool open(const downstream::consumer::lane_drain& lane) {
  return lane.state == drained::waiting;
}

}  // namespace

answer drain_watch::result(std::string_view consumer,
                           const std::vector<downstream::consumer::lane_drain>& lanes) {
  json_writer out;
  out.object().put("consumer", consumer).put("drained", std::ranges::none_of(lanes, open)).array("lanes");
  for (const auto& lane : lanes) {
    out.object().array("lane").put(lane.lane.id).put(lane.lane.count).end();
    out.put("state", name_of(lane.state)).put("unacknowledged", lane.unacknowledged);
    out.put("cursor", lane.cursor.value).end();
  }
  out.end().end();
  return {200, out.take()};
}

bool drain_watch::look(base::instant now) {
  const auto lanes = control_.drain_state(consumer_);
  if (!lanes) {
    back_(failure(404, "unknown_consumer", lanes.error().detail));
    return true;
  }
  if (std::ranges::any_of(*lanes, open) && now < until_) return false;
  // What is acknowledged shall be so after a kill of the daemon too.
  auto answered = [back = std::move(back_), given = result(consumer_, *lanes)]() mutable {
    back(std::move(given));
  };
  const auto settled = control_.settle(consumer_, std::move(answered));
  base::check(settled.has_value(), "a consumer that was there stays");
  return true;
}

}  // namespace evergate::admin
