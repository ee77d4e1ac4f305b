// One resharding from its beginning to its end: what is to be done next, from what is seen of the two fleets.
// Owned by whoever carries it out, on one thread; pure. What it knows that must outlast the process is its
// task, kept with every change of phase.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "control/cutover.h"

namespace evergate::control {

enum class reshard_phase : std::uint8_t {
  idle,
  prepare,  ///< new shards identify
  overlap,  ///< all have had their READY; guilds arrive, nothing moves yet
  cut,      ///< guilds move
  drain,    ///< all have moved; the old shards are listened to, then closed
  back,     ///< guilds return to the old fleet
  leave,    ///< one fleet serves, the other one is ending
};
[[nodiscard]] std::string_view name_of(reshard_phase phase) noexcept;

struct resharder_options {
  base::milliseconds stall_max{600'000};        ///< preparing ends when no further shard is READY for so long
  base::milliseconds guild_wait{30'000};        ///< for guilds that a READY has listed and that do not come
  base::milliseconds voice_drain_max{900'000};  ///< an old shard that carries the bot's voice stays so long
  base::milliseconds drain_max{60'000};         ///< and any other one that cannot be shown to be done
};

/// What is being done; kept, so that a later run goes on or gives up.
struct reshard_task {
  reshard_phase phase = reshard_phase::idle;
  fleet_shape from;
  fleet_shape to;
  std::int64_t began_ms = 0;  ///< wall time
  std::uint32_t restarts = 0;
  bool turned = false;      ///< it is being undone
  std::string cause;        ///< why it was begun
  std::string abort_cause;  ///< why it is being undone

  [[nodiscard]] std::string to_json() const;
};
/// Nothing when the text is no task.
[[nodiscard]] std::optional<reshard_task> parse_task(std::string_view json);

/// What is seen of the fleets at one moment.
struct reshard_facts {
  std::uint32_t ready_shards = 0;  ///< of the new fleet
  std::size_t awaited = 0;         ///< guilds that have not come yet
  bool permitted = true;           ///< cuts may begin
  bool complete = false;           ///< every guild is where it is to be
  std::vector<bool> closable;      ///< of the fleet that is left, by shard: nothing more is to be learnt
  std::vector<bool> voice;         ///< of the old fleet, by shard
  bool ended = false;              ///< the fleet that is left has stopped
};

/// What is to be done, in this order.
struct reshard_orders {
  bool changed = false;    ///< the task: keep it (with what follows where that is one transaction), tell it
  bool open = false;       ///< cuts begin
  bool turn_back = false;  ///< guilds return
  std::vector<std::uint32_t> retire;  ///< shards of the fleet that is left, with 1000; see retired()
  bool end_fleet = false;             ///< stop the fleet that is left, with 1000
  bool finish = false;                ///< the other one has gone: the receipt is due
};

class resharder {
 public:
  explicit resharder(resharder_options options) noexcept : options_(options) {}

  [[nodiscard]] bool busy() const noexcept { return task_.phase != reshard_phase::idle; }
  [[nodiscard]] const reshard_task& task() const noexcept { return task_; }
  /// Which fleet goes in the end.
  [[nodiscard]] fleet_side leaving() const noexcept {
    return task_.turned ? fleet_side::new_fleet : fleet_side::old_fleet;
  }

  /// The new fleet is being started.
  void begin(reshard_task task, base::instant now);
  /// With a task from an earlier run, whose cuts had begun.
  void go_on(reshard_task task, base::instant now);
  [[nodiscard]] reshard_orders step(const reshard_facts& seen, base::instant now);
  /// Whether all that cuts wait for has come, but for the permission.
  [[nodiscard]] bool may_open(std::size_t awaited, base::instant now) const noexcept {
    return task_.phase == reshard_phase::overlap && (awaited == 0 || now - since_ >= options_.guild_wait);
  }
  /// How long the phase has lasted.
  [[nodiscard]] base::nanoseconds lasted(base::instant now) const noexcept { return now - since_; }
  /// Undoes it. False when it is too late: the old fleet is being closed.
  [[nodiscard]] bool abort(std::string why, reshard_orders& out, base::instant now);
  /// A shard that was to be retired is being closed.
  void retired(std::uint32_t shard) { retired_.insert(shard); }
  /// After finish().
  void done() noexcept { task_ = {}; }

 private:
  void enter(reshard_phase phase, reshard_orders& out, base::instant now);
  void step_drain(const reshard_facts& seen, base::instant now, reshard_orders& out);

  const resharder_options options_;
  reshard_task task_;
  base::instant since_{};  ///< when the phase began, or a further shard was READY
  std::uint32_t ready_shards_ = 0;
  std::optional<base::instant> complete_since_;
  std::set<std::uint32_t> retired_;
};

}  // namespace evergate::control
