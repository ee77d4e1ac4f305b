#include "guild_history.h"

#include <fmt/format.h>

#include <algorithm>

#include "proto/json_view.h"

namespace evergate::simulation {
namespace {

std::vector<proto::snowflake> named_guilds(std::string_view ready) {
  std::vector<proto::snowflake> out;
  proto::array_cursor at(proto::member(ready, "guilds"));
  while (at.next()) out.push_back(proto::snowflake_of(proto::member(at.value(), "id")));
  return out;
}

}  // namespace

void guild_history::note(const flow::event_batch& batch, const flow::event_row& row, base::instant at) {
  using enum proto::event_type;
  const auto down = [&] { return proto::member(batch.data(row), "unavailable") == "true"; };
  if (row.type == session_started) {
    if ((row.flags & flow::row_flag::known_guilds) != 0) return took_over({row.shard, row.shard_count}, at);
    announced({row.shard, row.shard_count}, named_guilds(batch.data(row)), row.offset, at);
  } else if (row.type == guild_create) {
    news(row.shard, at);
    stands(row.guild, down() ? guild_standing::down : guild_standing::there, row.offset, at);
  } else if (row.type == guild_delete) {
    stands(row.guild, down() ? guild_standing::down : guild_standing::gone, row.offset, at);
  }
}

void guild_history::took_over(proto::shard_key shard, base::instant at) {
  shards_[at] = shard.count;
  started_.try_emplace(shard, at);
  moments_.insert(at);
}

void guild_history::announced(proto::shard_key shard, const std::vector<proto::snowflake>& guilds,
                              flow::offset offset, base::instant at) {
  shards_[at] = shard.count;
  started_.try_emplace(shard, at);
  news(shard.id, at);
  moments_.insert(at);
  for (const auto id : guilds) {
    const auto now = standing(id, offset);
    if (now == guild_standing::unknown || now == guild_standing::gone) {
      stands(id, guild_standing::awaited, offset, at);
    }
  }
}

void guild_history::stands(proto::snowflake guild, guild_standing how, flow::offset offset,
                           base::instant at) {
  auto& known = changes_[guild];
  if (!known.empty() && known.back().now == how) return;
  known.push_back({offset, at, how});
  moments_.insert(at);
}

void guild_history::news(std::uint32_t shard, base::instant at) {
  news_[shard].push_back(at);
  moments_.insert(at + told_within_);
}

void guild_history::daemon_started(base::instant at) {
  starts_.push_back(at);
  moments_.insert(at);
}

guild_standing guild_history::standing(proto::snowflake guild, flow::offset as_of) const {
  const auto found = changes_.find(guild);
  if (found == changes_.end()) return guild_standing::unknown;
  const auto past = std::ranges::upper_bound(found->second, as_of, {}, &change::offset);
  return past == found->second.begin() ? guild_standing::unknown : std::prev(past)->now;
}

std::set<guild_standing> guild_history::standings(proto::snowflake guild, flow::offset from,
                                                  flow::offset to) const {
  std::set<guild_standing> out{standing(guild, from)};
  const auto found = changes_.find(guild);
  if (found == changes_.end()) return out;
  for (const auto& one : found->second) {
    if (one.offset > from && one.offset <= to) out.insert(one.now);
  }
  return out;
}

std::vector<proto::snowflake> guild_history::guilds(proto::shard_key lane) const {
  std::vector<proto::snowflake> out;
  for (const auto& [id, known] : changes_) {
    if (lane.owns(id)) out.push_back(id);
  }
  return out;
}

bool guild_history::waited_out(std::uint32_t shard, base::instant when) const {
  // What may not have been told yet does not count; what has been was told at once, or a moment later.
  const auto since = [&](const std::vector<base::instant>& all, base::nanoseconds late) {
    const auto past = std::ranges::upper_bound(all, when - late);
    return past == all.begin() ? base::instant{} : *std::prev(past);
  };
  const auto own = news_.find(shard);
  const auto last = own == news_.end() ? base::instant{} : since(own->second, told_within_);
  return when - std::max(last, since(starts_, {})) >= patience_;
}

std::uint32_t guild_history::shards_at(base::instant when) const {
  const auto past = shards_.upper_bound(when);
  return past == shards_.begin() ? 0 : std::prev(past)->second;
}

std::string guild_history::owed_at(proto::shard_key lane, base::instant when) const {
  const auto shards = shards_at(when);
  if (shards == 0) return "no shard has had a READY";
  for (std::uint32_t i = 0; i < shards; ++i) {
    const auto first = started_.find({i, shards});
    if (first == started_.end() || first->second > when) return fmt::format("shard {} has had no READY", i);
  }
  for (const auto& [id, known] : changes_) {
    if (!lane.owns(id)) continue;
    const auto past = std::ranges::upper_bound(known, when, {}, &change::at);
    if (past == known.begin() || std::prev(past)->now != guild_standing::awaited) continue;
    const auto shard = static_cast<std::uint32_t>((id >> 22) % shards);
    if (!waited_out(shard, when)) return fmt::format("guild {} of shard {} had not come", id, shard);
  }
  return {};
}

std::string guild_history::owed(proto::shard_key lane, base::instant asked, base::instant given) const {
  auto last = owed_at(lane, given);
  if (last.empty() || owed_at(lane, asked).empty()) return {};
  constexpr base::nanoseconds before{1};
  for (auto at = moments_.upper_bound(asked); at != moments_.end() && *at <= given; ++at) {
    if (owed_at(lane, *at).empty() || owed_at(lane, *at - before).empty()) return {};
  }
  return last;
}

}  // namespace evergate::simulation
