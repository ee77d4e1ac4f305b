// One gateway session as Discord keeps it: sequence, replay buffer, and the guilds it has yet to be given.
// Outlives its connections. Owned by the core; one thread; bounded by replay_max and replay_bytes_max.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "sim/guild_text.h"

namespace evergate::sim {

using connection_id = std::uint64_t;

struct session {
  struct kept_event {
    std::uint32_t seq = 0;
    std::string_view type;
    std::shared_ptr<const std::string> d;
  };

  /// A dispatch that is on its way through a slow Discord and has no number yet.
  struct lagged_event {
    std::int64_t due_ms = 0;
    std::uint64_t owed = 0;  ///< in the ledger
    std::string_view type;
    std::shared_ptr<const std::string> d;
  };

  std::uint32_t number = 0;  ///< in the ledger
  std::string id;
  std::uint32_t shard = 0;
  std::uint32_t count = 1;
  guild_view view;
  std::string transport;  ///< version, encoding and compression it was made with
  std::string status;     ///< of the last presence that it was told by op 3
  std::uint32_t seq = 0;
  std::uint32_t acknowledged = 0;  ///< highest sequence of a heartbeat
  connection_id connection = 0;    ///< 0 = nobody is connected
  std::int64_t detached_ms = 0;
  std::size_t replay_max = 100;
  std::size_t replay_bytes = 0;
  std::deque<kept_event> replay;
  std::uint32_t forgotten = 0;  ///< the last sequence that is no longer kept
  std::deque<lagged_event> lagged;
  std::vector<std::uint32_t> waiting;  ///< slots of guilds to backfill, last first
  std::unordered_set<std::uint32_t> waiting_set;
  double backfill_credit = 0;
  std::vector<std::uint32_t> voice_guilds;  ///< slots where the bot speaks through this session

  /// Everything after `from` is still there.
  [[nodiscard]] bool can_replay(std::uint32_t from) const noexcept { return from >= forgotten; }
  void keep(kept_event event, std::size_t bytes_max) {
    replay_bytes += event.d->size();
    replay.push_back(std::move(event));
    while (replay.size() > replay_max || (replay_bytes > bytes_max && replay.size() > 1)) forget_oldest();
  }
  void forget_until(std::uint32_t last) {
    while (!replay.empty() && replay.front().seq <= last) forget_oldest();
  }

 private:
  void forget_oldest() {
    replay_bytes -= replay.front().d->size();
    forgotten = replay.front().seq;
    replay.pop_front();
  }
};

}  // namespace evergate::sim
