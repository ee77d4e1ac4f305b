#include "control/cutover.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/seeded_bug.h"
#include "flow/intake.h"
#include "proto/json_view.h"

namespace evergate::control {
namespace {

void append(const arriving_event& event, flow::event_batch& out) {
  held_event(event, {}).append_to(out);
}

}  // namespace

cutover::cutover(const cutover_options& options, fleet_shape old_fleet, fleet_shape new_fleet,
                 base::instant now, std::unordered_set<proto::snowflake> down)
    : options_(options),
      shapes_{old_fleet, new_fleet},
      began_(now),
      down_(std::move(down)),
      let_go_above_(options.held_bytes_max) {
  base::check(old_fleet.count > 0 && new_fleet.count > 0, "a fleet has shards");
  base::check(!(old_fleet == new_fleet), "the journal can tell the fleets apart");
  shards_[at(fleet_side::old_fleet)].resize(old_fleet.count);
  shards_[at(fleet_side::new_fleet)].resize(new_fleet.count);
}

cutover::cutover(const cutover_options& options, fleet_shape old_fleet, fleet_shape new_fleet,
                 const cutover_remains& from, base::instant now)
    : cutover(options, old_fleet, new_fleet, now, from.down) {
  open_ = true;
  open_at_ = now;
  auto& fresh = shards_[at(fleet_side::new_fleet)];
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    fresh[i].started = i < from.started.size() && from.started[i];
    if (fresh[i].started) ++ready_shards_;
  }
  for (auto& side : shards_) {
    for (auto& shard : side) shard.replays = true;
  }
  born_ = from.moved;
  sum_ = from.counts;
  for (const auto side : {fleet_side::old_fleet, fleet_side::new_fleet}) take_awaited(from, side);
  take_repeats(from);
  if (!from.moved.contains(0)) add_stream(0, now);
  for (const auto guild : from.guilds) {
    if (!from.moved.contains(guild)) add_stream(guild, now);
  }
  take_marks(from);
}

cutover::shard_state& cutover::shard_of(fleet_side side, proto::snowflake guild) {
  auto& all = shards_[at(side)];
  return all[(guild >> 22) % all.size()];
}

guild_cut::role cutover::role_of(const stream& home, fleet_side side) const noexcept {
  return side == home.serving ? guild_cut::role::serving : guild_cut::role::joining;
}

cutover::stream* cutover::find(proto::snowflake guild) {
  const auto found = streams_.find(guild);
  return found == streams_.end() ? nullptr : found->second.get();
}

cutover::stream& cutover::add_stream(proto::snowflake guild, base::instant now, fleet_side serving) {
  auto& home = streams_[guild];
  if (home) return *home;
  home = std::make_unique<stream>(guild, options_.cut, now);
  home->serving = home->owner_told = serving;
  if (open_) home->cut.open(now);
  home->settled = target_ == home->serving;
  if (!home->settled) ++unsettled_;
  for (const auto side : {fleet_side::old_fleet, fleet_side::new_fleet}) {
    shard_of(side, guild).streams.push_back(home.get());
    tell_session(*home, side, now);
  }
  const auto repeats = repeats_.find(guild);
  if (repeats != repeats_.end()) home->cut.expect(repeats->second, now);
  home->repeats_told = home->cut.repeats().size();
  note_held(*home);
  return *home;
}

void cutover::tell_session(stream& home, fleet_side side, base::instant now) {
  const auto& shard = shard_of(side, home.guild);
  const auto role = role_of(home, side);
  if (shard.lost || shard.replays) {
    guild_cut::released nothing;
    home.cut.lost(role, now, nothing);
    base::check(nothing.empty(), "a new cut holds nothing");
  } else if (awaited_[at(side)].contains(home.guild)) {
    home.cut.awaited(role, now);
  }
}

