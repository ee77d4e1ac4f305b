#include "swarm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "downstream/backlog.h"
#include "trouble.h"

namespace evergate::simulation {
namespace {

template <class T, std::size_t n>
T one_of(base::rng& chance, const std::array<T, n>& list) {
  return list[chance.below(n)];
}

std::int64_t between(base::rng& chance, std::int64_t least, std::int64_t most) {
  return least + static_cast<std::int64_t>(chance.below(static_cast<std::uint64_t>(most - least) + 1));
}

void draw_discord(base::rng& chance, std::uint64_t seed, sim::discord_options& out) {
  out.world.seed = seed;
  out.world.guilds = static_cast<std::uint32_t>(between(chance, 10, 30));
  out.world.members = static_cast<std::uint32_t>(between(chance, 2, 6));
  out.mix.message_bytes = static_cast<std::uint32_t>(one_of(chance, std::array{60, 200, 1200}));
  out.mix.outage_share_max = 0.1;
  out.session_seed = seed + 1;
  out.max_concurrency = static_cast<std::uint32_t>(between(chance, 1, 3));
  out.heartbeat_interval_ms = one_of(chance, std::array{2'000, 5'000, 15'000, 41'250});
  out.session_ttl_ms = one_of(chance, std::array{15'000, 60'000, 180'000});
  out.replay_max = static_cast<std::uint32_t>(one_of(chance, std::array{0, 0, 30, 100, 3'500}));
  out.replay_prune = chance.chance(0.7);
  out.guild_create_rate = static_cast<std::uint32_t>(one_of(chance, std::array{10, 100, 1'000}));
}

void draw_daemon(base::rng& chance, daemon_options& out) {
  using enum proto::compression;
  auto& up = out.upstream;
  up.shards = static_cast<std::uint32_t>(between(chance, 1, 4));
  up.core.compress = one_of(chance, std::array{none, zlib_stream, zstd_stream});
  up.core.session.identify.intents = sim::intent::all;
  up.core.session.identify.large_threshold = 250;
  up.batch.tick = std::chrono::microseconds(one_of(chance, std::array{0, 1'000, 20'000}));
  up.batch.batch_bytes_max = one_of(chance, std::array<std::size_t, 2>{8 * 1024, 1024 * 1024});
  auto& core = out.journal.core;
  core.storage = journal::storage_kind::memory;
  core.queue_items_max = one_of(chance, std::array<std::size_t, 3>{2, 16, 4096});
  core.queue_bytes_max = one_of(chance, std::array<std::size_t, 2>{64 * 1024, 64 * 1024 * 1024});
  core.checkpoint_bytes_min = one_of(chance, std::array<std::size_t, 2>{512, 64 * 1024});
  core.checkpoint_blobs_max = one_of(chance, std::array<std::size_t, 2>{4, 256});
  core.ring_bytes_max = one_of(chance, std::array<std::size_t, 2>{16 * 1024, 32 * 1024 * 1024});
  out.journal.commit = std::chrono::microseconds(one_of(chance, std::array{100, 2'000, 50'000}));
  out.journal.announce = std::chrono::microseconds(one_of(chance, std::array{10, 1'000, 30'000}));
}

void draw_gateway(base::rng& chance, const base::secret& token, downstream::gateway_options& out) {
  out.token = base::secret(std::string(token.reveal()));
  out.intents = sim::intent::all;
  out.heartbeat_interval = base::milliseconds(between(chance, 1'000, 10'000));
  out.socket.output_bytes_high = one_of(chance, std::array<std::size_t, 2>{8 * 1024, 1024 * 1024});
  out.pump_bytes = one_of(chance, std::array<std::size_t, 2>{2 * 1024, 256 * 1024});
  out.read_bytes = one_of(chance, std::array<std::size_t, 2>{4 * 1024, 256 * 1024});
  downstream::consumer_policy policy;
  if (chance.chance(0.3)) policy.ack_window = static_cast<std::uint32_t>(between(chance, 200, 500));
  if (chance.chance(0.3)) policy.on_clean_close = downstream::clean_close::acked;
  out.consumers.fallback = std::make_shared<const downstream::consumer_policy>(std::move(policy));
}

void draw_bots(base::rng& chance, const base::secret& token, bot_crowd_options& out) {
  out.lanes = static_cast<std::uint32_t>(one_of(chance, std::array{1, 1, 2, 2, 3}));
  out.lanes_max = 3;
  out.manner.token = std::string(token.reveal());
  out.manner.intents = sim::intent::all;
  out.manner.transport = static_cast<proto::compression>(chance.below(3));
  out.manner.compress_payloads = chance.chance(0.2);
  out.manner.answers_requests = chance.chance(0.7);
  out.mischief.pause = base::milliseconds(one_of(chance, std::array{0, 3'000, 10'000, 40'000}));
  out.wire.latency_min = std::chrono::milliseconds(1);
  out.wire.latency_max = std::chrono::milliseconds(between(chance, 1, 60));
  out.wire.buffer_bytes = one_of(chance, std::array<std::size_t, 2>{4 * 1024, 64 * 1024});
}

/// What was added after the first seeds had been run. It draws from a stream of its own and most seeds have
/// none of it, so that those keep their story.
void draw_additions(base::rng chance, swarm& out) {
  if (chance.chance(0.5)) out.bots.manner.asks_every = base::milliseconds(between(chance, 1'000, 20'000));
  if (chance.chance(0.25)) {
    // Without these a bot is still told of its guilds, and which members they have.
    for (const auto one :
         {sim::intent::moderation, sim::intent::expressions, sim::intent::integrations, sim::intent::webhooks,
          sim::intent::invites, sim::intent::voice_states, sim::intent::presences, sim::intent::messages,
          sim::intent::reactions, sim::intent::typing, sim::intent::dm_messages, sim::intent::dm_reactions,
          sim::intent::dm_typing, sim::intent::message_content, sim::intent::scheduled_events,
          sim::intent::automod_configuration, sim::intent::automod_execution, sim::intent::polls,
          sim::intent::dm_polls}) {
      if (chance.chance(0.4)) out.bots.manner.intents &= ~one;
    }
    out.bots.manner.keeps_cache = out.bots.manner.intents == sim::intent::all;
  }
  if (chance.chance(0.15)) {
    auto& journal = out.daemon.journal.core;
    journal.max_events = static_cast<std::uint64_t>(between(chance, 250, 500));
    journal.evict_blobs_max = chance.chance(0.5) ? 256 : 8;
    // No round is larger than the bound: each row is seen in the image once.
    journal.round_bytes_max = 16 * 1024;
    out.daemon.upstream.batch.batch_bytes_max = 8 * 1024;
    out.bots.manner.keeps_cache = false;
  }
  const double share = chance.chance(0.35) ? chance.unit() : 0;
  for (std::size_t i = trouble::first_kinds; i < trouble::kinds().size(); ++i) {
    if (chance.chance(share)) out.faults.push_back(i);
  }
}

/// What came later, drawn apart, so that seeds without it kept their stories.
void draw_delivery(std::uint64_t seed, downstream::gateway_options& out, bot_manner& manner) {
  base::rng chance(seed * 0x9e3779b97f4a7c15ULL + 0xde11);
  if (chance.chance(0.2)) out.catch_up_max_rate = static_cast<std::uint32_t>(between(chance, 20, 200));
  if (chance.chance(0.2)) out.handler_grace = base::milliseconds(between(chance, 50, 3'000));
  if (chance.chance(0.15)) manner.poison_every = static_cast<std::uint64_t>(between(chance, 300, 900));
}

/// Ten times as many events as may be kept while all bots are away: by the journal, or for their consumer.
/// Drawn apart.
void draw_overflow(std::uint64_t seed, swarm& out) {
  base::rng chance(seed * 0x9e3779b97f4a7c15ULL + 0x0ef10);
  if (!chance.chance(0.12)) return;
  const auto kept = static_cast<std::uint64_t>(between(chance, 60, 150));
  out.events_per_second = 10.0 * static_cast<double>(kept) / static_cast<double>(out.active.count());
  out.bots.cut_off_at = base::milliseconds(out.active) / 10;
  out.bots.cut_off_for = base::milliseconds(out.active) * 8 / 10;
  out.bots.manner.keeps_cache = false;
  auto& core = out.daemon.journal.core;
  core.round_bytes_max = 16 * 1024;
  out.daemon.upstream.batch.batch_bytes_max = 8 * 1024;
  auto policy = *out.daemon.gateway.consumers.fallback;
  const bool of_journal = chance.chance(0.5);
  // Nobody should lose what is only on its way back to be acknowledged.
  const auto age =
      std::max(out.active / 10, std::chrono::ceil<base::seconds>(3 * out.daemon.gateway.heartbeat_interval));
  const auto bytes = kept * (200 + out.discord.mix.message_bytes);
  switch (chance.below(3)) {
    case 0:
      (of_journal ? core.max_events : policy.max_events) = kept;
      break;
    case 1:
      (of_journal ? core.max_bytes : policy.max_bytes) = bytes;
      break;
    default:
      if (of_journal) {
        core.max_age = age;
      } else {
        policy.max_age = age;
      }
  }
  out.daemon.gateway.consumers.fallback =
      std::make_shared<const downstream::consumer_policy>(std::move(policy));
}

/// A payload is one frame, and the answer to a beat cannot overtake it. Where the largest takes longer than a
/// bot waits for its answer, every connection is a dead one to it and no manner of serving it helps.
void let_huge_through(const bot_link_options& wire, base::milliseconds& heartbeat_interval) {
  const auto windows = trouble::huge_bytes_max / wire.buffer_bytes + 1;
  // A window takes a way there and one back at most, and the answer is due after two intervals at most.
  heartbeat_interval = std::max<base::milliseconds>(heartbeat_interval, windows * wire.latency_max);
}

/// Row 13 of the failure catalogue: a budget that a seed's faults use up, in days that are short enough for
/// the run. The daemon keeps a reserve, for what it sent and died of before Discord counted it.
void draw_budget(std::uint64_t seed, std::uint32_t shards, sim::discord_options& discord,
                 proto::identify_options& identify) {
  base::rng chance(seed * 0x9e3779b97f4a7c15ULL + 0xb0d9e7);
  if (!chance.chance(0.1)) return;
  identify.reserve = 3;
  // Enough for each shard once, and little more.
  discord.identify_total = identify.reserve + shards + static_cast<std::uint32_t>(between(chance, 0, 3));
  discord.identify_day_ms = between(chance, 60'000, 150'000);
}

/// Reshardings, and how they are carried out. Drawn apart and last.
void draw_reshardings(std::uint64_t seed, swarm& out) {
  base::rng chance(seed * 0x9e3779b97f4a7c15ULL + 0x5a4d5);
  auto& course = out.daemon.reshard;
  // What Discord is late with is at most 4 s (trouble::lag), and a tick.
  course.cut.cut.skew_max = base::milliseconds(between(chance, 4'100, 7'000));
  course.cut.cut.handover_max = base::seconds(between(chance, 6, 20));
  course.cut.cut.overlap_max = base::seconds(between(chance, 120, 240));
  if (chance.chance(0.3)) {
    course.cut.cut.held_items_max = static_cast<std::size_t>(between(chance, 3, 60));
    course.cut.cut.seen_items_max = course.cut.cut.held_items_max;
  }
  if (chance.chance(0.2))
    course.cut.held_bytes_max = static_cast<std::size_t>(between(chance, 2'000, 60'000));
  course.machine.stall_max = base::seconds(between(chance, 20, 120));
  course.machine.guild_wait = base::seconds(between(chance, 2, 30));
  course.machine.voice_drain_max = base::seconds(between(chance, 5, 60));
  course.machine.drain_max = 4 * course.cut.cut.skew_max + base::seconds(20);
  const auto wishes = between(chance, 1, 3);
  base::milliseconds at{0};
  for (std::int64_t i = 0; i < wishes; ++i) {
    at += base::milliseconds(between(chance, 2'000, out.active.count() * 600));
    reshard_wish wish{at, static_cast<std::uint32_t>(between(chance, 1, 5)), base::milliseconds{0}};
    if (chance.chance(0.25)) wish.shards = out.daemon.upstream.shards;
    if (chance.chance(0.25)) wish.abort_after = base::milliseconds(between(chance, 1, 60'000));
    out.reshardings.push_back(wish);
  }
  std::erase_if(out.faults, [](std::size_t one) { return trouble::kinds()[one].name == "drop_type"; });
  if (chance.chance(0.4)) out.kills_in_handover = static_cast<unsigned>(between(chance, 1, 3));
  if (chance.chance(0.4)) {
    out.repeats_every = base::milliseconds(between(chance, 1'000, 8'000));
    out.discord.world.guilds = 10;
    out.discord.world.members = 2;
  }
}

}  // namespace

swarm swarm::of(std::uint64_t seed, bool resharding) {
  base::rng chance(seed * 0x9e3779b97f4a7c15ULL + 0x5eed);
  swarm out;
  out.seed = seed;
  draw_discord(chance, seed, out.discord);
  draw_daemon(chance, out.daemon);
  draw_gateway(chance, out.discord.token, out.daemon.gateway);
  draw_bots(chance, out.discord.token, out.bots);
  draw_delivery(seed, out.daemon.gateway, out.bots.manner);
  // What the option asks of an operator: more than a round trip to the bots.
  auto& consumers = out.daemon.gateway.consumers;
  auto policy = *consumers.fallback;
  policy.close_grace = 4 * out.bots.wire.latency_max;
  consumers.fallback = std::make_shared<const downstream::consumer_policy>(std::move(policy));
  out.net.latency = std::chrono::microseconds(one_of(chance, std::array{50, 5'000, 60'000}));
  out.net.jitter = std::chrono::microseconds(one_of(chance, std::array{10, 5'000, 40'000}));
  out.net.piece_bytes_max = one_of(chance, std::array<std::size_t, 4>{40, 700, 1'400, 16'384});
  out.active = base::seconds(between(chance, 30, 240));
  const auto events = static_cast<double>(between(chance, 150, 1'200));
  out.events_per_second = events / static_cast<double>(out.active.count());
  out.fault_every = base::milliseconds(one_of(chance, std::array{1'500, 4'000, 12'000, 40'000}));
  // Each kind is there or not, by the seed's own share.
  const double share = chance.unit() * 0.8;
  for (std::size_t i = 0; i < trouble::first_kinds; ++i) {
    if (chance.chance(share)) out.faults.push_back(i);
  }
  draw_additions(base::rng(seed ^ 0xadd17105), out);
  draw_budget(seed, out.daemon.upstream.shards, out.discord, out.daemon.upstream.identify);
  if (std::ranges::any_of(out.faults, [](auto one) { return trouble::kinds()[one].name == "huge"; })) {
    let_huge_through(out.bots.wire, out.daemon.gateway.heartbeat_interval);
  }
  draw_overflow(seed, out);
  out.daemon.reshard.total = out.daemon.upstream.shards;
  if (resharding) draw_reshardings(seed, out);
  return out;
}

namespace {

/// What may be kept, where that is little.
std::string bounds_text(const swarm& plan) {
  const auto& core = plan.daemon.journal.core;
  const auto& policy = *plan.daemon.gateway.consumers.fallback;
  std::string out;
  if (plan.evicts()) {
    out = fmt::format("the journal keeps {} events, {} bytes, {} s, ", core.max_events, core.max_bytes,
                      std::chrono::seconds(core.max_age).count());
  }
  if (downstream::has_bounds(policy)) {
    out += fmt::format("their consumer {} events, {} bytes, {} s, ", policy.max_events, policy.max_bytes,
                       std::chrono::seconds(policy.max_age).count());
  }
  return out;
}

}  // namespace

std::string swarm::text() const {
  std::string kinds;
  for (const auto one : faults) kinds += fmt::format(" {}", trouble::kinds()[one].name);
  for (const auto& one : reshardings) {
    kinds += fmt::format("; to {} shards at {} ms", one.shards, one.at.count());
    if (one.abort_after.count() != 0) kinds += fmt::format(", given up after {} ms", one.abort_after.count());
  }
  return fmt::format(
      "{} shards, {} guilds, compress '{}', {} s at {:.1f} events/s, heartbeat {} ms, ttl {} ms, replay "
      "{}{}, "
      "latency {} us, pieces {}, commit {} us, {}{} bots with mischief every {} ms, a fault every {} ms:{}",
      daemon.upstream.shards, discord.world.guilds, proto::name_of(daemon.upstream.core.compress),
      active.count(), events_per_second, discord.heartbeat_interval_ms, discord.session_ttl_ms,
      discord.replay_max, discord.replay_prune ? " pruned" : "", net.latency.count() / 1000,
      net.piece_bytes_max, daemon.journal.commit.count() / 1000, bounds_text(*this), bots.lanes,
      bots.mischief.pause.count(), fault_every.count(), kinds.empty() ? " none" : kinds);
}

}  // namespace evergate::simulation
