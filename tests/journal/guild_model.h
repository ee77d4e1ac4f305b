// A second, slow implementation of discord-gateway.md §4 "Apply" over parsed JSON, and random events for it:
// what the journal's guild documents are held against.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/rng.h"
#include "flow/event_batch.h"
#include "proto/event_type.h"

namespace evergate::journal::test {

using nlohmann::json;

inline constexpr std::uint64_t self_id = 900;

class guild_model {
 public:
  bool present = false;
  json doc;

  void apply(proto::event_type type, const json& d);
  void count(std::uint64_t channel, std::uint64_t message, int added, int added_total);
  void user(const json& d);
  /// What a bot is to be shown.
  [[nodiscard]] json shown() const;
};

struct random_event {
  proto::event_type type = proto::event_type::unknown;
  json d;
  bool counter = false;  ///< a message: the numbers below
  std::uint64_t channel = 0;
  std::uint64_t message = 0;
  int added = 0;
};

/// A plausible GUILD_CREATE with a few of everything and some unknown members.
[[nodiscard]] json make_guild(base::rng& random, std::uint64_t id);
/// One event of any kind that changes a guild; ids are few, so that they meet.
[[nodiscard]] random_event make_event(base::rng& random, std::uint64_t guild);

}  // namespace evergate::journal::test
