// The oracle's verdict on the bots: what they received against the journal's rows, one consumer at a time.
// Written from docs and design, sharing no filter with what it judges. Pure.
//
// What must hold: a READY waits until the mirror can hold the lane's guilds and names exactly those of its
// cursor, each of which follows as it was then; a session's events are exactly the due rows past its cursor,
// in order, from its first number on, across every RESUME; no row reaches two sessions unless it was
// unacknowledged when the first ended uncleanly, or the daemon was killed before the acknowledgement was
// durable; in the end no due row is missing. Interactions have no number: none reaches bots twice, whatever
// happens, they keep their order, and a young one reaches a bot that is there at once, however much is queued
// before it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bot_log.h"
#include "flow/journal.h"
#include "guild_history.h"

namespace evergate::simulation {

/// One committed record of the journal.
struct journal_row {
  flow::offset offset;
  std::string type;
  proto::snowflake guild = 0;
  std::uint64_t serial = 0;  ///< `_serial` of d, 0 without
  std::uint8_t flags = 0;
  std::uint32_t target = 0;
  base::instant at{};       ///< of its commit
  std::int64_t age_ms = 0;  ///< of an interaction's id, then
};
/// Takes a batch's rows apart, as of its commit.
void append_rows(const flow::event_batch& batch, base::instant at, std::int64_t unix_ms,
                 std::vector<journal_row>& out);

struct bot_rules {
  /// When an acknowledgement that was answered then is durable for certain: a second later, unless the disk
  /// is disturbed.
  std::function<base::instant(base::instant)> durable_by = [](base::instant answered) {
    return answered + base::seconds{1};
  };
  /// What a bot had this long before its close frame counts as delivered (on_clean_close = sent).
  base::milliseconds settled_within{1'000};
  bool clean_close_counts = true;
  /// What was acknowledged this long before a connection's end may be redelivered (handler_grace).
  base::milliseconds handler_grace{0};
  /// A young interaction reaches a bot that is there and reads within this; 0 = not asked for.
  std::function<base::milliseconds(base::instant)> interactions_within = [](base::instant) {
    return base::milliseconds{0};
  };
  /// Rows that the journal gave up before all had them may be missing.
  std::function<bool(flow::offset)> evicted;
  /// What READYs are held against.
  const guild_history* guilds = nullptr;
  /// From where on guilds are kept at a moment; empty = always from every cursor.
  std::function<flow::offset(base::instant)> guilds_kept_from;
  /// False while the run is not over: nothing is asked for that may still come.
  bool finished = true;
};

struct bot_verdict {
  std::vector<std::string> breaches;
  std::uint64_t received = 0;     ///< events, without READY and guilds
  std::uint64_t redelivered = 0;  ///< rightly
  std::uint64_t interactions = 0;
  std::uint64_t interactions_spent = 0;  ///< expired, or sent to a bot that died before it had them
};

/// `rows` ascend by offset.
[[nodiscard]] bot_verdict check_bots(const bot_log& log, const std::vector<journal_row>& rows,
                                     const bot_rules& rules);

}  // namespace evergate::simulation
