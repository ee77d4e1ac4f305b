// Carries out reshardings: makes plans from what is known, starts and ends the second fleet, and has
// control's course say what comes next. Owned by the application, on the control loop; what is marked so
// is thread-safe. One resharding at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "app/fleet_pair.h"
#include "base/log.h"
#include "control/junction.h"
#include "control/reshard_course.h"
#include "control/reshard_plan.h"
#include "controllers/desk.h"
#include "evergate/gateway_options.h"
#include "evergate/resharding.h"
#include "journal/journal.h"
#include "net/event_loop.h"
#include "upstream/access.h"
#include "upstream/fleet.h"

namespace evergate::app {

/// A fleet that the desk wants.
struct fleet_order {
  control::fleet_shape shape;
  std::uint32_t number = 0;  ///< in the identify line
  std::size_t door = 0;      ///< of the junction
  proto::identify_cause first_cause = proto::identify_cause::reshard;
  std::vector<flow::stored_session> stored;
  std::function<std::uint32_t(const upstream::gateway_info&)> choose_count{};  ///< nothing = shape.count
  std::function<void(const base::error& why)> on_fatal;
};

struct reshard_ground {
  net::event_loop& control;
  upstream::access& access;
  control::junction& meeting;
  fleet_pair& fleets;
  journal::journal& store;
  base::logger& log;
  const decide::desk& decisions;
  std::function<result<std::shared_ptr<upstream::fleet>>(fleet_order)> make_fleet;
  std::function<void(const base::error& why)> on_fatal;  ///< nothing serves any more
  std::function<void(const resharding_status& now)> on_status;
};

class reshard_desk final : private control::reshard_hands {
 public:
  reshard_desk(reshard_ground around, const gateway_options& options);
  ~reshard_desk() override;

  /// Before start(): what serves, and the receipt of an earlier run.
  void serves(control::fleet_shape shape, std::string last);
  /// Before start(): an earlier run was cut off in the middle. The new fleet is made here and started by
  /// start().
  [[nodiscard]] result<void> go_on(control::reshard_task task, const control::cutover_remains& from,
                                   std::vector<flow::stored_session> stored);

  /// For the fleet that serves first.
  [[nodiscard]] std::function<void(const base::error&)> failure_of_serving() { return failure_of(0); }

  // On the control loop.
  void start();
  void stop();
  using answer = std::move_only_function<void(result<resharding_plan>)>;
  /// 0 shards: what is called for.
  void plan(std::uint32_t shards, answer to);
  void begin(std::uint32_t shards, answer to);
  [[nodiscard]] result<void> abort(std::string why);
  void fleet_failed(control::fleet_side side, const base::error& why);

  /// Thread-safe.
  [[nodiscard]] resharding_status status() const;

 private:
  void facts(std::function<void(result<control::plan_facts>)> to);
  [[nodiscard]] control::reshard_plan plan_for(std::uint32_t shards, const control::plan_facts& known) const;
  [[nodiscard]] result<void> carry_out(const control::reshard_plan& plan, const control::plan_facts& known);
  void look();
  void judge(const result<control::plan_facts>& known);
  [[nodiscard]] control::reshard_plan decided(const control::plan_facts& known) const;
  void tick();
  [[nodiscard]] bool permits_cuts(const control::reshard_facts& seen,
                                  base::nanoseconds waited) const override;
  void probe() override;
  void show(control::fleet_side side) override;
  void retire(control::fleet_side side, std::uint32_t shard) override;
  void end(control::fleet_side side) override;
  /// Logs the phase and tells the library's user.
  void phase_changed() override;
  void over(const control::reshard_task& task, control::fleet_side gone, const control::receipt& what,
            std::string last) override;
  [[nodiscard]] std::function<void(const base::error&)> failure_of(std::uint32_t number);

  reshard_ground ground_;
  const gateway_options& options_;
  const control::plan_options plan_options_;
  control::reshard_course course_;
  net::timer tick_;
  net::timer check_;
  net::timer patience_;
  control::fleet_shape shape_;  ///< of the fleet that serves; no count = what the fleet itself says
  std::uint32_t number_ = 0;    ///< of the newest fleet
  std::uint32_t serving_number_ = 0;
  std::size_t door_ = 0;          ///< of the fleet that serves
  std::shared_ptr<bool> asking_;  ///< while Discord is asked how many shards it wants
  bool stopped_ = false;
  base::instant rest_until_{};
  std::string refusal_told_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  mutable std::mutex status_mutex_;
  resharding_status status_;
};

}  // namespace evergate::app
