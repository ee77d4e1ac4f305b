// Makes the guild of a given index out of the world's seed: the same seed and index always give the same
// guild, so that guilds need not be kept before they change. Pure; bounded by world_options::members.
#pragma once

#include <cstdint>

#include "sim/guild.h"

namespace evergate::sim {

struct world_options {
  std::uint64_t seed = 1;
  std::uint32_t guilds = 1000;                ///< 10 to 200,000
  std::uint32_t members = 20;                 ///< of an ordinary guild; one in fifty has eight times as many
  bool members_even = false;                  ///< every guild has exactly `members`
  std::uint32_t channels = 0;                 ///< of every guild, at least 12; 0 = a dozen or so
  std::uint32_t roles = 0;                    ///< of every guild, @everyone included; 0 = a few
  snowflake bot = 1'100'000'000'000'000'001;  ///< the bot's user and application id
};

/// The id of guild `index`: creation times lie in slots of their own, so ids are unique and spread evenly
/// over any number of shards.
[[nodiscard]] snowflake guild_id_of(const world_options& options, std::uint32_t index) noexcept;

[[nodiscard]] guild make_guild(const world_options& options, std::uint32_t index);

/// The index of the guild out of whose making this id came, if it came out of one.
[[nodiscard]] std::uint32_t guild_slot_of(snowflake made_id) noexcept;

}  // namespace evergate::sim
