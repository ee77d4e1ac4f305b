#include "app/fleet_pair.h"

#include <utility>

namespace evergate::app {
namespace {

constexpr int presence_update = 3;
constexpr std::size_t presences_max = 4'096;

}  // namespace

void fleet_pair::serve(std::shared_ptr<upstream::fleet> first, bool twin) {
  const std::scoped_lock lock(mutex_);
  fleets_.old_one = {std::move(first), twin, ++fleets_made_};
}

void fleet_pair::prepare(std::shared_ptr<upstream::fleet> beside, bool twin) {
  const std::scoped_lock lock(mutex_);
  fleets_.new_one = {std::move(beside), twin, ++fleets_made_};
}

void fleet_pair::show(control::fleet_side side) {
  const std::scoped_lock lock(mutex_);
  shows_new_ = side == control::fleet_side::new_fleet;
}

void fleet_pair::end(control::fleet_side gone) {
  both ended;  // outlives the lock: the last owner destroys a fleet
  const std::scoped_lock lock(mutex_);
  ended = fleets_;
  if (gone == control::fleet_side::old_fleet) fleets_.old_one = fleets_.new_one;
  fleets_.new_one = {};
  shows_new_ = false;
}

fleet_pair::both fleet_pair::now() const {
  const std::scoped_lock lock(mutex_);
  return fleets_;
}

std::shared_ptr<upstream::fleet> fleet_pair::of(control::fleet_side side) const {
  const std::scoped_lock lock(mutex_);
  return side == control::fleet_side::old_fleet ? fleets_.old_one.who : fleets_.new_one.who;
}

std::shared_ptr<upstream::fleet> fleet_pair::shown() const {
  const std::scoped_lock lock(mutex_);
  return shows_new_ && fleets_.new_one.who ? fleets_.new_one.who : fleets_.old_one.who;
}

std::vector<upstream::shard_status> fleet_pair::status() const {
  const auto fleets = now();
  std::vector<upstream::shard_status> out;
  for (const auto& one : {fleets.old_one.who, fleets.new_one.who}) {
    if (!one) continue;
    const auto shards = one->status();
    out.insert(out.end(), shards.begin(), shards.end());
  }
  return out;
}

void fleet_pair::probe() {
  const auto fleets = now();
  if (fleets.old_one.who) fleets.old_one.who->probe();
  if (fleets.new_one.who) fleets.new_one.who->probe();
}

void fleet_pair::remember_presence(const flow::command& what) {
  const std::scoped_lock lock(mutex_);
  // Lanes of another count say nothing about those of this one.
  if (!presences_.empty() && presences_.begin()->second.lane.count != what.lane.count) presences_.clear();
  if (presences_.size() < presences_max || presences_.contains(what.lane.id)) {
    presences_.insert_or_assign(what.lane.id, what);
  }
}

void fleet_pair::repeat_presences() {
  std::map<std::uint32_t, flow::command> known;
  std::shared_ptr<upstream::fleet> to;
  {
    const std::scoped_lock lock(mutex_);
    known = presences_;
    to = fleets_.new_one.who;
  }
  for (auto& [lane, what] : known) {
    if (to) (void)to->submit(std::move(what));
  }
}

bool fleet_pair::submit(flow::command what) {
  const auto fleets = now();
  if (what.op == presence_update) {
    remember_presence(what);
    if (fleets.new_one.who) (void)fleets.new_one.who->submit(what);
    return fleets.old_one.who->submit(std::move(what));
  }
  const auto* to = &fleets.old_one;
  if (fleets.new_one.who) {
    // A guild may have moved since the place was asked for; the session that had it is there still.
    const bool fresh = what.place ? *what.place >> 32 == fleets.new_one.number
                                  : meeting_.route(what) == control::fleet_side::new_fleet;
    if (fresh) to = &fleets.new_one;
  }
  return to->who->submit(std::move(what));
}

std::uint64_t fleet_pair::place_of(proto::snowflake guild) const {
  const auto fleets = now();
  const bool fresh = fleets.new_one.who && meeting_.owner_of(guild) == control::fleet_side::new_fleet;
  const auto& home = fresh ? fleets.new_one : fleets.old_one;
  return home.number << 32 | home.who->place_of(guild);
}

std::uint32_t fleet_pair::shard_count() const {
  return shown()->shard_count();
}

std::uint32_t fleet_pair::shards_ready() const {
  return shown()->shards_ready();
}

std::uint32_t fleet_pair::shards_held() const {
  return shown()->shards_held();
}

void fleet_pair::on_commit(const std::shared_ptr<const flow::commit>& done) {
  const auto fleets = now();
  for (const auto& one : {fleets.old_one, fleets.new_one}) {
    if (one.who) one.who->on_commit(one.twin ? control::junction::part_of_twin(*done) : done);
  }
}

void fleet_pair::on_room() {
  const auto fleets = now();
  if (fleets.old_one.who) fleets.old_one.who->on_room();
  if (fleets.new_one.who) fleets.new_one.who->on_room();
}

void fleet_pair::on_stalled(const std::string& why) {
  now().old_one.who->on_stalled(why);
}

}  // namespace evergate::app
