#include "downstream/backlog.h"

#include <algorithm>
#include <deque>

namespace evergate::downstream {
namespace {

struct backlog {
  std::array<std::deque<flow::stretch>, proto::event_class_count> waiting;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};

base::result<backlog> look(flow::event_source& events, const per_class_offset& from) {
  backlog out;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto looked = events.stretches(static_cast<proto::event_class>(i), from[i], events.head(),
                                         [&](const flow::stretch& one) {
                                           out.waiting[i].push_back(one);
                                           out.events += one.events;
                                           out.bytes += one.bytes;
                                           return true;
                                         });
    if (!looked) return std::unexpected(looked.error());
  }
  return out;
}

bool over(std::uint64_t have, std::uint64_t max) {
  return max > 0 && have > max;
}

}  // namespace

base::result<relief> relieve(flow::event_source& events, const consumer_policy& policy,
                             const per_class_offset& from, std::int64_t now_ms) {
  auto found = look(events, from);
  if (!found) return std::unexpected(found.error());
  const std::int64_t oldest_ms =
      policy.max_age.count() > 0 ? now_ms - std::chrono::milliseconds(policy.max_age).count() : 0;
  relief out;
  const auto give_up_while = [&](std::size_t i, auto&& must) {
    auto& waiting = found->waiting[i];
    while (!waiting.empty() && must(waiting.front())) {
      const auto one = waiting.front();
      out.upto[i] = one.last;
      out.events[i] += one.events;
      found->events -= one.events;
      found->bytes -= one.bytes;
      waiting.pop_front();
    }
  };
  for (std::size_t i = 0; i < from.size(); ++i) {
    give_up_while(i, [&](const flow::stretch& one) { return one.time_ms < oldest_ms; });
  }
  for (std::size_t i = 0; i < from.size(); ++i) {
    give_up_while(i, [&](const flow::stretch&) {
      return over(found->events, policy.max_events) || over(found->bytes, policy.max_bytes);
    });
  }
  // Who is moved past state is moved past everything that lies before it, whatever the clock said then.
  const auto skipped = out.upto[static_cast<std::size_t>(proto::event_class::state)];
  for (std::size_t i = 0; i < from.size(); ++i) {
    give_up_while(i, [&](const flow::stretch& one) { return one.first <= skipped; });
  }
  return out;
}

base::result<per_class_count> count_between(flow::event_source& events, const per_class_offset& from,
                                            flow::offset upto) {
  per_class_count out{};
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto looked =
        events.stretches(static_cast<proto::event_class>(i), from[i], upto, [&](const flow::stretch& one) {
          out[i] += one.events;
          return true;
        });
    if (!looked) return std::unexpected(looked.error());
  }
  return out;
}

}  // namespace evergate::downstream
