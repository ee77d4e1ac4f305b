// A resharding under way: asks the resharder what comes next and has the junction and the two fleets do it.
// What it needs of sockets and threads is behind reshard_hands, so that the daemon and the simulation run the
// same. Owned by whoever has the fleets; one thread; pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "control/junction.h"
#include "control/resharder.h"

namespace evergate::control {

/// The fleets, as a resharding handles them. Called from inside the course's functions.
class reshard_hands {
 public:
  virtual ~reshard_hands() = default;
  /// All that cuts wait for has come, so long into the phase: they may begin.
  [[nodiscard]] virtual bool permits_cuts(const reshard_facts&, base::nanoseconds) const { return true; }
  /// Both fleets are to prove what has arrived (flow::shard_proof).
  virtual void probe() = 0;
  /// READY and status tell of this fleet from now on.
  virtual void show(fleet_side side) = 0;
  /// End one shard's session with 1000.
  virtual void retire(fleet_side side, std::uint32_t shard) = 0;
  /// End all sessions of a fleet with 1000; answered by reshard_course::ended(), not from inside.
  virtual void end(fleet_side side) = 0;
  /// A phase has begun.
  virtual void phase_changed() = 0;
  /// It is over: `gone` has left, the other fleet is the only one. `last` is the receipt as it is kept.
  virtual void over(const reshard_task& task, fleet_side gone, const receipt& what, std::string last) = 0;
};

struct course_options {
  resharder_options machine;
  cutover_options cut;
  std::uint32_t total = 0;  ///< the option shards.total
};

class reshard_course {
 public:
  /// All outlive it. `wall_ms`: milliseconds since 1970.
  reshard_course(const course_options& options, junction& meeting, reshard_hands& hands,
                 std::function<std::int64_t()> wall_ms);

  [[nodiscard]] bool busy() const noexcept { return machine_.busy(); }
  [[nodiscard]] const reshard_task& task() const noexcept { return machine_.task(); }
  [[nodiscard]] fleet_side leaving() const noexcept { return machine_.leaving(); }

  /// The new fleet has been made and is started next. `known`: the guilds of the mirror.
  void begin(reshard_task task, const std::vector<flow::guild_entry>& known, base::instant now);
  /// The same, with what an earlier run left.
  void go_on(reshard_task task, const cutover_remains& from, base::instant now);
  /// A few times a second.
  void tick(base::instant now);
  /// Undoes it; false when it is too late.
  [[nodiscard]] bool abort(std::string why, base::instant now);
  /// A fleet has met what forbids to go on (a fatal close code): what is prepared is given up. True when
  /// nothing serves any more.
  [[nodiscard]] bool failed(fleet_side side, const std::string& why, base::instant now);
  /// The fleet that leaves has stopped.
  void ended() noexcept { ended_ = true; }

 private:
  [[nodiscard]] reshard_facts seen(base::instant now) const;
  void follow(const reshard_orders& orders);
  void finish();
  [[nodiscard]] flow::control_record task_record() const;

  const course_options options_;
  junction& meeting_;
  reshard_hands& hands_;
  const std::function<std::int64_t()> wall_ms_;
  resharder machine_;
  bool ended_ = false;
  base::instant probe_at_{};
};

}  // namespace evergate::control
