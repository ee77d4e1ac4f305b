#include "upstream/shard_status.h"

namespace evergate::upstream {
namespace {
constexpr auto relaxed = std::memory_order_relaxed;
}  // namespace

void shard_gauges::publish(const session& from, std::uint64_t events, std::int64_t last_event_ms) noexcept {
  const auto& counters = from.counters();
  state_.store(from.state(), relaxed);
  session_.store(from.has_session(), relaxed);
  if (const auto latency = from.latency()) latency_us_.store(latency->count() / 1'000, relaxed);
  last_event_ms_.store(last_event_ms, relaxed);
  seq_.store(from.received(), relaxed);
  seq_committed_.store(from.committed().value(), relaxed);
  events_.store(events, relaxed);
  connects_.store(counters.connects, relaxed);
  identifies_.store(counters.identifies, relaxed);
  identifies_refused_.store(counters.identifies_refused, relaxed);
  resumes_.store(counters.resumes, relaxed);
  gaps_.store(counters.gaps, relaxed);
  zombies_.store(counters.zombies, relaxed);
  repeats_.store(counters.repeats, relaxed);
  jumps_.store(counters.jumps, relaxed);
  commands_queued_.store(static_cast<std::uint32_t>(from.commands_queued()), relaxed);
}

void shard_gauges::read(shard_status& out) const noexcept {
  out.state = name_of(state_.load(relaxed));
  out.session = session_.load(relaxed);
  out.latency_us = latency_us_.load(relaxed);
  out.last_event_ms = last_event_ms_.load(relaxed);
  out.seq = seq_.load(relaxed);
  out.seq_committed = seq_committed_.load(relaxed);
  out.events = events_.load(relaxed);
  out.connects = connects_.load(relaxed);
  out.identifies = identifies_.load(relaxed);
  out.identifies_refused = identifies_refused_.load(relaxed);
  out.resumes = resumes_.load(relaxed);
  out.gaps = gaps_.load(relaxed);
  out.zombies = zombies_.load(relaxed);
  out.repeats = repeats_.load(relaxed);
  out.jumps = jumps_.load(relaxed);
  out.commands_queued = commands_queued_.load(relaxed);
}

}  // namespace evergate::upstream
