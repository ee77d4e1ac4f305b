#include "fleets_side.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evergate::simulation {
namespace {

using control::fleet_side;

constexpr base::milliseconds tick_interval{200};
constexpr int presence_update = 3;

}  // namespace

fleets_side::fleets_side(timeline& time, trace& log, network& net, outside& world, virtual_journal& journal,
                         const upstream_options& options, const control::course_options& course,
                         const base::secret& token, reshard_log& record, std::uint64_t seed)
    : time_(time),
      log_(log),
      net_(net),
      world_(world),
      journal_(journal),
      options_(options),
      course_options_(course),
      token_(token),
      record_(record),
      chance_(seed),
      replies_(1'000, seed),
      line_(time, log, world, options.identify, chance_),
      meeting_(std::make_unique<control::junction>(journal, [this] { return time_.now(); })),
      course_(course, *meeting_, *this, [this] { return time_.unix_ms(); }) {}

fleets_side::~fleets_side() = default;

base::result<void> fleets_side::open() {
  const auto records = journal_.stored_records();
  if (!records) return std::unexpected(records.error());
  auto sessions = journal_.stored_sessions();
  if (!sessions) return std::unexpected(sessions.error());
  auto& left = left_;
  left = control::what_was_left(*records, std::move(*sessions), course_options_.total, time_.unix_ms());
  if (left.task) {
    const auto guilds = journal_.guilds({0, 1}, journal_.head());
    if (!guilds) return std::unexpected(guilds.error());
    left.remains.add(*guilds);
  }
  meeting_->serves(left.serving.twin);
  make_fleet(old_, left.serving, 0, proto::identify_cause::start);
  meeting_->keep(std::move(left.records), std::move(left.ended));
  if (left.task) {
    log_.say("resharding goes on", left.task->to_json());
    ++record_.went_on;
    make_fleet(new_, left.task->to, 1, proto::identify_cause::reidentify);
    course_.go_on(std::move(*left.task), left.remains, time_.now());
  }
  return {};
}

void fleets_side::start() {
  const auto left = std::exchange(left_, {});
  old_.who->start(left.serving_sessions, journal_.self());
  if (!new_.who) return;
  new_.who->start(left.new_sessions, journal_.self());
  tick();
}

void fleets_side::make_fleet(fleet& into, control::fleet_shape shape, std::size_t door,
                             proto::identify_cause cause) {
  auto options = options_;
  options.shards = shape.count;
  const auto number = &into == &old_ ? 0 : ++number_;
  into = {number, shape,
          std::make_unique<upstream_side>(
              time_, log_, net_, world_, meeting_->door(door), options, token_, chance_, line_, replies_,
              fleet_place{number, cause, [this, number] { fleet_failed(number); }})};
}

bool fleets_side::reshard(std::uint32_t shards) {
  if (stopped_ || failed_ || course_.busy() || serving().live() != serving().shard_count()) return false;
  if (line_.allowance() < shards || !journal_.complete()) return false;
  const auto known = journal_.guilds({0, 1}, journal_.head());
  if (!known) return false;
  control::reshard_task task;
  task.from = old_.shape;
  task.to = {shards, shards == old_.shape.count && !old_.shape.twin};
  task.began_ms = time_.unix_ms();
  task.cause = "drawn";
  ++record_.begun;
  make_fleet(new_, task.to, 1 - door_, proto::identify_cause::reshard);
  course_.begin(std::move(task), *known, time_.now());
  new_.who->start({}, journal_.self());
  time_.soon("presences again", [this] {
    for (const auto& [lane, what] : presences_) {
      if (new_.who) (void)new_.who->submit(what);
    }
  });
  phase_changed();
  tick();
  return true;
}

void fleets_side::abort_resharding() {
  if (stopped_ || !course_.busy()) return;
  const bool done = course_.abort("drawn", time_.now());
  log_.mark(done ? "resharding aborted" : "too late to abort");
}

bool fleets_side::in_handover() const {
  return meeting_->ask<bool>([](const control::cutover& cut) { return cut.holds_back(); }).value_or(false);
}

void fleets_side::tick() {
  time_.in(tick_interval, "resharding", [this] {
    if (stopped_ || !course_.busy()) return;
    course_.tick(time_.now());
    tick();
  });
}

void fleets_side::probe() {
  old_.who->probe();
  if (new_.who) new_.who->probe();
}

void fleets_side::end(fleet_side side) {
  of(side).stop(true);
  // As long as the close frames may take.
  time_.in(base::milliseconds(chance_.below(5'000)), "fleet has ended", [this] { course_.ended(); });
}

void fleets_side::phase_changed() {
  if (!course_.busy()) return;
  if (course_.task().phase == control::reshard_phase::cut) new_.who->serves();
  log_.say("resharding", course_.task().to_json());
}

void fleets_side::over(const control::reshard_task& task, fleet_side gone, const control::receipt& what,
                       std::string last) {
  log_.say("resharding is over", last);
  record_.receipts.push_back(what);
  ++(task.turned ? record_.aborted : record_.completed);
  if (gone == fleet_side::old_fleet) std::swap(old_, new_);
  new_.who->close();
  gone_.push_back(std::exchange(new_, {}));
  shows_new_ = false;
  if (!task.turned) door_ = 1 - door_;
}

void fleets_side::fleet_failed(std::uint32_t number) {
  const bool known = number == old_.number || (new_.who && number == new_.number);
  if (stopped_ || !known) return;
  const auto side = number == old_.number ? fleet_side::old_fleet : fleet_side::new_fleet;
  if (course_.failed(side, "closed fatally", time_.now())) failed_ = true;
}

bool fleets_side::failed(std::uint32_t who) const {
  const auto number = who / fleet_place::fleet_span;
  for (const auto* one : {&old_, &new_}) {
    if (one->who && one->number == number) return one->who->failed();
  }
  return false;
}

void fleets_side::stop() {
  stopped_ = true;
  old_.who->stop();
  if (new_.who) new_.who->stop();
}

void fleets_side::on_commit(const std::shared_ptr<const flow::commit>& done) {
  for (const auto* one : {&old_, &new_}) {
    if (one->who) one->who->on_commit(one->shape.twin ? control::junction::part_of_twin(*done) : done);
  }
}

void fleets_side::on_room() {
  old_.who->on_room();
  if (new_.who) new_.who->on_room();
}

bool fleets_side::submit(flow::command what) {
  if (what.op == presence_update) {
    presences_.insert_or_assign(what.lane.id, what);
    if (new_.who) (void)new_.who->submit(what);
    return old_.who->submit(std::move(what));
  }
  bool fresh = false;
  if (new_.who) {
    fresh = what.place ? *what.place >> 32 == new_.number : meeting_->route(what) == fleet_side::new_fleet;
  }
  return of(fresh ? fleet_side::new_fleet : fleet_side::old_fleet).submit(std::move(what));
}

std::uint64_t fleets_side::place_of(proto::snowflake guild) const {
  const bool fresh = new_.who && meeting_->owner_of(guild) == fleet_side::new_fleet;
  const auto& home = fresh ? new_ : old_;
  return std::uint64_t{home.number} << 32 | home.who->place_of(guild);
}

std::string fleets_side::state() const {
  std::string out;
  for (const auto* one : {&old_, &new_}) {
    if (!one->who) continue;
    for (std::uint32_t i = 0; i < one->shape.count; ++i) {
      out += fmt::format(" shard {}/{} {}", i, one->shape.count, one->who->state_of(i));
    }
  }
  if (course_.busy()) {
    const auto open = meeting_->ask<std::size_t>([](const control::cutover& cut) { return cut.unsettled(); });
    out += fmt::format(", resharding {} with {} guilds to move", course_.task().to_json(), open.value_or(0));
  }
  return out;
}

}  // namespace evergate::simulation
