#include "bot_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "proto/json_view.h"
#include "sim/intent.h"

namespace evergate::simulation {
namespace {

/// A lane may go through several hands in one moment.
bool follows(const bot_grant& later, const bot_grant& earlier) {
  return std::pair(later.at, later.number) > std::pair(earlier.at, earlier.number);
}

/// Which intents let an event through; 0 = any. Only for the intents that a bot of the simulation may go
/// without. From Discord's documentation, "List of Intents".
std::uint32_t wanted_by(std::string_view type, bool direct) {
  using namespace sim;
  if (type == "TYPING_START") return direct ? intent::dm_typing : intent::typing;
  if (type == "PRESENCE_UPDATE") return intent::presences;
  if (type.starts_with("MESSAGE_REACTION_")) return direct ? intent::dm_reactions : intent::reactions;
  if (type.starts_with("MESSAGE_POLL_VOTE_")) return direct ? intent::dm_polls : intent::polls;
  if (type.starts_with("MESSAGE_")) return direct ? intent::dm_messages : intent::messages;
  if (type == "CHANNEL_PINS_UPDATE" && direct) return intent::dm_messages;
  if (type.starts_with("GUILD_BAN_") || type.starts_with("GUILD_JOIN_REQUEST_") ||
      type == "GUILD_AUDIT_LOG_ENTRY_CREATE")
    return intent::moderation;
  if (type.starts_with("GUILD_EMOJIS_") || type.starts_with("GUILD_STICKERS_") ||
      type.starts_with("GUILD_SOUNDBOARD_")) {
    return intent::expressions;
  }
  if (type.starts_with("GUILD_INTEGRATIONS_") || type.starts_with("INTEGRATION_"))
    return intent::integrations;
  if (type == "WEBHOOKS_UPDATE") return intent::webhooks;
  if (type.starts_with("INVITE_")) return intent::invites;
  if (type == "VOICE_STATE_UPDATE" || type == "VOICE_CHANNEL_EFFECT_SEND") return intent::voice_states;
  if (type.starts_with("GUILD_SCHEDULED_EVENT_")) return intent::scheduled_events;
  if (type.starts_with("AUTO_MODERATION_RULE_")) return intent::automod_configuration;
  if (type == "AUTO_MODERATION_ACTION_EXECUTION") return intent::automod_execution;
  return 0;
}

bool for_bots(const journal_row& row) {
  if ((row.flags & flow::row_flag::internal) != 0 || row.type == "INTERACTION_CREATE") return false;
  return row.type != "READY" && row.type != "RESUMED";
}

bool passes(const journal_row& row, std::uint32_t intents) {
  if ((row.flags & flow::row_flag::self) != 0) return true;  // the bot's own member
  const auto wanted = wanted_by(row.type, row.guild == 0);
  return wanted == 0 || (wanted & intents) != 0;
}

struct delivery {
  const bot_session* session = nullptr;
  const bot_grant* grant = nullptr;
  std::uint32_t seq = 0;
  base::instant at;
};

class judge {
 public:
  judge(const bot_log& log, const std::vector<journal_row>& rows, const bot_rules& rules)
      : log_(log), rows_(rows), rules_(rules) {}

  bot_verdict run() {
    out_.breaches = log_.breaches;
    for (const auto& row : rows_) {
      const bool internal = (row.flags & flow::row_flag::internal) != 0;  // nobody's
      if (row.type == "INTERACTION_CREATE" && !internal) interactions_[row.serial] = {.row = &row};
    }
    for (const auto& session : log_.sessions) {
      follow(session);
      follow_interactions(session);
    }
    for (auto& [offset, ways] : deliveries_) {
      std::ranges::sort(ways, {}, [](const delivery& one) { return std::pair(one.at, one.seq); });
      judge_doubles(offset, ways);
    }
    if (rules_.finished) find_missing();
    if (rules_.finished) judge_interactions();
    return std::move(out_);
  }

