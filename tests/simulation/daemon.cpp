#include "daemon.h"

#include <utility>

namespace evergate::simulation {

daemon::daemon(virtual_time& time, trace& log, network& net, outside& world, virtual_disk& disk,
               const daemon_options& options, const base::secret& token, bot_log& record,
               reshard_log& reshardings, std::uint64_t seed)
    : options_(options),
      quiet_(base::log_level::off),
      timeline_(time),
      journal_(timeline_, log, disk, options_.journal, seed),
      upstream_(timeline_, log, net, world, journal_, options_.upstream, options_.reshard, token, reshardings,
                seed + 1),
      gateway_({timeline_, options_.gateway, journal_, journal_, journal_, upstream_, upstream_.replies(),
                upstream_, quiet_, record},
               seed + 2) {}

daemon::~daemon() = default;

base::result<void> daemon::start() {
  if (auto recovered = journal_.recover(); !recovered) return recovered;
  journal_.start({&upstream_, this});
  if (auto opened = upstream_.open(); !opened) return opened;
  if (auto loaded = gateway_.start(); !loaded) return loaded;
  upstream_.start();
  return {};
}

void daemon::stop(std::function<void(bool)> done) {
  stopping_ = true;
  gateway_.stop();
  upstream_.stop();
  wait_for_bots(timeline_.now() + options_.gateway.socket.close_timeout, std::move(done));
}

void daemon::wait_for_bots(base::instant until, std::function<void(bool)> done) {
  timeline_.in(base::milliseconds(10), "stopping", [this, until, done = std::move(done)]() mutable {
    if (gateway_.connections() > 0 && timeline_.now() < until) return wait_for_bots(until, std::move(done));
    gateway_.flush();
    done(journal_.stop());
  });
}

}  // namespace evergate::simulation
