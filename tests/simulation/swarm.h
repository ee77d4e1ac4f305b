// What one seed is: how large its world is, how its parts are set, and which faults it has and how often.
// Each seed draws its own mix, so that rare combinations come up. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bot_crowd.h"
#include "daemon.h"
#include "network.h"
#include "sim/discord_options.h"

namespace evergate::simulation {

/// A resharding that somebody asks for.
struct reshard_wish {
  base::milliseconds at{0};  ///< since the start; later when it cannot begin then
  std::uint32_t shards = 1;
  base::milliseconds abort_after{0};  ///< since it began; 0 = not
};

struct swarm {
  std::uint64_t seed = 0;
  sim::discord_options discord;
  network_options net;
  daemon_options daemon;
  bot_crowd_options bots;
  bool has_bots = true;
  double events_per_second = 5;
  base::seconds active{120};              ///< as long as there are faults
  base::milliseconds fault_every{4'000};  ///< mean time between two
  std::vector<reshard_wish> reshardings;
  unsigned kills_in_handover = 0;
  base::milliseconds repeats_every{0};  ///< many events that are equal to earlier ones; 0 = none
  std::vector<std::size_t> faults;      ///< those that this seed has: places in trouble::kinds()

  /// The journal holds so little that it must give events up.
  [[nodiscard]] bool evicts() const {
    const auto& core = daemon.journal.core;
    return core.max_events < 10'000 || core.max_bytes < 10'000'000 || core.max_age < base::seconds(3'600);
  }
  /// `resharding`: with some, and without what would make one session's stream another than the other's.
  [[nodiscard]] static swarm of(std::uint64_t seed, bool resharding = false);
  [[nodiscard]] std::string text() const;
};

}  // namespace evergate::simulation
