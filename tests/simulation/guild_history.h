// What the journal's rows say of each guild from moment to moment: named by a READY and awaited, there, down,
// gone. From it follows what a bot's READY must hold and what it must wait for. Shares nothing with the
// mirror that it judges. Pure; grows with the run.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "flow/event_batch.h"
#include "flow/offset.h"
#include "proto/snowflake.h"

namespace evergate::simulation {

enum class guild_standing : std::uint8_t { unknown, awaited, there, down, gone };

class guild_history {
 public:
  /// A shard of which nothing has come for `patience` is not waited for any more. What is committed is known
  /// to the daemon's parts `told_within` later at the latest.
  explicit guild_history(base::nanoseconds patience, base::nanoseconds told_within)
      : patience_(patience), told_within_(told_within) {}

  // What happened, in order of offset and time.
  /// A committed row, whatever it is.
  void note(const flow::event_batch& batch, const flow::event_row& row, base::instant at);
  /// A fleet that was prepared takes over guilds that are known.
  void took_over(proto::shard_key shard, base::instant at);
  /// A READY of this shard names these guilds.
  void announced(proto::shard_key shard, const std::vector<proto::snowflake>& guilds, flow::offset offset,
                 base::instant at);
  void stands(proto::snowflake guild, guild_standing how, flow::offset offset, base::instant at);
  /// A shard may be waited for anew: a READY or a guild of it came.
  void news(std::uint32_t shard, base::instant at);
  /// Nothing came while there was no daemon.
  void daemon_started(base::instant at);

  [[nodiscard]] guild_standing standing(proto::snowflake guild, flow::offset as_of) const;
  /// How it stood at some moment from one offset to the other.
  [[nodiscard]] std::set<guild_standing> standings(proto::snowflake guild, flow::offset from,
                                                   flow::offset to) const;
  /// Every guild there ever was of this lane.
  [[nodiscard]] std::vector<proto::snowflake> guilds(proto::shard_key lane) const;
  /// What a READY of this lane, asked for and given then, should have waited for: a shard's own READY, or
  /// guilds that were announced and had neither come nor been said to be down. Empty when it had what it
  /// needs at some moment in between.
  [[nodiscard]] std::string owed(proto::shard_key lane, base::instant asked, base::instant given) const;

 private:
  struct change {
    flow::offset offset;
    base::instant at;
    guild_standing now = guild_standing::unknown;
  };
  [[nodiscard]] std::uint32_t shards_at(base::instant when) const;
  [[nodiscard]] std::string owed_at(proto::shard_key lane, base::instant when) const;
  [[nodiscard]] bool waited_out(std::uint32_t shard, base::instant when) const;

  const base::nanoseconds patience_;
  const base::nanoseconds told_within_;
  std::map<proto::snowflake, std::vector<change>> changes_;
  std::map<std::uint32_t, std::vector<base::instant>> news_;  ///< by shard, ascending
  std::map<proto::shard_key, base::instant> started_;         ///< shard → its first READY
  std::vector<base::instant> starts_;
  std::set<base::instant> moments_;                ///< when anything changed
  std::map<base::instant, std::uint32_t> shards_;  ///< of the fleet, from when on
};

}  // namespace evergate::simulation
