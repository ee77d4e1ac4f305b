// What a program asks of Discord through the library: voice, members, and what comes back. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace evergate {

/// How the bot joins a voice channel. Source: Discord documentation, Gateway Events, "Update Voice State".
struct voice_join {
  bool self_mute = false;  ///< it does not speak
  bool self_deaf = false;  ///< it does not hear
};

/// Which members of a guild. Source: Discord documentation, Gateway Events, "Request Guild Members".
struct member_request {
  std::uint64_t guild_id = 0;  ///< the guild
  std::string query{};         ///< names that begin so; empty, with limit 0 = all (needs an intent)
  std::uint32_t limit = 0;     ///< at most so many; 0 = no limit, only with an empty query
  std::vector<std::uint64_t> user_ids{};  ///< when not empty, these, at most 100, and `query` is not used
  bool presences = false;                 ///< their presences too (needs an intent)
  /// Without a further chunk for so long, the request has failed.
  std::chrono::milliseconds patience{30'000};
};

/// The answer, all chunks together. Objects are the JSON that Discord sent.
struct guild_members {
  std::uint64_t guild_id = 0;            ///< the guild
  std::vector<std::string> members;      ///< member objects
  std::vector<std::string> presences;    ///< presence objects, when they were asked for
  std::vector<std::uint64_t> not_found;  ///< of user_ids
};

/// What a drain has come to.
struct drain_result {
  bool drained = false;              ///< everything that was sent is acknowledged
  std::uint32_t unacknowledged = 0;  ///< events that are not
};

}  // namespace evergate
