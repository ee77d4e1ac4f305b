// One thing that happened in the world: what a dispatch of it says and who may hear it. Filled by the event
// mix, spread by the core; its strings are reused from event to event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/guild.h"
#include "sim/intent.h"

namespace evergate::sim {

struct event {
  std::string_view type;  ///< Discord's name; points into static storage
  std::uint64_t serial = 0;
  snowflake guild = 0;        ///< 0 = shard 0's
  std::uint32_t index = 0;    ///< the guild's slot, when there is one
  intent_bits intents = 0;    ///< any of these lets it through; 0 = always sent
  bool guild_create = false;  ///< `d` differs by viewer and is written by the core
  bool joined = false;        ///< guild_create: the bot has just joined (no `unavailable` key)
  std::string d;              ///< from brace to brace, `_serial` first
  std::string d_stripped;     ///< for sessions without MESSAGE_CONTENT; empty = the same as d
};

}  // namespace evergate::sim
