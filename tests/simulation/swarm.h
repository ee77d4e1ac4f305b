// What one seed is: how large its world is, how its parts are set, and which faults it has and how often.
// Each seed draws its own mix, so that rare combinations come up. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon.h"
#include "network.h"
#include "sim/discord_options.h"

namespace evergate::simulation {

/// The kinds of faults. The rows are those of the failure catalogue (docs/simulation.md).
enum class fault : std::uint8_t {
  reset,             ///< RST at any byte
  fin,               ///< the stream just ends
  stall,             ///< nothing arrives for a while
  half_open,         ///< row 1: what one side sends is lost
  lag,               ///< row 2: everything is late
  cut,               ///< RST in the middle of what is sent next
  dial_refuse,       ///< row 15: refused, or 502 to the upgrade
  dial_slow,         ///< row 17: a slow handshake
  dial_silent,       ///< row 9: a host that does not answer
  resume_host_dead,  ///< row 9: resume_gateway_url leads nowhere, for a while
  discord_op7,       ///< row 5
  discord_op9,       ///< row 6: false
  discord_op9_true,  ///< row 6: true
  discord_close,     ///< rows 10, 11: any close code that is not fatal
  discord_mute,      ///< row 1: no ACKs, no events
  disk_error,        ///< commits fail for a while
  disk_slow,         ///< commits take long for a while
  kill_daemon,       ///< at any event
  kill_in_commit,    ///< the process dies inside a commit
  stop_daemon,       ///< a clean stop and start
  suspend,           ///< row 26: the daemon's machine sleeps
  burst,             ///< many events at once
};
inline constexpr std::size_t fault_count = static_cast<std::size_t>(fault::burst) + 1;
[[nodiscard]] std::string_view name_of(fault what) noexcept;

struct swarm {
  std::uint64_t seed = 0;
  sim::discord_options discord;
  network_options net;
  daemon_options daemon;
  double events_per_second = 5;
  base::seconds active{120};              ///< as long as there are faults
  base::milliseconds fault_every{4'000};  ///< mean time between two
  std::vector<fault> faults;              ///< those that this seed has

  [[nodiscard]] static swarm of(std::uint64_t seed);
  [[nodiscard]] std::string text() const;
};

}  // namespace evergate::simulation
