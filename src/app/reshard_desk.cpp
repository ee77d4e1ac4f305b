#include "app/reshard_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "app/errc.h"
#include "app/part_options.h"

namespace evergate::app {
namespace {

using control::fleet_side;
using control::reshard_phase;

constexpr base::milliseconds answer_grace{1'000};  ///< less than a command waits
constexpr base::milliseconds tick_interval{200};

resharding_plan shown(const control::reshard_plan& plan) {
  return {.current = plan.current,
          .target = plan.target,
          .identifies = plan.identifies,
          .seconds = plan.seconds,
          .remaining_after = plan.remaining_after,
          .fullest_percent = plan.fullest_percent,
          .fullest_after_percent = plan.fullest_after_percent,
          .cause = plan.cause,
          .refusal = plan.refusal,
          .text = plan.text()};
}

}  // namespace

reshard_desk::reshard_desk(reshard_ground around, const gateway_options& options)
    : ground_(std::move(around)),
      options_(options),
      plan_options_(plan_options_of(options)),
      course_({resharder_options_of(options), cutover_options_of(options), options.shards.total},
              ground_.meeting, *this, [] { return base::unix_time_ms(); }),
      tick_(ground_.control),
      check_(ground_.control),
      patience_(ground_.control) {}

reshard_desk::~reshard_desk() = default;

void reshard_desk::serves(control::fleet_shape shape, std::string last) {
  shape_ = shape;
  status_.last = std::move(last);
}

result<void> reshard_desk::go_on(control::reshard_task task, const control::cutover_remains& from,
                                 std::vector<flow::stored_session> stored) {
  auto made = ground_.make_fleet({.shape = task.to,
                                  .number = ++number_,
                                  .door = 1 - door_,
                                  .first_cause = proto::identify_cause::reidentify,
                                  .stored = std::move(stored),
                                  .on_fatal = failure_of(number_)});
  if (!made) return std::unexpected(made.error());
  ground_.fleets.prepare(std::move(*made), task.to.twin);
  course_.go_on(std::move(task), from, base::boot_clock::now());
  return {};
}

void reshard_desk::start() {
  check_.arm_in(options_.reshard.check_interval, [this] { look(); });
  if (!course_.busy()) return;
  ground_.fleets.of(fleet_side::new_fleet)->start();
  phase_changed();
  tick_.arm_in(tick_interval, [this] { tick(); });
}

void reshard_desk::stop() {
  stopped_ = true;
  alive_.reset();
  asking_.reset();
  patience_.cancel();
  tick_.cancel();
  check_.cancel();
}

std::function<void(const base::error&)> reshard_desk::failure_of(std::uint32_t number) {
  return [this, number](const base::error& why) {
    const bool serves = number == serving_number_;
    fleet_failed(serves ? fleet_side::old_fleet : fleet_side::new_fleet, why);
  };
}

void reshard_desk::facts(std::function<void(result<control::plan_facts>)> to) {
  if (asking_) return to(base::fail(errc::not_now, "Discord is being asked already"));
  asking_ = std::make_shared<bool>();
  // An answer that comes after whoever asked has been told of none begins nothing.
  patience_.arm_in(options_.discord.rest_timeout + answer_grace, [this, to] {
    asking_.reset();
    to(base::fail(errc::not_now, "Discord has not answered"));
  });
  ground_.access.ask([this, mine = std::weak_ptr(asking_),
                      to = std::move(to)](const base::result<upstream::gateway_info>& info) {
    if (mine.expired()) return;
    asking_.reset();
    patience_.cancel();
    if (!info) return to(std::unexpected(info.error()));
    control::plan_facts out;
    out.current = ground_.fleets.of(fleet_side::old_fleet)->shard_count();
    out.guilds.resize(out.current);
    const auto known = ground_.store.guilds({0, 1}, ground_.store.head());
    if (!known) return to(std::unexpected(known.error()));
    for (const auto& guild : *known) {
      if (out.current > 0) ++out.guilds[(guild.id >> 22) % out.current];
    }
    out.recommended = info->shards;
    out.max_concurrency = info->max_concurrency;
    const auto now = base::unix_time_ms();
    out.remaining = ground_.access.ledger().remaining(now);
    out.allowance = ground_.access.ledger().allowance(proto::identify_cause::reshard, now);
    to(out);
  });
}

control::reshard_plan reshard_desk::plan_for(std::uint32_t shards, const control::plan_facts& known) const {
  auto plan = shards == 0 ? control::plan_automatic(plan_options_, known)
                          : control::plan_manual(plan_options_, known, shards);
  if (!plan.possible()) return plan;
  const auto serving = ground_.fleets.of(fleet_side::old_fleet);
  if (course_.busy()) {
    plan.refusal = fmt::format("resharding {} -> {} runs, in phase {}", course_.task().from.count,
                               course_.task().to.count, name_of(course_.task().phase));
  } else if (serving->shards_held() != serving->shard_count()) {
    plan.refusal = "this process holds only some of the shards (shards.first, shards.last)";
  } else if (serving->shards_ready() != serving->shards_held()) {
    plan.refusal = fmt::format("{} of {} shards are ready", serving->shards_ready(), serving->shards_held());
  } else if (!ground_.store.complete()) {
    plan.refusal = "guilds are still arriving";
  }
  return plan;
}

void reshard_desk::plan(std::uint32_t shards, answer to) {
  facts(
      [this, shards, to = std::make_shared<answer>(std::move(to))](const result<control::plan_facts>& known) {
        if (!known) return (*to)(std::unexpected(known.error()));
        (*to)(shown(plan_for(shards, *known)));
      });
}

void reshard_desk::begin(std::uint32_t shards, answer to) {
  facts(
      [this, shards, to = std::make_shared<answer>(std::move(to))](const result<control::plan_facts>& known) {
        if (!known) return (*to)(std::unexpected(known.error()));
        auto plan = plan_for(shards, *known);
        if (shards == 0 && plan.possible()) plan.cause = plan.wanted() ? plan.cause : "asked for";
        if (!plan.possible()) return (*to)(base::fail(errc::not_now, plan.text()));
        if (auto begun = carry_out(plan, *known); !begun) return (*to)(std::unexpected(begun.error()));
        (*to)(shown(plan));
      });
}

result<void> reshard_desk::carry_out(const control::reshard_plan& plan, const control::plan_facts& known) {
  control::reshard_task task;
  task.from = {known.current, shape_.twin};
  task.to = {plan.target, plan.target == known.current && !shape_.twin};
  task.began_ms = base::unix_time_ms();
  task.cause = plan.cause;
  fleet_order order;
  order.shape = task.to;
  order.number = ++number_;
  order.door = 1 - door_;
  // Somebody who asks by hand may use what an automatic one leaves.
  if (plan.identifies > known.allowance) ground_.access.open_reserve(order.number);
  order.on_fatal = failure_of(number_);
  const auto guilds = ground_.store.guilds({0, 1}, ground_.store.head());
  if (!guilds) return std::unexpected(guilds.error());
  auto made = ground_.make_fleet(std::move(order));
  if (!made) return std::unexpected(made.error());
  course_.begin(std::move(task), *guilds, base::boot_clock::now());
  ground_.fleets.prepare(*made, course_.task().to.twin);
  (*made)->start();
  ground_.control.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) ground_.fleets.repeat_presences();
  });
  ground_.log.info("reshard.begins", {{"plan", plan.text()}});
  phase_changed();
  tick_.arm_in(tick_interval, [this] { tick(); });
  return {};
}