void cutover::take(fleet_side from, const flow::event_batch& batch, base::instant now, output& out) {
  auto& shards = shards_[at(from)];
  for (const auto& session : batch.sessions) {
    out.batch.sessions.push_back(session);
    out.batch.sessions.back().shard = shapes_[at(from)].key(session.shard.id);
    // A new session counts from its own beginning.
    shards[session.shard.id].received = session.seq;
    shards[session.shard.id].told = session.seq;
  }
  std::size_t counter = 0;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const auto& row = batch.rows[i];
    while (counter < batch.counters.size() && batch.counters[counter].offset.value < i) ++counter;
    const bool counts = counter < batch.counters.size() && batch.counters[counter].offset.value == i;
    take_row(from,
             {identify(row.type, batch.name(row), batch.data(row)), &batch, &row,
              counts ? &batch.counters[counter] : nullptr},
             now, out);
  }
  for (const auto& progress : batch.progress) {
    shards[progress.shard.id].received = std::max(shards[progress.shard.id].received, progress.seq);
    dirty_.insert({from, progress.shard.id});
  }
  tell_all_progress(out);
}

void cutover::take_row(fleet_side from, const arriving_event& event, base::instant now, output& out) {
  const auto& row = *event.row;
  if (row.type == proto::event_type::session_started || row.type == proto::event_type::gap) {
    return take_own_record(from, event, now, out);
  }
  if (decided_before(from, event)) return;
  watch_voice(event);
  if ((row.flags & flow::row_flag::reply) != 0) return deliver_apart(from, event, out);
  if (event.what.kind == identity_kind::apart) return take_apart(from, event, now, out);
  const auto& all = shards_[at(from)];
  if (row.shard != (row.guild >> 22) % all.size()) return take_stray(from, event, out);
  const bool backfill = is_backfill(from, event, now, out);
  if (born_.contains(row.guild)) {
    if (from == target_) deliver(from, event, out);
    return;
  }
  auto* home = find(row.guild);
  const bool joined = row.type == proto::event_type::guild_create;
  if (home == nullptr && joined && open_ && now >= open_at_ + 2 * options_.cut.skew_max &&
      !shard_of(target_, row.guild).lost) {
    // Both sessions have it from its first event on: nothing to align.
    born_.emplace(row.guild, cut_kind::joined);
    ++sum_.guilds_born;
    out.moves.push_back({row.guild, target_, cut_kind::joined});
    if (from == target_) deliver(from, event, out);
    return;
  }
  if (home == nullptr && joined && shard_of(fleet_side::new_fleet, row.guild).started) {
    home = &add_stream(row.guild, now);
  }
  if (home == nullptr) {
    if (shard_of(fleet_side::new_fleet, row.guild).started) return take_stray(from, event, out);
    if (from != fleet_side::old_fleet) return;
    note_down(event);
    return deliver(from, event, out);
  }
  if (home->owner() == from) note_down(event);
  if (!backfill) return take_event(from, *home, event, now, out);
  if (from == fleet_side::new_fleet) find_voice(event);
  if (home->owner() == from) deliver(from, event, out);
}

/// GAPs and READYs. They stand in the batch where the session ended and where the next began.
void cutover::take_own_record(fleet_side from, const arriving_event& event, base::instant now, output& out) {
  const auto& row = *event.row;
  auto& shard = shards_[at(from)][row.shard];
  // What an earlier run had decided of the session's events is of no more use: they will not come again.
  shard.decided = -1;
  shard.undecided.clear();
  shard.replays = false;
  if (row.type == proto::event_type::session_started) return take_ready(from, event, now, out);
  shard.lost = true;
  for (auto* home : shard.streams) {
    guild_cut::released released;
    home->cut.lost(role_of(*home, from), now, released);
    after(*home, released, out);
  }
  // Without a guild of its own the shard has lost nothing that a bot would have been shown.
  if (serves_any(from, row.shard)) append(event, out.batch);
}

bool cutover::serves_any(fleet_side from, std::uint32_t which) const {
  const auto& streams = shards_[at(from)][which].streams;
  // Guilds of which no stream is known are those of whoever serves.
  if (streams.empty() && from == (complete() ? target_ : other(target_))) return true;
  if (std::ranges::any_of(streams, [from](const stream* home) { return home->owner() == from; })) return true;
  const auto count = shapes_[at(from)].count;
  return from == target_ &&
         std::ranges::any_of(born_, [&](const auto& one) { return (one.first >> 22) % count == which; });
}

