// What each event does to a guild document, by event family: the rows of discord-gateway.md §4, column
// "Apply". Each returns whether the event belongs to its family. `d` is one well-formed object; what it lacks
// is left alone. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "flow/event_batch.h"
#include "proto/event_type.h"

namespace evergate::journal {

class guild_document;

/// GUILD_UPDATE, roles, emojis, stickers, sounds, stage instances, scheduled events.
bool apply_guild(guild_document& guild, proto::event_type type, std::string_view d);
/// Channels and pins.
bool apply_channel(guild_document& guild, proto::event_type type, std::string_view d);
bool apply_thread(guild_document& guild, proto::event_type type, std::string_view d);
/// Members, presences, voice states.
bool apply_member(guild_document& guild, proto::event_type type, std::string_view d);

/// What counter rows do to a number that never falls below 0, one after the other: raise it to `least`, then
/// add, as one step.
struct counted_steps {
  std::int64_t least = 0;
  std::int64_t added = 0;

  void then(std::int64_t amount) noexcept {
    added += amount;
    least = std::max<std::int64_t>(0, least + amount);
  }
  [[nodiscard]] std::int64_t from(std::int64_t value) const noexcept {
    return std::max(least, value + added);
  }
};

/// The counter rows of one channel or thread, put together.
struct counted {
  proto::snowflake channel = 0;
  proto::snowflake message = 0;  ///< the newest; 0 = as it was
  bool moves = false;            ///< a count changes
  counted_steps messages;
  bool moves_total = false;
  counted_steps total;
};
[[nodiscard]] counted counted_of(const flow::counter_row& first);
void count_on(counted& to, const flow::counter_row& next);
void apply_counted(guild_document& guild, const counted& what);

}  // namespace evergate::journal
