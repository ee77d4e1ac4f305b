// What the simulated bots of one consumer received and did, and what the daemon granted them: the bots' side
// of the oracle. Written by bots and bot_gateway, read by bot_check. Grows with the run; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "flow/journal.h"
#include "proto/snowflake.h"
#include "relief_check.h"

namespace evergate::simulation {

struct bot_receipt {
  std::string type;
  proto::snowflake guild = 0;
  std::uint64_t serial = 0;  ///< `_serial` of d, 0 without
  base::instant at;
};

/// One downstream session as the bot saw it. The receipt at i has the number i + 1.
struct bot_session {
  std::string id;
  proto::shard_key lane;
  std::uint32_t intents = 0;
  base::instant asked{};                        ///< when the bot sent IDENTIFY
  std::vector<proto::snowflake> guilds{};       ///< READY's
  std::vector<proto::snowflake> available{};    ///< of these, told as GUILD_CREATE
  std::vector<proto::snowflake> unavailable{};  ///< of these, told as GUILD_DELETE
  std::size_t backfill = 0;                     ///< receipts that are READY and guilds
  std::vector<bot_receipt> received{};
  std::vector<bot_receipt> interactions{};  ///< these have no number
  struct moment {
    std::uint32_t seq = 0;
    base::instant at;
  };
  struct answer {
    std::uint32_t seq = 0;
    base::instant at;
    base::instant asked{};  ///< when the beat went out
  };
  std::vector<answer> acknowledged{};  ///< a beat with that number was answered by op 11
  std::vector<base::instant> ended{};  ///< its connections, however
  std::vector<moment> closed{};        ///< it had that number when it sent a close frame, which was answered
  std::uint32_t resumes = 0;
};

/// A lane that the daemon gave to a session, as its grant said.
struct bot_grant {
  std::string session;
  std::uint32_t number = 0;
  proto::shard_key lane;
  std::uint32_t layout = 0;
  base::instant at;
  flow::offset start;
  std::vector<flow::layout_record> older;
  flow::offset interactions;
};

/// A time in which something was so.
struct bot_spell {
  std::string session;
  base::instant from;
  base::instant to{base::nanoseconds::max()};
  [[nodiscard]] bool covers(base::instant begin, base::instant end) const {
    return from <= begin && to >= end;
  }
  [[nodiscard]] bool touches(base::instant begin, base::instant end) const {
    return from <= end && to >= begin;
  }
};

struct bot_log {
  std::string consumer = "main";
  std::deque<bot_session> sessions;                      ///< in the order of their READYs
  std::map<std::string, bot_grant, std::less<>> grants;  ///< the first of each session
  std::vector<base::instant> daemon_kills;
  std::vector<base::instant>
      daemon_stops;                  ///< in good order: cursors are durable, what was sent is forgotten
  std::deque<bot_spell> live;        ///< a bot was there, with its session, and read
  std::deque<bot_spell> backlogged;  ///< what was written to it waited for room on the wire
  std::deque<bot_spell> bursts;      ///< it was sent more than goes out at once; until nothing waits
  std::set<std::uint64_t>
      unaligned;  ///< guilds that a resharding moved with a GAP: what was lost may be state
  std::vector<std::string> breaches;  ///< of the protocol, as seen by a bot at once
  std::uint64_t identifies = 0;
  std::uint64_t resumes = 0;
  std::uint64_t resumes_refused = 0;
  std::uint64_t answers = 0;  ///< replies to commands

  std::function<void(const relief_look&)> on_look{};  ///< hears of each look at the backlog
  std::function<void(std::string_view)> narrate{};    ///< hears what happens to bots, for a trace

  [[nodiscard]] bot_session* find(std::string_view id) {
    for (auto at = sessions.rbegin(); at != sessions.rend(); ++at) {
      if (at->id == id) return &*at;
    }
    return nullptr;
  }
};

}  // namespace evergate::simulation