result<void> reshard_desk::abort(std::string why) {
  if (!course_.busy()) return base::fail(errc::not_now, "no resharding runs");
  if (!course_.abort(std::move(why), base::boot_clock::now())) {
    return base::fail(errc::not_now, fmt::format("it is too late: phase {}", name_of(course_.task().phase)));
  }
  return {};
}

void reshard_desk::fleet_failed(fleet_side side, const base::error& why) {
  if (stopped_ && side == fleet_side::new_fleet) return;
  if (course_.failed(side, why.text(), base::boot_clock::now())) ground_.on_fatal(why);
}

/// Whether it is time, by itself.
void reshard_desk::look() {
  check_.arm_in(options_.reshard.check_interval, [this] { look(); });
  const auto serving = ground_.fleets.of(fleet_side::old_fleet);
  const bool fixed = options_.shards.total != 0;
  const bool settled = serving->shard_count() > 0 && serving->shards_ready() == serving->shards_held() &&
                       ground_.store.complete();
  if (!options_.reshard.automatic || fixed || course_.busy() || !settled || asking_) return;
  facts([this](const result<control::plan_facts>& known) { judge(known); });
}

/// What an automatic one would do, as decide_resharding has it.
control::reshard_plan reshard_desk::decided(const control::plan_facts& known) const {
  auto plan = plan_for(0, known);
  const auto& decision = ground_.decisions.decide_resharding;
  if (!decision.overridden()) return plan;
  const reshard_question asked{
      .current = known.current,
      .target = plan.target,
      .due = plan.wanted(),
      .fullest_percent = plan.fullest_percent,
      .guilds = std::accumulate(known.guilds.begin(), known.guilds.end(), 0U),
      .recommended = known.recommended,
      .remaining = known.remaining,
  };
  const auto target = decision.ask(asked, [](const auto& about) { return about.due ? about.target : 0U; });
  if (target == (plan.wanted() ? plan.target : 0)) return plan;
  if (target == 0) {
    plan.cause.clear();
    return plan;
  }
  plan = plan_for(target, known);
  plan.cause = "decide_resharding";
  if (plan.possible() && plan.identifies > known.allowance) {
    plan.refusal = fmt::format("{} session starts are needed, {} are left that resharding may use",
                               plan.identifies, known.allowance);
  }
  return plan;
}