void cutover::take_ready(fleet_side from, const arriving_event& event, base::instant now, output& out) {
  const auto& row = *event.row;
  auto& shard = shards_[at(from)][row.shard];
  const bool first = !std::exchange(shard.started, true);
  shard.lost = false;
  if (self_ == 0)
    self_ = proto::snowflake_of(proto::member(proto::member(event.batch->data(row), "user"), "id"));
  if (from == fleet_side::new_fleet && first) {
    ++ready_shards_;
    if (row.shard == 0) add_stream(0, now);
  }
  const auto earlier = awaited_[at(from)];
  for (const auto guild : earlier) {
    if (&shard_of(from, guild) == &shard) no_longer_awaited(from, guild, out);
  }
  proto::array_cursor listed(proto::member(event.batch->data(row), "guilds"));
  while (listed.next()) {
    const auto guild = proto::snowflake_of(proto::member(listed.value(), "id"));
    if (guild == 0) continue;
    await_guild(from, guild, out);
    if (from == fleet_side::new_fleet && first) add_stream(guild, now);
  }
  for (auto* home : shard.streams) look_anew(*home, from, now);
  const bool owns = serves_any(from, row.shard);
  if (from == fleet_side::old_fleet || (open_ && owns)) {
    if (owns || !open_) append(event, out.batch);
    return;
  }
  shard.ready = {};
  append(event, shard.ready);
  // While some guilds are the old fleet's, a list that is older than what that has said deletes none.
  const bool alone = complete() && from == target_;
  if (!alone) shard.ready.rows.front().flags |= flow::row_flag::known_guilds;
  if (open_) append({event.what, &shard.ready, shard.ready.rows.data(), nullptr}, out.batch);
}

bool cutover::told_by_other(fleet_side from, const event_identity& what, base::instant now) {
  while (!told_.empty() &&
         (told_.size() > options_.ids_max || told_.front().at + 4 * options_.cut.skew_max <= now)) {
    told_.pop_front();
  }
  const auto same =
      std::ranges::find_if(told_, [&](const told& t) { return t.by != from && t.what.same_as(what); });
  if (same != told_.end()) {
    told_.erase(same);
    return true;
  }
  told_.push_back({what, from, now});
  return false;
}

/// What answers one session's request comes from that session, also after its guild has moved; a copy that
/// Discord gives the other session as well is left out.
void cutover::take_apart(fleet_side from, const arriving_event& event, base::instant now, output& out) {
  if (from == fleet_side::new_fleet && owner_of(event.row->guild) != from) return;
  if (!told_by_other(from, event.what, now)) deliver_apart(from, event, out);
}

/// Events that come on a shard which is not their guild's, or of guilds that the bot is not in (interactions
/// of user-installed applications): no stream to align, so that only an id tells them.
void cutover::take_stray(fleet_side from, const arriving_event& event, output& out) {
  if (event.what.kind != identity_kind::unique) {
    const auto serving = complete() ? target_ : other(target_);
    if (from == serving) deliver(from, event, out);
    return;
  }
  if (!stray_ids_.insert(event.what.low).second) return;
  stray_order_.push_back(event.what.low);
  if (stray_order_.size() > options_.ids_max) {
    stray_ids_.erase(stray_order_.front());
    stray_order_.pop_front();
  }
  deliver(from, event, out);
}

bool cutover::is_backfill(fleet_side from, const arriving_event& event, base::instant now, output& out) {
  using enum proto::event_type;
  const auto& row = *event.row;
  if (row.type != guild_create && row.type != guild_delete) return false;
  if (!awaited_[at(from)].contains(row.guild)) return false;
  const bool down = proto::member(event.batch->data(row), "unavailable") == std::string_view("true");
  // An outage that is told as a GUILD_CREATE ends with another one.
  if (row.type == guild_create && down) return true;
  no_longer_awaited(from, row.guild, out);
  if (auto* home = find(row.guild)) {
    home->cut.renewed(role_of(*home, from), now);
    note_held(*home);
  }
  return row.type == guild_create || down;
}

