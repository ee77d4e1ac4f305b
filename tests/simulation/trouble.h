// Makes the faults of a run: which, when and to whom, drawn from the seed. Owned by the run; one thread. What
// it does to processes is asked of the run, since it owns them.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "discord_side.h"
#include "swarm.h"

namespace evergate::simulation {

/// What trouble can do to the daemon.
struct daemon_handle {
  std::function<void()> kill;
  std::function<void()> stop;
  std::function<void(base::nanoseconds)> suspend;
};

class trouble {
 public:
  trouble(virtual_time& time, trace& log, const swarm& plan, network& net, discord_side& discord,
          virtual_disk& disk, daemon_handle daemon);

  /// From now until stop().
  void start();
  /// No fault is made any more, and none that lasts goes on.
  void stop();
  /// The process died inside a commit: the run is to kill it before anything else happens.
  [[nodiscard]] bool take_death() noexcept { return std::exchange(dies_, false); }

 private:
  void next();
  void make(fault what);
  void on_network(fault what);
  void on_discord(fault what);
  void on_disk(fault what);
  [[nodiscard]] dial_fault how_to_dial(bool resume);
  [[nodiscard]] std::optional<std::uint32_t> some_shard();
  [[nodiscard]] base::nanoseconds span(std::int64_t least_ms, std::int64_t most_ms);
  base::result<void> at_commit();

  timeline timeline_;
  trace& log_;
  const swarm& plan_;
  network& net_;
  discord_side& discord_;
  virtual_disk& disk_;
  daemon_handle daemon_;
  base::rng chance_;
  bool active_ = false;
  base::instant refuse_until_{};
  base::instant slow_until_{};
  base::instant silent_until_{};
  base::instant resume_dead_until_{};
  base::instant disk_error_until_{};
  std::uint32_t commits_to_death_ = 0;
  bool dies_ = false;
};

}  // namespace evergate::simulation
