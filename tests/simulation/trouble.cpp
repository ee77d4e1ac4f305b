#include "trouble.h"

#include <array>
#include <cmath>

#include "journal/errc.h"

namespace evergate::simulation {

trouble::trouble(virtual_time& time, trace& log, const swarm& plan, network& net, discord_side& discord,
                 virtual_disk& disk, daemon_handle daemon)
    : timeline_(time),
      log_(log),
      plan_(plan),
      net_(net),
      discord_(discord),
      disk_(disk),
      daemon_(std::move(daemon)),
      chance_(plan.seed ^ 0xfa17fa17ULL) {
  disk_.image->before_commit = [this] { return at_commit(); };
  discord_.next_dial = [this](bool resume) { return how_to_dial(resume); };
}

void trouble::start() {
  active_ = true;
  if (!plan_.faults.empty()) next();
}

void trouble::next() {
  const auto wait = -std::log(1 - chance_.unit()) * static_cast<double>(plan_.fault_every.count());
  timeline_.in(base::milliseconds(static_cast<std::int64_t>(wait)), "trouble", [this] {
    if (!active_) return;
    next();
    make(plan_.faults[chance_.below(plan_.faults.size())]);
  });
}

void trouble::stop() {
  active_ = false;
  refuse_until_ = slow_until_ = silent_until_ = resume_dead_until_ = disk_error_until_ = {};
  disk_.slow = {};
  commits_to_death_ = 0;
  net_.heal();
  discord_.core().mute(std::nullopt, false);
}

base::nanoseconds trouble::span(std::int64_t least_ms, std::int64_t most_ms) {
  return base::milliseconds(
      least_ms + static_cast<std::int64_t>(chance_.below(static_cast<std::uint64_t>(most_ms - least_ms))));
}

std::optional<std::uint32_t> trouble::some_shard() {
  if (chance_.chance(0.25)) return std::nullopt;
  return static_cast<std::uint32_t>(chance_.below(plan_.daemon.upstream.shards));
}

void trouble::make(fault what) {
  log_.say("fault", name_of(what));
  const auto now = timeline_.now();
  switch (what) {
    case fault::dial_refuse:
      refuse_until_ = now + span(500, 20'000);
      break;
    case fault::dial_slow:
      slow_until_ = now + span(500, 20'000);
      break;
    case fault::dial_silent:
      silent_until_ = now + span(500, 15'000);
      break;
    case fault::resume_host_dead:
      resume_dead_until_ = now + span(1'000, 40'000);
      break;
    case fault::disk_error:
    case fault::disk_slow:
    case fault::kill_in_commit:
      on_disk(what);
      break;
    case fault::kill_daemon:
      daemon_.kill();
      break;
    case fault::stop_daemon:
      daemon_.stop();
      break;
    case fault::suspend:
      daemon_.suspend(span(100, 90'000));
      break;
    case fault::burst:
      discord_.core().emit(20 + chance_.below(200), {}, discord_.now_ms());
      break;
    default:
      if (what < fault::dial_refuse) {
        on_network(what);
      } else {
        on_discord(what);
      }
  }
}

void trouble::on_network(fault what) {
  const auto open = net_.open();
  if (open.empty()) return;
  const auto link = open[chance_.below(open.size())];
  switch (what) {
    case fault::reset:
      return net_.reset(link);
    case fault::fin:
      return net_.end(link);
    case fault::stall:
      return net_.stall(link, span(50, 60'000));
    case fault::half_open:
      return net_.half_open(link, chance_.chance(0.7) ? side::server : side::client);
    case fault::lag:
      return net_.lag(link, span(20, 4'000));
    default:
      return net_.cut_after(link, chance_.chance(0.8) ? side::client : side::server, chance_.below(6'000));
  }
}

void trouble::on_discord(fault what) {
  auto& core = discord_.core();
  const auto now = discord_.now_ms();
  static constexpr std::array<std::uint16_t, 8> codes{0, 1000, 1001, 4000, 4006, 4007, 4008, 4009};
  switch (what) {
    case fault::discord_op7:
      core.reconnect(some_shard(), now);
      break;
    case fault::discord_op9:
      core.invalidate(some_shard(), false, now);
      break;
    case fault::discord_op9_true:
      core.invalidate(some_shard(), true, now);
      break;
    case fault::discord_close:
      core.disconnect(some_shard(), codes[chance_.below(codes.size())], now);
      break;
    default:
      core.mute(some_shard(), true);
  }
}

void trouble::on_disk(fault what) {
  switch (what) {
    case fault::disk_error:
      disk_error_until_ = timeline_.now() + span(10, 20'000);
      break;
    case fault::kill_in_commit:
      commits_to_death_ = 1 + static_cast<std::uint32_t>(chance_.below(4));
      break;
    default:
      disk_.slow = span(20, 2'000);
      break;
  }
}

base::result<void> trouble::at_commit() {
  if (commits_to_death_ > 0 && --commits_to_death_ == 0) dies_ = true;
  if (dies_) return base::fail(journal::errc::io, "the process dies");
  if (timeline_.now() < disk_error_until_ && chance_.chance(0.8)) {
    return base::fail(journal::errc::full, chance_.chance(0.5) ? "No space left on device" : "EIO");
  }
  return {};
}

dial_fault trouble::how_to_dial(bool resume) {
  const auto now = timeline_.now();
  if (resume && now < resume_dead_until_) {
    return chance_.chance(0.5) ? dial_fault::refuse : dial_fault::silent;
  }
  if (now < refuse_until_) return dial_fault::refuse;
  if (now < silent_until_) return dial_fault::silent;
  if (now < slow_until_) return dial_fault::slow;
  return dial_fault::none;
}

}  // namespace evergate::simulation