void cutover::await_guild(fleet_side side, proto::snowflake guild, output& out) {
  awaited_[at(side)].insert(guild);
  if (open_) out.batch.records.push_back({awaits_name(side, guild), "\1yes"});
}

void cutover::no_longer_awaited(fleet_side side, proto::snowflake guild, output& out) {
  if (awaited_[at(side)].erase(guild) != 0 && open_) {
    out.batch.records.push_back({awaits_name(side, guild), {}});
  }
}

/// The word of the side that serves.
void cutover::note_down(const arriving_event& event) {
  const auto& row = *event.row;
  if (row.type == proto::event_type::guild_create || row.type == proto::event_type::guild_delete) {
    const bool down = proto::member(event.batch->data(row), "unavailable") == std::string_view("true");
    if (down) {
      down_.insert(row.guild);
    } else {
      down_.erase(row.guild);
    }
  }
}

bool cutover::is_idle(const stream& home) {
  const auto joining = other(home.serving);
  return awaited_[at(joining)].contains(home.guild) && !shard_of(joining, home.guild).lost &&
         !shard_of(home.serving, home.guild).lost &&
         (awaited_[at(home.serving)].contains(home.guild) || down_.contains(home.guild));
}

void cutover::take_event(fleet_side from, stream& home, const arriving_event& event, base::instant now,
                         output& out) {
  if (home.settled && !home.cut.moved()) {
    if (from == home.serving) deliver(from, event, out);
    return;
  }
  guild_cut::released released;
  if (home.cut.arrived(role_of(home, from), event, now, released) == verdict::deliver) {
    append(event, out.batch);
  }
  after(home, released, out);
  if (held_bytes_ > let_go_above_) keep_bound(now);
}

/// After anything was told to a guild's cut: what it lets go of goes on, and its books are brought up to
/// date.
void cutover::after(stream& home, const guild_cut::released& released, output& out) {
  for (const auto& event : released) event.append_to(out.batch);
  count(home);
  note_held(home);
  note_repeats(home, out);
  settle(home, out);
}

/// Whether the guild is where it is to be may have changed.
void cutover::settle(stream& home, output& out) {
  const bool there = home.owner() == target_ && home.cut.repeats().empty();
  if (there != std::exchange(home.settled, there)) unsettled_ += there ? -1 : 1;
  if (home.owner() == std::exchange(home.owner_told, home.owner())) return;
  count_move(home.kind, home.cut.kind());
  if (!home.cut.moved()) ++sum_.came_back;
  home.kind = home.cut.kind();
  out.moves.push_back({home.guild, home.owner(), home.kind});
  if (home.kind != cut_kind::gap) return;
  const auto count = shapes_[at(fleet_side::old_fleet)].count;
  flow::append_gap({{static_cast<std::uint32_t>((home.guild >> 22) % count), count},
                    {},
                    -1,
                    0,
                    "resharding: guild " + std::to_string(home.guild) + " could not be aligned"},
                   out.batch);
  // Not a session's GAP: it concerns this guild alone.
  out.batch.rows.back().guild = home.guild;
  out.batch.rows.back().shard_count = 0;
}

void cutover::deliver(fleet_side from, const arriving_event& event, output& out) {
  if (open_) ++(from == fleet_side::old_fleet ? sum_.delivered_by_old : sum_.delivered_by_new);
  append(event, out.batch);
}

/// What one session says in answer to it: where it stands among the guild's events only that session's own
/// order tells. It may be older than what the other side has brought already.
void cutover::deliver_apart(fleet_side from, const arriving_event& event, output& out) {
  deliver(from, event, out);
  const auto guild = event.row->guild;
  const auto* const home = find(guild);
  const bool behind = home != nullptr && !home->cut.repeats().empty();
  if (owner_of(guild) != from || behind) out.batch.rows.back().flags |= flow::row_flag::aside;
}

