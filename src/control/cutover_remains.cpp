// The part of the cutover that lasts: what is written down of a shard while something of it is held, and how
// a later run goes on from there. And the bot's voice, which an old session carries.
#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "control/cutover.h"
#include "proto/json_view.h"

namespace evergate::control {
namespace {

void put_number(std::string& out, std::uint64_t value) {
  out += std::to_string(value);
  out += ' ';
}

/// The next number of a mark; nothing at its end or when it is none.
std::optional<std::uint64_t> take_number(std::string_view& from) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(from.data(), from.data() + from.size(), value);
  if (failed != std::errc{} || end == from.data() + from.size() || *end != ' ') return std::nullopt;
  from.remove_prefix(static_cast<std::size_t>(end - from.data()) + 1);
  return value;
}

/// 0 when it is none.
std::uint64_t number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc{} && end == text.data() + text.size() ? value : 0;
}

}  // namespace

std::string cutover::mark_name(fleet_side side, std::uint32_t shard) const {
  const auto key = shapes_[at(side)].key(shard);
  return std::string(mark_prefix) + std::to_string(key.count) + '/' + std::to_string(shard);
}

/// A shard's sequence is told up to the first event that waits in a handover. What lies past it has been
/// decided all the same, save for what waits; after a restart Discord repeats all of it.
void cutover::mark(fleet_side side, std::uint32_t shard, output& out) {
  auto& state = shards_[at(side)][shard];
  const auto decided = std::max(state.decided, state.received);
  if (settled_seq(side, shard) >= decided) {
    if (std::exchange(state.marked, false)) out.batch.records.push_back({mark_name(side, shard), {}});
    return;
  }
  state.marked = true;
  std::string value;
  put_number(value, static_cast<std::uint64_t>(decided));
  auto undecided = state.undecided;
  for (const auto& [from, guild] : state.held) {
    const auto [known, fresh] = undecided.try_emplace(guild, from);
    if (!fresh) known->second = std::min(known->second, from);
  }
  for (const auto& [guild, from] : undecided) {
    put_number(value, guild);
    put_number(value, from);
  }
  out.batch.records.push_back({mark_name(side, shard), std::move(value)});
}

std::string cutover::awaits_name(fleet_side side, proto::snowflake guild) const {
  return std::string(awaits_prefix) + std::to_string(shapes_[at(side)].key(0).count) + '/' +
         std::to_string(guild);
}

void cutover::note_repeats(stream& home, output& out) {
  const auto& repeats = home.cut.repeats();
  if (repeats.size() == std::exchange(home.repeats_told, repeats.size())) return;
  std::string value;
  for (const auto& one : repeats) {
    put_number(value, one.what.low);
    put_number(value, one.what.high);
  }
  out.batch.records.push_back({std::string(repeats_prefix) + std::to_string(home.guild), std::move(value)});
}

void cutover::take_repeats(const cutover_remains& from) {
  const auto& marks = from.shard_marks;
  for (auto mark = marks.lower_bound(repeats_prefix);
       mark != marks.end() && mark->first.starts_with(repeats_prefix); ++mark) {
    const auto guild = number_in(std::string_view(mark->first).substr(repeats_prefix.size()));
    std::string_view rest = mark->second;
    while (const auto low = take_number(rest)) {
      if (const auto high = take_number(rest)) repeats_[guild].push_back({*low, *high});
    }
  }
}

/// The guilds that a session of this side had not shown yet.
void cutover::take_awaited(const cutover_remains& from, fleet_side side) {
  const auto prefix = std::string(awaits_prefix) + std::to_string(shapes_[at(side)].key(0).count) + '/';
  const auto& marks = from.shard_marks;
  for (auto mark = marks.lower_bound(prefix); mark != marks.end() && mark->first.starts_with(prefix);
       ++mark) {
    awaited_[at(side)].insert(number_in(std::string_view(mark->first).substr(prefix.size())));
  }
}

void cutover::take_marks(const cutover_remains& from) {
  for (const auto side : {fleet_side::old_fleet, fleet_side::new_fleet}) {
    auto& shards = shards_[at(side)];
    for (std::uint32_t i = 0; i < shards.size(); ++i) {
      const auto found = from.shard_marks.find(mark_name(side, i));
      if (found == from.shard_marks.end()) continue;
      shards[i].marked = true;
      std::string_view rest = found->second;
      const auto decided = take_number(rest);
      if (!decided) continue;
      shards[i].decided = static_cast<std::int64_t>(*decided);
      while (const auto guild = take_number(rest)) {
        if (const auto first = take_number(rest)) {
          shards[i].undecided[*guild] = static_cast<std::uint32_t>(*first);
        }
      }
    }
  }
}

