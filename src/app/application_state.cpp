// The part of the application that tells how it stands: copies for status pages, programs and the admin API.
#include <algorithm>
#include <numeric>

#include "app/application.h"

namespace evergate::app {
namespace {

shard_status view_of(const upstream::shard_status& s, bool serving) {
  return {.id = s.shard.id,
          .count = s.shard.count,
          .state = std::string(s.state),
          .session = s.session,
          .committed_seq = s.seq_committed,
          .latency_ms = s.latency_us < 0 ? -1 : s.latency_us / 1000,
          .identifies = s.identifies,
          .resumes = s.resumes,
          .worker = s.worker,
          .last_event_ms = s.last_event_ms,
          .events = s.events,
          .connects = s.connects,
          .identifies_refused = s.identifies_refused,
          .gaps = s.gaps,
          .zombies = s.zombies,
          .commands_queued = s.commands_queued,
          .serving = serving};
}

consumer_status view_of(downstream::guarded_consumer& one, flow::offset head) {
  const std::scoped_lock lock(one.mutex);
  const auto& record = one.body.record();
  consumer_status out;
  out.name = record.name;
  out.paused = record.paused;
  out.read_only = one.body.policy().read_only;
  out.sessions = one.body.sessions();
  out.given_up = std::accumulate(record.given_up.begin(), record.given_up.end(), std::uint64_t{0});
  out.interactions_sent = one.body.interactions_sent();
  out.interactions_expired = one.body.interactions_expired();
  out.commands_vetoed = one.body.commands_vetoed();
  for (const auto& lane : one.body.status()) {
    out.lanes.push_back({.id = lane.lane.id,
                         .count = lane.lane.count,
                         .connected = lane.connected,
                         .held = lane.held,
                         .unacknowledged = lane.unacknowledged,
                         .cursor = lane.cursor.value,
                         .position = lane.position.value,
                         .lag = head.value - std::min(head.value, lane.position.value)});
  }
  return out;
}

}  // namespace

std::uint16_t application::port() const {
  return gateway_ ? gateway_->port() : 0;
}

std::vector<shard_status> application::shards() const {
  std::vector<shard_status> out;
  if (!fleets_) return out;
  for (const auto side : {control::fleet_side::old_fleet, control::fleet_side::new_fleet}) {
    const auto one = fleets_->of(side);
    if (!one) continue;
    for (const auto& s : one->status()) out.push_back(view_of(s, side == control::fleet_side::old_fleet));
  }
  return out;
}

std::optional<shard_status> application::shard(std::uint32_t id) const {
  for (auto& one : shards()) {
    if (one.serving && one.id == id) return std::move(one);
  }
  return std::nullopt;
}

std::vector<identify_bucket> application::buckets() const {
  std::vector<identify_bucket> out;
  if (!access_) return out;
  const auto now = base::boot_clock::now();
  for (const auto& one : access_->identifying().buckets) {
    auto& bucket = out.emplace_back();
    bucket.id = static_cast<std::uint32_t>(out.size() - 1);
    bucket.waiting = static_cast<std::uint32_t>(one.waiting);
    if (one.turn) bucket.turn = one.turn->shard;
    const auto left = std::chrono::ceil<base::milliseconds>(one.free_at - now).count();
    bucket.free_in_ms = std::max<std::int64_t>(left, 0);
  }
  return out;
}

session_limits application::limits() const {
  session_limits out;
  if (!access_) return out;
  const auto now = access_->identifying();
  out.known = now.info.has_value();
  if (now.info) {
    out.recommended_shards = now.info->shards;
    out.max_concurrency = now.info->max_concurrency;
  }
  out.total = now.book.total;
  out.remaining = now.remaining;
  out.reset_ms = now.book.reset_ms;
  out.starts = now.book.window[static_cast<std::size_t>(proto::identify_cause::start)];
  out.reidentifies = now.book.window[static_cast<std::size_t>(proto::identify_cause::reidentify)];
  out.reshards = now.book.window[static_cast<std::size_t>(proto::identify_cause::reshard)];
  return out;
}

std::vector<worker_status> application::workers() const {
  std::vector<worker_status> out(loops_.size());
  const auto load = meter_.load();
  const auto connections = running_ ? gateway_->connections_by_loop() : std::vector<std::size_t>();
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].id = static_cast<std::uint32_t>(i);
    out[i].busy = load[i].busy;
    out[i].events_per_second = load[i].events_per_second;
    if (i < connections.size()) out[i].connections = static_cast<std::uint32_t>(connections[i]);
  }
  if (!fleets_) return out;
  for (const auto& one : fleets_->status()) {
    auto& home = out.at(one.worker);
    ++home.shards;
    home.events += one.events;
  }
  return out;
}

std::vector<fleet_status> application::fleets() const {
  std::vector<fleet_status> out;
  if (!fleets_) return out;
  for (const auto side : {control::fleet_side::old_fleet, control::fleet_side::new_fleet}) {
    const auto one = fleets_->of(side);
    if (!one) continue;
    out.push_back({.count = one->shard_count(),
                   .first = one->first(),
                   .last = one->last(),
                   .ready = one->shards_ready(),
                   .serving = side == control::fleet_side::old_fleet});
  }
  return out;
}

std::vector<consumer_status> application::consumers() const {
  std::vector<consumer_status> out;
  if (!running_) return out;
  const auto head = journal_->head();
  for (auto* one : gateway_->readers().all()) out.push_back(view_of(*one, head));
  return out;
}

journal_status application::journal() const {
  journal_status out;
  if (!journal_) return out;
  const auto now = journal_->status();
  out.head = now.book.head;
  out.gaps = now.book.gaps;
  out.guilds = now.guilds;
  out.stalled = now.stalled;
  for (const auto& totals : now.book.classes) {
    out.events += totals.events;
    out.bytes += totals.bytes;
    out.evicted += totals.evicted_unacked;
  }
  return out;
}

std::int64_t application::latency() const {
  std::int64_t sum = 0;
  std::int64_t known = 0;
  for (const auto& one : shards()) {
    if (one.state != "live" || one.latency_ms < 0) continue;
    sum += one.latency_ms;
    ++known;
  }
  return known == 0 ? -1 : sum / known;
}

std::uint32_t application::calculate_shard_id(std::uint64_t guild_id, std::uint32_t total_shards) const {
  if (total_shards == 0 && fleets_) total_shards = fleets_->of(control::fleet_side::old_fleet)->shard_count();
  return total_shards == 0 ? 0 : static_cast<std::uint32_t>((guild_id >> 22) % total_shards);
}

std::uint32_t application::calculate_worker_id(std::uint32_t shard) const {
  if (!fleets_) return 0;
  const auto serving = fleets_->of(control::fleet_side::old_fleet);
  return serving->shards_held() == 0 ? 0 : serving->worker_of(shard);
}

}  // namespace evergate::app
