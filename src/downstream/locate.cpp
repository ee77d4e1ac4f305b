#include "downstream/locate.h"

#include <algorithm>

namespace evergate::downstream {
namespace {

/// The offset before the first stretch, of any class, for which `accepts` holds; the head when there is none.
template <class Accepts>
base::result<flow::offset> before_first(flow::event_source& events, Accepts accepts) {
  auto least = events.head();
  for (std::size_t i = 0; i < proto::event_class_count; ++i) {
    const auto looked = events.stretches(static_cast<proto::event_class>(i), {}, events.head(),
                                         [&](const flow::stretch& one) {
                                           if (!accepts(one)) return true;
                                           least = std::min(least, flow::offset{one.first.value - 1});
                                           return false;
                                         });
    if (!looked) return std::unexpected(looked.error());
  }
  return least;
}

}  // namespace

base::result<flow::offset> locate(flow::event_source& events, const flow::position& where) {
  using kind = flow::position::kind;
  if (where.what == kind::now) return events.head();
  const auto earliest = before_first(events, [](const flow::stretch&) { return true; });
  if (!earliest || where.what == kind::earliest) return earliest;
  if (where.what == kind::offset) {
    return std::clamp(flow::offset{where.value}, *earliest, events.head());
  }
  const auto time_ms = static_cast<std::int64_t>(where.value);
  return before_first(events, [time_ms](const flow::stretch& one) { return one.time_ms >= time_ms; });
}

}  // namespace evergate::downstream