 private:
  void breach(const bot_session& session, std::string what) {
    out_.breaches.push_back(fmt::format("{} [{},{}] session {}: {}", log_.consumer, session.lane.id,
                                        session.lane.count, session.id, what));
  }
  [[nodiscard]] static bool due(const journal_row& row, const bot_session& session, const bot_grant& grant);
  [[nodiscard]] bool may_be_left_out(const journal_row& row) const;
  void follow(const bot_session& session);
  void follow_interactions(const bot_session& session);
  void judge_interactions();
  /// A bot was there for the row, alone with its lane and with nothing to wait for.
  [[nodiscard]] const bot_spell* witness(const journal_row& row) const;
  void check_guilds(const bot_session& session, const bot_grant& grant);
  void judge_doubles(flow::offset offset, const std::vector<delivery>& ways);
  /// The lane of this row was given to another session by then.
  [[nodiscard]] bool superseded(const delivery& which, const journal_row& row, base::instant by) const;
  /// A connection of the session ended so soon after.
  [[nodiscard]] bool left_within(const bot_session& session, base::instant after,
                                 base::milliseconds span) const;
  [[nodiscard]] bool divided_within(const delivery& which, const journal_row& row, base::instant after,
                                    base::milliseconds span) const;
  [[nodiscard]] bool in_burst(const bot_session& session, base::instant at) const;
  [[nodiscard]] bool killed_between(base::instant from, base::instant to) const;
  [[nodiscard]] bool ended_between(base::instant from, base::instant to) const;
  void find_missing();
  [[nodiscard]] const journal_row* row_at(flow::offset offset) const;