void cutover::count(stream& home) {
  const auto more = home.cut.counts().since(home.counted);
  home.counted = home.cut.counts();
  if (!open_) return;
  sum_.events.add(more);
  const bool by_old = home.serving == fleet_side::old_fleet;
  sum_.delivered_by_old += by_old ? more.delivered_before : more.delivered_after;
  sum_.delivered_by_new += by_old ? more.delivered_after : more.delivered_before;
}

void cutover::count_move(cut_kind before, cut_kind now) {
  const auto place = [this](cut_kind kind) -> std::uint64_t* {
    switch (kind) {
      case cut_kind::unique_event:
        return &sum_.guilds_at_event;
      case cut_kind::silence:
        return &sum_.guilds_in_silence;
      case cut_kind::gap:
        return &sum_.guilds_with_gap;
      case cut_kind::joined:
        return &sum_.guilds_born;
      case cut_kind::none:
        break;
    }
    return nullptr;
  };
  if (auto* left = place(before)) --*left;
  if (auto* reached = place(now)) ++*reached;
}

/// In the transaction of what is counted.
void cutover::tell_counts(output& out) {
  if (!open_) return;
  auto text = fmt::format(R"({{"left":{},"receipt":{}}})", unsettled_, summary(began_).to_json());
  if (text == counts_told_) return;
  counts_told_ = std::move(text);
  out.batch.records.push_back({std::string(counts_record), counts_told_});
}

void cutover::note_held(stream& home) {
  held_bytes_ += home.cut.kept_bytes() - std::exchange(home.held_bytes, home.cut.kept_bytes());
  if (held_bytes_ <= options_.held_bytes_max / 8 * 7) let_go_above_ = options_.held_bytes_max;
  for (const auto side : {fleet_side::old_fleet, fleet_side::new_fleet}) {
    // What the joining side brings too early is needed by nobody but this run: the serving side delivers it.
    const bool serves = side == home.serving;
    const auto from = serves ? home.cut.held_from(guild_cut::role::serving) : 0;
    auto& known = home.held_from[at(side)];
    if (from == known) continue;
    auto& shard = shard_of(side, home.guild);
    if (known != 0) shard.held.erase({known, home.guild});
    if (from != 0) shard.held.insert({from, home.guild});
    known = from;
    dirty_.insert({side, static_cast<std::uint32_t>(&shard - shards_[at(side)].data())});
  }
}

std::int64_t cutover::settled_seq(fleet_side side, std::uint32_t shard) const {
  const auto& state = shards_[at(side)][shard];
  if (state.held.empty() || base::seeded_bug(base::bug::told_past_held)) return state.received;
  return std::min<std::int64_t>(state.received, std::int64_t{state.held.begin()->first} - 1);
}

void cutover::tell_progress(fleet_side side, std::uint32_t shard, output& out) {
  auto& state = shards_[at(side)][shard];
  if (state.received >= state.decided) {
    state.decided = -1;
    state.undecided.clear();
  }
  const auto settled = settled_seq(side, shard);
  if (open_) mark(side, shard, out);
  if (settled == state.told) return;
  state.told = settled;
  out.batch.progress.push_back({shapes_[at(side)].key(shard), settled});
}

void cutover::tell_all_progress(output& out) {
  for (const auto& [side, shard] : dirty_) tell_progress(side, shard, out);
  dirty_.clear();
  tell_counts(out);
}

/// Looks at every guild, so between two looks an eighth of the bound must have come: those that keep the most
/// are let go of until there is room for so much, and if they cannot, the next look waits for as much again.
void cutover::keep_bound(base::instant now) {
  const auto most = options_.held_bytes_max;
  std::vector<std::pair<std::size_t, proto::snowflake>> all;
  for (const auto& [guild, home] : streams_) {
    if (const auto bytes = home->cut.loose_bytes(); bytes > 0) all.emplace_back(bytes, guild);
  }
  std::ranges::make_heap(all);
  for (; held_bytes_ > most / 8 * 7 && !all.empty(); all.pop_back()) {
    std::ranges::pop_heap(all);
    auto& home = *find(all.back().second);
    home.cut.let_go(now);
    note_held(home);
  }
  let_go_above_ = std::max(most, held_bytes_ + most / 8);
}