bool cutover::holds_back() const {
  const auto waits = [](const shard_state& shard) { return !shard.held.empty(); };
  return std::ranges::any_of(shards_[0], waits) || std::ranges::any_of(shards_[1], waits);
}

bool cutover::decided_before(fleet_side from, const arriving_event& event) const {
  const auto& row = *event.row;
  const auto& shard = shards_[at(from)][row.shard];
  if (row.seq == 0 || std::int64_t{row.seq} > shard.decided) return false;
  if ((row.flags & flow::row_flag::reply) != 0 || event.what.kind == identity_kind::apart) return true;
  const auto home = streams_.find(row.guild);
  if (home == streams_.end()) return true;
  if (home->second->serving != from) return home->second->settled;
  const auto open = shard.undecided.find(row.guild);
  return open == shard.undecided.end() || row.seq < open->second;
}

/// A session of an earlier run has brought everything that it was owed: from here on both sides can be
/// compared.
void cutover::caught_up(fleet_side side, std::uint32_t shard, base::instant now) {
  for (auto* home : shards_[at(side)][shard].streams) {
    if (home->cut.moved()) continue;
    look_anew(*home, side, now);
    // What the joining side has repeated may have been delivered before: it must not pass for news.
    const auto opposite = other(side);
    const auto& others = shard_of(opposite, home->guild);
    if (!others.replays && !others.lost) look_anew(*home, opposite, now);
  }
}

/// The side's session is there; from here on it can be compared, once it has shown the guild.
void cutover::look_anew(stream& home, fleet_side side, base::instant now) {
  if (awaited_[at(side)].contains(home.guild)) {
    home.cut.awaited(role_of(home, side), now);
  } else {
    home.cut.renewed(role_of(home, side), now);
    note_held(home);
  }
}

std::vector<proto::snowflake> cutover::moved_guilds() const {
  std::vector<proto::snowflake> out;
  for (const auto& [guild, kind] : born_) out.push_back(guild);
  for (const auto& [guild, home] : streams_) {
    if (home->owner() == fleet_side::new_fleet) out.push_back(guild);
  }
  return out;
}

std::vector<std::string> cutover::marks() const {
  std::vector<std::string> out{std::string(counts_record)};
  for (const auto& [guild, home] : streams_) {
    if (home->repeats_told > 0) out.push_back(std::string(repeats_prefix) + std::to_string(guild));
  }
  for (const auto side : {fleet_side::old_fleet, fleet_side::new_fleet}) {
    for (const auto guild : awaited_[at(side)]) out.push_back(awaits_name(side, guild));
    for (std::uint32_t i = 0; i < shards_[at(side)].size(); ++i) {
      if (shards_[at(side)][i].marked) out.push_back(mark_name(side, i));
    }
  }
  return out;
}

/// The bot's own voice state. While the guild is the old fleet's, it joins by an old session, with which its
/// voice would end.
void cutover::watch_voice(const arriving_event& event) {
  const auto& row = *event.row;
  if (row.type != proto::event_type::voice_state_update || self_ == 0) return;
  const auto d = event.batch->data(row);
  if (proto::snowflake_of(proto::member(d, "user_id")) != self_) return;
  if (proto::snowflake_of(proto::member(d, "channel_id")) == 0) {
    voice_.erase(row.guild);
  } else if (owner_of(row.guild) == fleet_side::old_fleet) {
    voice_.insert(row.guild);
  }
}

/// Where the bot was when the new session began.
void cutover::find_voice(const arriving_event& event) {
  proto::array_cursor states(proto::member(event.batch->data(*event.row), "voice_states"));
  while (self_ != 0 && states.next()) {
    if (proto::snowflake_of(proto::member(states.value(), "user_id")) != self_) continue;
    if (proto::snowflake_of(proto::member(states.value(), "channel_id")) != 0)
      voice_.insert(event.row->guild);
  }
}

bool cutover::carries_voice(std::uint32_t old_shard) const {
  const auto count = shapes_[at(fleet_side::old_fleet)].count;
  return std::ranges::any_of(voice_,
                             [&](proto::snowflake guild) { return (guild >> 22) % count == old_shard; });
}

void cutover::forget_voice(std::uint32_t old_shard) {
  const auto count = shapes_[at(fleet_side::old_fleet)].count;
  std::erase_if(voice_, [&](proto::snowflake guild) { return (guild >> 22) % count == old_shard; });
}

}  // namespace evergate::control
