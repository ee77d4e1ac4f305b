#include "daemon.h"

#include <utility>

namespace evergate::simulation {

daemon::daemon(virtual_time& time, trace& log, network& net, outside& world, virtual_disk& disk,
               const daemon_options& options, const base::secret& token, std::uint64_t seed)
    : timeline_(time),
      journal_(timeline_, log, disk, options.journal, seed),
      upstream_(timeline_, log, net, world, journal_, options.upstream, token, seed + 1) {}

base::result<void> daemon::start() {
  if (auto recovered = journal_.recover(); !recovered) return recovered;
  auto sessions = journal_.stored_sessions();
  if (!sessions) return std::unexpected(sessions.error());
  journal_.start({&upstream_});
  upstream_.start(*sessions, journal_.self());
  return {};
}

void daemon::stop() {
  upstream_.stop();
  journal_.stop();
}

}  // namespace evergate::simulation
