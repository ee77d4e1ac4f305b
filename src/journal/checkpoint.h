// A guild version on its way into the store: asked for by the journal's core, made by the keeper (or, in a
// simulation, by the caller), written with the next round. Values.
#pragma once

#include <cstdint>
#include <string>

#include "journal/mirror.h"

namespace evergate::journal {

struct checkpoint_request {
  proto::snowflake guild = 0;
  std::uint64_t as_of = 0;
  bool urgent = false;  ///< eviction waits for it
};

struct checkpoint {
  proto::snowflake guild = 0;
  std::uint64_t as_of = 0;
  guild_state state = guild_state::unknown;
  bool reconcile = false;
  std::uint32_t raw_bytes = 0;  ///< 0: no document
  std::string compressed;
  std::string
      failure;  ///< why the guild could not be made from what is stored; it is then held as unavailable
};

[[nodiscard]] checkpoint make_checkpoint(mirror& from, const checkpoint_request& wanted, int level);

}  // namespace evergate::journal