bool reshard_desk::permits_cuts(const control::reshard_facts& seen, base::nanoseconds waited) const {
  const auto& decision = ground_.decisions.permit_switch;
  if (!decision.overridden()) return true;
  const switch_question asked{
      .from = course_.task().from.count,
      .to = course_.task().to.count,
      .ready_shards = seen.ready_shards,
      .waited = std::chrono::duration_cast<base::milliseconds>(waited),
  };
  return decision.ask(asked, [](const auto&) { return true; });
}

void reshard_desk::judge(const result<control::plan_facts>& known) {
  if (!known) {
    ground_.log.warn("reshard.not_judged", {{"error", known.error().text()}});
    return;
  }
  auto plan = decided(*known);
  ground_.log.debug("reshard.judged", {{"plan", plan.text()}});
  if (!plan.wanted()) return;
  if (plan.possible() && base::boot_clock::now() < rest_until_)
    plan.refusal = "the last one was given up lately";
  if (plan.possible()) {
    if (auto begun = carry_out(plan, *known); !begun) plan.refusal = begun.error().text();
  }
  {
    const std::scoped_lock lock(status_mutex_);
    status_.refusal = plan.refusal;
  }
  if (plan.refusal.empty() || plan.refusal == refusal_told_) return;
  refusal_told_ = plan.refusal;
  ground_.log.warn("reshard.refused", {{"plan", plan.text()}});
}

void reshard_desk::tick() {
  if (stopped_ || !course_.busy()) return;
  tick_.arm_in(tick_interval, [this] { tick(); });
  course_.tick(base::boot_clock::now());
}

void reshard_desk::probe() {
  ground_.fleets.probe();
}

void reshard_desk::show(fleet_side side) {
  ground_.fleets.show(side);
}

void reshard_desk::retire(fleet_side side, std::uint32_t shard) {
  ground_.fleets.of(side)->retire(shard);
}

void reshard_desk::end(fleet_side side) {
  ground_.fleets.of(side)->stop(true, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) course_.ended();
  });
}

void reshard_desk::over(const control::reshard_task& task, fleet_side gone, const control::receipt& what,
                        std::string last) {
  ground_.fleets.end(gone);
  shape_ = task.turned ? task.from : task.to;
  if (!task.turned) {
    door_ = 1 - door_;
    serving_number_ = number_;
  } else {
    rest_until_ = base::boot_clock::now() + options_.reshard.retry_after;
  }
  ground_.log.info(task.turned ? "reshard.aborted" : "reshard.done",
                   {{"why", task.turned ? task.abort_cause : task.cause}, {"receipt", what.to_json()}});
  {
    const std::scoped_lock lock(status_mutex_);
    status_.last = std::move(last);
  }
  phase_changed();
}

void reshard_desk::phase_changed() {
  const auto& task = course_.task();
  if (course_.busy()) {
    if (task.phase == control::reshard_phase::cut) ground_.fleets.of(fleet_side::new_fleet)->serves();
    ground_.log.info("reshard.phase", {{"phase", name_of(task.phase)},
                                       {"from", task.from.count},
                                       {"to", task.to.count},
                                       {"why", task.turned ? task.abort_cause : task.cause}});
  }
  {
    const std::scoped_lock lock(status_mutex_);
    status_.phase = name_of(task.phase);
    status_.from = task.from.count;
    status_.to = task.to.count;
    status_.began_ms = task.began_ms;
    status_.cause = task.cause;
    status_.abort_cause = task.abort_cause;
  }
  if (ground_.on_status) ground_.on_status(status());
}

resharding_status reshard_desk::status() const {
  resharding_status out;
  {
    const std::scoped_lock lock(status_mutex_);
    out = status_;
  }
  const auto fill = ground_.meeting.ask<bool>([&out](const control::cutover& cut) {
    out.ready_shards = cut.ready_shards();
    out.guilds = cut.streams();
    out.guilds_left = cut.unsettled();
    return true;
  });
  (void)fill;
  return out;
}

}  // namespace evergate::app
