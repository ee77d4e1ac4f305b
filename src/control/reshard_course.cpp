#include "control/reshard_course.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "control/reshard_recovery.h"

namespace evergate::control {
namespace {

/// A proof comes with a heartbeat, of which Discord takes some; at most one a second.
constexpr base::milliseconds probe_least{1'000};
constexpr base::milliseconds probe_most{2'000};

}  // namespace

reshard_course::reshard_course(const course_options& options, junction& meeting, reshard_hands& hands,
                               std::function<std::int64_t()> wall_ms)
    : options_(options),
      meeting_(meeting),
      hands_(hands),
      wall_ms_(std::move(wall_ms)),
      machine_(options.machine) {}

void reshard_course::begin(reshard_task task, const std::vector<flow::guild_entry>& known,
                           base::instant now) {
  ended_ = false;
  machine_.begin(std::move(task), now);
  std::unordered_set<proto::snowflake> down;
  for (const auto& guild : known) {
    if (!guild.available) down.insert(guild.id);
  }
  meeting_.begin(options_.cut, machine_.task().from, machine_.task().to, {task_record()}, std::move(down));
}

void reshard_course::go_on(reshard_task task, const cutover_remains& from, base::instant now) {
  ended_ = false;
  meeting_.begin_again(options_.cut, task.from, task.to, from);
  const bool turned = task.turned;
  machine_.go_on(std::move(task), now);
  if (turned) meeting_.turn_back({});
  meeting_.keep({task_record()});
}

reshard_facts reshard_course::seen(base::instant now) const {
  const auto left = machine_.leaving();
  const auto count = left == fleet_side::old_fleet ? task().from.count : task().to.count;
  const auto found = meeting_.ask<reshard_facts>([&](const cutover& cut) {
    reshard_facts out;
    out.ready_shards = cut.ready_shards();
    out.awaited = cut.awaited();
    out.complete = cut.complete();
    for (std::uint32_t i = 0; out.complete && i < count; ++i) {
      out.closable.push_back(cut.may_close(left, i));
      out.voice.push_back(left == fleet_side::old_fleet && cut.carries_voice(i));
    }
    return out;
  });
  auto out = found.value_or(reshard_facts{});
  if (machine_.may_open(out.awaited, now)) out.permitted = hands_.permits_cuts(out, machine_.lasted(now));
  out.ended = ended_;
  return out;
}

void reshard_course::tick(base::instant now) {
  if (!busy()) return;
  meeting_.tick();
  if (now >= probe_at_) {
    const base::milliseconds half = options_.cut.cut.skew_max / 2;
    probe_at_ = now + std::clamp(half, probe_least, probe_most);
    hands_.probe();
  }
  follow(machine_.step(seen(now), now));
}

bool reshard_course::abort(std::string why, base::instant now) {
  reshard_orders orders;
  if (!machine_.abort(std::move(why), orders, now)) return false;
  follow(orders);
  return true;
}

bool reshard_course::failed(fleet_side side, const std::string& why, base::instant now) {
  const bool old_leaves = busy() && leaving() == fleet_side::old_fleet;
  if (side == fleet_side::old_fleet) {
    const bool left =
        old_leaves && (task().phase == reshard_phase::drain || task().phase == reshard_phase::leave);
    return !left;
  }
  if (!busy() || abort("the new fleet has failed: " + why, now)) return false;
  return leaving() == fleet_side::old_fleet;
}

void reshard_course::follow(const reshard_orders& orders) {
  if (orders.open) {
    base::check(meeting_.open({task_record()}), "cuts begin when every new shard is READY");
  } else if (orders.turn_back) {
    meeting_.turn_back({task_record()});
    hands_.show(fleet_side::old_fleet);
  } else if (orders.changed) {
    meeting_.keep({task_record()});
  }
  if (orders.changed && task().phase == reshard_phase::drain) hands_.show(fleet_side::new_fleet);
  const auto left = leaving();
  for (const auto shard : orders.retire) {
    // Since it was asked, a guild may have come back.
    if (!meeting_.close(left, shard)) continue;
    machine_.retired(shard);
    hands_.retire(left, shard);
  }
  if (orders.end_fleet) hands_.end(left);
  if (orders.changed) hands_.phase_changed();
  if (orders.finish) finish();
}

void reshard_course::finish() {
  const auto task = machine_.task();
  const auto gone = machine_.leaving();
  std::string last;
  auto what = meeting_.finish([&](receipt& sum) {
    // Of earlier runs only the calendar knows.
    if (task.restarts > 0) sum.duration_ms = std::max<std::int64_t>(wall_ms_() - task.began_ms, 0);
    last = receipt_record(task, sum, wall_ms_());
    std::vector<flow::control_record> records;
    records.push_back({reshard_records::task, {}});
    records.push_back({reshard_records::last, last});
    records.push_back(fleet_record(task.turned ? task.from : task.to, options_.total));
    return records;
  });
  machine_.done();
  hands_.over(task, gone, what, std::move(last));
}

flow::control_record reshard_course::task_record() const {
  return {reshard_records::task, task().to_json()};
}

}  // namespace evergate::control
