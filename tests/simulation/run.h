// One seed from its first event to its verdict: puts the processes together, makes the faults, and asks the
// oracle. One thread, no clock but the virtual one, so a seed's run is always the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "swarm.h"

namespace evergate::simulation {

struct outcome {
  std::uint64_t seed = 0;
  std::vector<std::string> findings;  ///< empty: all is well
  std::uint64_t hash = 0;             ///< of the trace
  std::uint64_t steps = 0;            ///< events of the heap
  std::uint64_t dispatches = 0;       ///< that Discord numbered
  std::uint64_t rows = 0;             ///< of the journal
  std::uint64_t gaps = 0;
  std::uint64_t lost_with_record = 0;
  std::uint64_t daemon_lives = 0;
  std::uint64_t received = 0;  ///< events that bots had
  std::uint64_t redelivered = 0;
  std::uint64_t given_up = 0;            ///< rows that a journal without room evicted before all had them
  std::uint64_t answers = 0;             ///< replies to commands that bots had
  std::uint64_t interactions = 0;        ///< that bots had
  std::uint64_t interactions_spent = 0;  ///< that no bot had
  std::uint64_t came_back = 0;           ///< guilds, from a new session that was lost
  std::uint64_t reshardings = 0;         ///< that were brought to their end
  std::uint64_t guild_moves = 0;         ///< of these, guilds
  std::uint64_t unaligned = 0;           ///< guilds that moved with a GAP
  double virtual_seconds = 0;
};

/// How a seed is run.
struct run_wishes {
  bool print = false;
  bool bots = true;
  bool resharding = false;
};

[[nodiscard]] outcome run_seed(std::uint64_t seed, const run_wishes& wishes);

}  // namespace evergate::simulation
