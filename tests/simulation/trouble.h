// Makes the faults of a run: which, when and to whom, drawn from the seed. Owned by the run; one thread. What
// it does to processes is asked of the run, since it owns them.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "discord_side.h"
#include "network.h"
#include "virtual_journal.h"

namespace evergate::simulation {

/// What trouble can do to the daemon.
struct daemon_handle {
  std::function<void()> kill;
  std::function<void()> stop;
  std::function<void(base::nanoseconds)> suspend;
  std::function<void(base::milliseconds)> set_clock;  ///< how far the machine's wall clock is off from now on
  std::function<void(base::instant)> disk_disturbed;  ///< commits may be late or fail until then
};

class trouble {
 public:
  /// One kind of fault, with the rows of the failure catalogue that it is.
  struct kind {
    std::string_view name;
    std::string_view rows;
    void (*make)(trouble&);
  };
  /// All there are; a swarm names them by their place.
  [[nodiscard]] static std::span<const kind> kinds();
  /// Of these, how many there were when the first seeds were run; see swarm::of.
  static constexpr std::size_t first_kinds = 47;
  static constexpr std::size_t huge_bytes_max = 401'000;  ///< of a payload that the fault "huge" makes

  trouble(virtual_time& time, trace& log, std::uint64_t seed, network& net, discord_side& discord,
          virtual_disk& disk, daemon_handle daemon);

  /// From now until stop(): one of `chosen` every `every`, about.
  void start(std::span<const std::size_t> chosen, base::milliseconds every);
  /// No fault is made any more, and none that lasts goes on.
  void stop();
  /// The process died inside a commit: the run is to kill it before anything else happens.
  [[nodiscard]] bool take_death() noexcept { return std::exchange(dies_, false); }

 private:
  friend struct maker;
  void next();
  base::result<void> at_commit();

  timeline timeline_;
  trace& log_;
  network& net_;
  discord_side& discord_;
  virtual_disk& disk_;
  daemon_handle daemon_;
  base::rng chance_;
  std::span<const std::size_t> chosen_;
  base::milliseconds every_{0};
  bool active_ = false;
  base::instant disk_error_until_{};
  std::uint32_t commits_to_death_ = 0;
  bool dies_ = false;
};

}  // namespace evergate::simulation
