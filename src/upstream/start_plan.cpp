#include "upstream/start_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "flow/intake.h"

namespace evergate::upstream {

std::uint32_t stored_count(const std::vector<flow::stored_session>& stored) {
  // Sessions of several counts can be left by a crash while resharding: the count with most of them serves.
  std::map<std::uint32_t, std::uint32_t> sessions_of;
  for (const auto& s : stored) {
    if (!s.record.session_id.empty()) ++sessions_of[s.record.shard.count];
  }
  std::uint32_t best = 0;
  std::uint32_t most = 0;
  for (const auto& [count, sessions] : sessions_of) {
    if (sessions < most) continue;
    best = count;
    most = sessions;
  }
  return best;
}

start_plan plan_start(const std::vector<flow::stored_session>& stored, std::uint32_t count,
                      std::uint32_t first, std::uint32_t last) {
  start_plan out;
  std::map<std::uint32_t, flow::stored_session> kept;
  for (const auto& s : stored) {
    if (s.record.session_id.empty()) continue;
    if (s.record.shard.count == count && !s.seq.none())
      kept.insert_or_assign(s.record.shard.id, s);
    else
      out.abandoned.push_back(s);
  }
  for (std::uint32_t id = first; id <= last; ++id) {
    auto& place = out.shards.emplace_back();
    place.key = {id, count};
    if (const auto at = kept.find(id); at != kept.end()) place.session = at->second;
  }
  out.order.resize(out.shards.size());
  std::iota(out.order.begin(), out.order.end(), std::size_t{0});
  // Discord's replay is bounded, so the shards that have seen most come first.
  std::ranges::sort(out.order, {}, [&out](std::size_t at) {
    const auto& session = out.shards[at].session;
    return std::pair(session ? -session->seq.value() : 1, at);
  });
  return out;
}

void append_abandoned(const std::vector<flow::stored_session>& sessions, const char* cause,
                      std::int64_t time_ms, flow::event_batch& out) {
  for (const auto& old : sessions) {
    const auto& record = old.record;
    flow::append_gap({record.shard, record.session_id, old.seq.value(), time_ms, cause}, out);
    out.sessions.push_back({record.shard, {}, {}, -1});
  }
}

}  // namespace evergate::upstream