void cutover::proved(fleet_side side, std::uint32_t shard, base::instant sent, base::instant now,
                     output& out) {
  if (std::exchange(shards_[at(side)][shard].replays, false)) caught_up(side, shard, now);
  for (auto* home : shards_[at(side)][shard].streams) {
    if (home->settled && !home->cut.moved()) continue;
    guild_cut::released released;
    home->cut.proved(role_of(*home, side), sent, now, released);
    after(*home, released, out);
  }
  tell_all_progress(out);
}

void cutover::tick(base::instant now, output& out) {
  for (auto& [guild, home] : streams_) {
    if (home->settled) continue;
    guild_cut::released released;
    if (is_idle(*home)) home->cut.idle(now, released);
    home->cut.tick(now, released);
    after(*home, released, out);
  }
  tell_all_progress(out);
}

void cutover::open(base::instant now, output& out) {
  base::check(ready(), "cuts begin when every new shard is READY");
  if (std::exchange(open_, true)) return;
  open_at_ = now;
  for (auto& shard : shards_[at(fleet_side::new_fleet)]) {
    auto ready = std::exchange(shard.ready, {});
    for (const auto& row : ready.rows) append({{}, &ready, &row, nullptr}, out.batch);
  }
  for (auto& [guild, home] : streams_) home->cut.open(now);
  for (const auto side : {fleet_side::old_fleet, fleet_side::new_fleet}) {
    for (const auto guild : awaited_[at(side)]) await_guild(side, guild, out);
  }
}

void cutover::turn_back(base::instant now, output& out) {
  if (std::exchange(turned_, true)) return;
  target_ = fleet_side::old_fleet;
  for (auto& [guild, home] : streams_) {
    if (home->cut.moved()) {
      home->serving = home->owner();
      home->cut.turn_back(now);
      for (const auto side : {fleet_side::old_fleet, fleet_side::new_fleet}) tell_session(*home, side, now);
      home->settled = false;
      ++unsettled_;
    } else {
      guild_cut::released released;
      home->cut.give_up(released);
      after(*home, released, out);
    }
    note_held(*home);
  }
  for (const auto& [guild, kind] : std::exchange(born_, {})) {
    auto& home = add_stream(guild, now, fleet_side::new_fleet);
    home.kind = kind;
    home.cut.open(now);
  }
  tell_all_progress(out);
}

bool cutover::may_close(fleet_side side, std::uint32_t shard) const {
  if (!complete() || side == target_) return false;
  return std::ranges::all_of(shards_[at(side)][shard].streams, [](const stream* home) {
    return home->settled && (!home->cut.moved() || home->cut.audited());
  });
}

bool cutover::close(fleet_side side, std::uint32_t shard) {
  if (!complete() || side == target_) return false;
  for (auto* home : shards_[at(side)][shard].streams) {
    home->cut.left_closes();
    note_held(*home);
  }
  if (side == fleet_side::old_fleet) forget_voice(shard);
  return true;
}

fleet_side cutover::owner_of(proto::snowflake guild) const {
  if (born_.contains(guild)) return target_;
  const auto found = streams_.find(guild);
  if (found != streams_.end()) return found->second->owner();
  return complete() ? target_ : other(target_);
}

receipt cutover::summary(base::instant now) const {
  auto out = sum_;
  out.from_count = shapes_[at(fleet_side::old_fleet)].count;
  out.to_count = shapes_[at(fleet_side::new_fleet)].count;
  out.aborted = turned_;
  out.duration_ms = std::chrono::duration_cast<base::milliseconds>(now - began_).count();
  return out;
}

}  // namespace evergate::control