  const bot_log& log_;
  const std::vector<journal_row>& rows_;
  const bot_rules& rules_;
  bot_verdict out_;
  std::map<flow::offset, std::vector<delivery>> deliveries_;
  struct interaction {
    const journal_row* row = nullptr;
    const bot_session* to = nullptr;
    base::instant at{};
  };
  std::map<std::uint64_t, interaction> interactions_;  ///< by serial
};

bool judge::due(const journal_row& row, const bot_session& session, const bot_grant& grant) {
  if (!for_bots(row)) return false;
  if ((row.flags & flow::row_flag::reply) != 0) return row.target == grant.number;
  if (!session.lane.owns(row.guild) || !passes(row, session.intents)) return false;
  for (const auto& layout : grant.older) {
    if (row.offset <= layout.cursors[(row.guild >> 22) % layout.lanes]) return false;
  }
  return true;
}

bool judge::may_be_left_out(const journal_row& row) const {
  return rules_.evicted && rules_.evicted(row.offset);
}

/// The session's events, one by one, are the due rows past its cursor, one by one.
void judge::follow(const bot_session& session) {
  const auto found = log_.grants.find(session.id);
  if (found == log_.grants.end()) return breach(session, "was never granted");
  const auto& grant = found->second;
  check_guilds(session, grant);
  auto row = std::ranges::upper_bound(rows_, grant.start, {}, &journal_row::offset);
  for (std::size_t i = session.backfill; i < session.received.size(); ++i) {
    const auto& got = session.received[i];
    const auto same = [](const journal_row& one, const bot_receipt& got) {
      if (one.type != got.type || one.serial != got.serial) return false;
      return got.serial != 0 || one.guild == got.guild;  // entitlements name a guild, but belong to none
    };
    const auto is = [&](const journal_row& one) { return same(one, got); };
    const auto next = std::find_if(row, rows_.end(), [&](const journal_row& one) {
      return due(one, session, grant) && !may_be_left_out(one);
    });
    // Before it some that were given up may have come, from memory. Of those without a serial it is the one
    // that was not, unless what came after it is one that was.
    const auto of_given_up = [&] {
      if (i + 1 == session.received.size()) return false;
      const auto& after = session.received[i + 1];
      return after.serial != 0 && std::any_of(row, next, [&](const journal_row& one) {
               return due(one, session, grant) && same(one, after);
             });
    };
    const bool certain = next != rows_.end() && is(*next) && got.serial == 0 && !of_given_up();
    row = certain ? next : std::find_if(row, next, [&](const journal_row& one) {
      return due(one, session, grant) && is(one);
    });
    if (row == rows_.end()) {
      return breach(session, fmt::format("number {} ({}, guild {}, serial {}) is no row past its cursor {}",
                                         i + 1, got.type, got.guild, got.serial, grant.start.value));
    }
    if (!is(*row)) {
      return breach(session, fmt::format("number {} is {} (guild {}, serial {}), but the next due row is {}: "
                                         "{} (guild {}, serial {}); its cursor was {}, it resumed {} times",
                                         i + 1, got.type, got.guild, got.serial, row->offset.value, row->type,
                                         row->guild, row->serial, grant.start.value, session.resumes));
    }
    deliveries_[row->offset].push_back({&session, &grant, static_cast<std::uint32_t>(i + 1), got.at});
    ++out_.received;
    ++row;
  }
}

void judge::follow_interactions(const bot_session& session) {
  flow::offset last;
  for (const auto& got : session.interactions) {
    const auto found = interactions_.find(got.serial);
    if (found == interactions_.end()) {
      breach(session, fmt::format("interaction {} was never committed", got.serial));
      continue;
    }
    auto& [row, to, at] = found->second;
    if (!session.lane.owns(row->guild)) {
      breach(session, fmt::format("interaction {} is another lane's", got.serial));
    }
    if (row->offset < last)
      breach(session, fmt::format("interaction {} comes after a later one", got.serial));
    if (to != nullptr) {
      breach(session, fmt::format("interaction {} had reached session {}", got.serial, to->id));
    }
    last = row->offset;
    to = &session;
    at = got.at;
    ++out_.interactions;
  }
}

const bot_spell* judge::witness(const journal_row& row) const {
  const auto end = row.at + rules_.interactions_within(row.at);
  if (row.age_ms >= 1'000 || ended_between(row.at - base::seconds{1}, end)) return nullptr;
  for (const auto& spell : log_.live) {
    const auto* grant = [&]() -> const bot_grant* {
      const auto found = log_.grants.find(spell.session);
      return found == log_.grants.end() ? nullptr : &found->second;
    }();
    if (grant == nullptr || !grant->lane.owns(row.guild) || !spell.covers(row.at, end)) continue;
    const bool replaced = std::ranges::any_of(log_.grants, [&](const auto& one) {
      return follows(one.second, *grant) && one.second.at <= end && one.second.lane.owns(row.guild);
    });
    const bool busy = std::ranges::any_of(log_.backlogged, [&](const bot_spell& one) {
      return one.session == spell.session && one.touches(row.at, end);
    });
    if (!replaced && !busy) return &spell;
  }
  return nullptr;
}

void judge::judge_interactions() {
  for (const auto& [serial, one] : interactions_) {
    if (one.to == nullptr) ++out_.interactions_spent;
    const auto within = rules_.interactions_within(one.row->at);
    if (within == base::milliseconds::zero()) continue;
    if (one.to != nullptr && one.at <= one.row->at + within) continue;
    const auto* there = witness(*one.row);
    if (there == nullptr) continue;
    out_.breaches.push_back(fmt::format(
        "{}: interaction {} (row {}) {}, though session {} was there", log_.consumer, serial,
        one.row->offset.value, one.to == nullptr ? "never reached a bot" : "came late", there->session));
  }
}

/// READY came when the mirror could hold the lane's guilds, and it and what follows are as of the cursor.
void judge::check_guilds(const bot_session& session, const bot_grant& grant) {
  if (rules_.guilds == nullptr) return;
  const auto owed = rules_.guilds->owed(session.lane, session.asked, grant.at);
  if (!owed.empty()) breach(session, fmt::format("READY came too early: {}", owed));
  const auto named = [&](const std::vector<proto::snowflake>& list, proto::snowflake id) {
    return std::ranges::find(list, id) != list.end();
  };
  // Guilds are shown as of the cursor, or as of the oldest moment that is kept when that is later.
  const auto last = std::min(session.backfill, session.received.size());
  const auto kept = rules_.guilds_kept_from && last > 0
                        ? rules_.guilds_kept_from(session.received[last - 1].at)
                        : flow::offset{};
  for (const auto id : rules_.guilds->guilds(session.lane)) {
    auto cursor = grant.start;
    for (const auto& layout : grant.older)
      cursor = std::max(cursor, layout.cursors[(id >> 22) % layout.lanes]);
    const auto ways = rules_.guilds->standings(id, cursor, std::max(cursor, kept));
    const auto was = [&](auto... how) { return (ways.contains(how) || ...); };
    using enum guild_standing;
    if (named(session.guilds, id) ? !was(awaited, there, down) : !was(unknown, gone)) {
      breach(session, fmt::format("READY {} guild {}, as of its cursor {}",
                                  named(session.guilds, id) ? "names" : "does not name", id, cursor.value));
    }
    if (named(session.available, id) && !was(there)) {
      breach(session, fmt::format("guild {} of READY came, though it was not there as of its cursor {}", id,
                                  cursor.value));
    }
    if (named(session.unavailable, id) && !was(awaited, down)) {
      breach(session, fmt::format("guild {} of READY is told as down, though it was not as of its cursor {}",
                                  id, cursor.value));
    }
  }
}

bool judge::superseded(const delivery& which, const journal_row& row, base::instant by) const {
  return std::ranges::any_of(log_.grants, [&](const auto& one) {
    const auto& grant = one.second;
    return follows(grant, *which.grant) && grant.at <= by && grant.lane.owns(row.guild);
  });
}

/// Another n took the lane as of then, whatever its bot, which hears of it when it reads again, did after
/// that.
bool judge::divided_within(const delivery& which, const journal_row& row, base::instant after,
                           base::milliseconds span) const {
  if (span == base::milliseconds::zero()) return false;
  return std::ranges::any_of(log_.grants, [&](const auto& one) {
    const auto& grant = one.second;
    return grant.layout > which.grant->layout && grant.at <= after + span + base::seconds{1} &&
           grant.lane.owns(row.guild);
  });
}

bool judge::left_within(const bot_session& session, base::instant after, base::milliseconds span) const {
  if (span == base::milliseconds::zero()) return false;
  // The daemon hears of both later than the bot knows.
  constexpr base::seconds late{1};
  return std::ranges::any_of(
      session.ended, [&](base::instant at) { return at >= after - late && at <= after + span + late; });
}

/// The daemon had sent more at once than goes out, and no beat before `at` showed that it had arrived: only
/// what was acknowledged counts then.
bool judge::in_burst(const bot_session& session, base::instant at) const {
  return std::ranges::any_of(log_.bursts, [&](const bot_spell& one) {
    if (one.session != session.id || one.from > at) return false;
    if (one.to > at) return true;
    const auto end =
        std::ranges::upper_bound(session.received, one.to + rules_.settled_within, {}, &bot_receipt::at);
    const auto had = static_cast<std::uint32_t>(end - session.received.begin());
    return std::ranges::none_of(session.acknowledged,
                                [&](const auto& beat) { return beat.seq >= had && beat.at <= at; });
  });
}

bool judge::killed_between(base::instant from, base::instant to) const {
  return std::ranges::any_of(log_.daemon_kills, [&](base::instant at) { return at >= from && at <= to; });
}

bool judge::ended_between(base::instant from, base::instant to) const {
  return killed_between(from, to) ||
         std::ranges::any_of(log_.daemon_stops, [&](base::instant at) { return at >= from && at <= to; });
}

void judge::judge_doubles(flow::offset offset, const std::vector<delivery>& ways) {
  if (ways.size() < 2) return;
  const auto& row = *row_at(offset);
  for (std::size_t later = 1; later < ways.size(); ++later) {
    const auto& again = ways[later];
    ++out_.redelivered;
    for (std::size_t i = 0; i < later; ++i) {
      const auto& first = ways[i];
      // `told` is when the daemon heard of it at the latest, `asked` when it did at the earliest.
      const auto known = [&](base::instant since, std::string_view how, base::instant asked,
                             base::instant told) {
        if (since > again.grant->at) return;
        // A bot whose lane went to another is answered, but acknowledges nothing any more.
        if (superseded(first, row, since)) return;
        // Killed before this was on disk, or while the answer was under way.
        if (killed_between(asked, rules_.durable_by(told))) return;
        breach(*again.session,
               fmt::format("number {} (row {}, {}) had reached session {}, which {} at {:.3f}", again.seq,
                           offset.value, row.type, first.session->id, how,
                           std::chrono::duration<double>(since.time_since_epoch()).count()));
      };
      for (const auto& ack : first.session->acknowledged) {
        if (ack.seq < first.seq) continue;
        if (!left_within(*first.session, ack.at, rules_.handler_grace) &&
            !divided_within(first, row, ack.at, rules_.handler_grace)) {
          // The answer may lie unread for as long as the bot dozes or the machine sleeps; the beat does not.
          const auto told = std::min(ack.at, rules_.durable_by(ack.asked));
          known(ack.at, "acknowledged it", ack.asked, told + rules_.handler_grace);
        }
        break;
      }
      if (rules_.clean_close_counts) {
        for (const auto& close : first.session->closed) {
          if (close.seq < first.seq || close.at - first.at < rules_.settled_within) continue;
          if (in_burst(*first.session, close.at)) continue;
          known(close.at, "closed cleanly", close.at - base::seconds{1}, close.at);
          break;
        }
      }
    }
  }
}

const journal_row* judge::row_at(flow::offset offset) const {
  const auto found = std::ranges::lower_bound(rows_, offset, {}, &journal_row::offset);
  return found != rows_.end() && found->offset == offset ? &*found : nullptr;
}

/// Every row past the consumer's beginning reached some session.
void judge::find_missing() {
  const bot_session* any = log_.sessions.empty() ? nullptr : &log_.sessions.front();
  if (any == nullptr) return;
  // The oldest layout that anybody was granted: an older one may have begun and been left with nobody in it.
  std::pair begin{~std::uint32_t{0}, flow::offset{}};
  for (const auto& [id, grant] : log_.grants) begin = std::min(begin, std::pair(grant.layout, grant.start));
  for (const auto& row : rows_) {
    if (row.offset <= begin.second || !for_bots(row) || !passes(row, any->intents)) continue;
    if ((row.flags & flow::row_flag::reply) != 0 || deliveries_.contains(row.offset)) continue;
    if (rules_.evicted && rules_.evicted(row.offset)) continue;
    out_.breaches.push_back(fmt::format("{}: row {} ({}, guild {}, serial {}) never reached a bot",
                                        log_.consumer, row.offset.value, row.type, row.guild, row.serial));
  }
}

}  // namespace

void append_rows(const flow::event_batch& batch, base::instant at, std::int64_t unix_ms,
                 std::vector<journal_row>& out) {
  for (const auto& row : batch.rows) {
    auto& one = out.emplace_back();
    one.offset = row.offset;
    one.type = batch.name(row);
    one.guild = row.guild;
    one.flags = row.flags;
    one.target = row.target;
    if (row.type >= proto::event_type::session_started) one.flags |= flow::row_flag::internal;
    const auto serial = proto::integer_of(proto::member(batch.data(row), "_serial"));
    one.serial = static_cast<std::uint64_t>(serial.value_or(0));
    one.at = at;
    if (row.type == proto::event_type::interaction_create) {
      one.age_ms = unix_ms - proto::created_ms(proto::snowflake_of(proto::member(batch.data(row), "id")));
    }
  }
}

bot_verdict check_bots(const bot_log& log, const std::vector<journal_row>& rows, const bot_rules& rules) {
  return judge(log, rows, rules).run();
}

}  // namespace evergate::simulation
