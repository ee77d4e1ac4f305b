// From an event to the sessions that may hear it, and what time brings: backfill, rates, timeouts.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/connection.h"
#include "sim/discord.h"

namespace evergate::sim {
namespace {

constexpr std::uint64_t events_per_tick_max = 4096;
constexpr std::int64_t watch_every_ms = 100;
constexpr std::size_t lagged_max = 200'000;  // of one session; the oldest goes out early beyond it
constexpr std::int64_t beat_answer_ms_max = 10'000;
constexpr std::int64_t muted_ms_max = 600'000;

}  // namespace

void discord::send_event(session& s, std::uint32_t seq, std::string_view type, std::string_view d) {
  connection* c = find(s.connection);
  if (c == nullptr) return;
  head_.assign("{\"t\":\"");
  head_ += type;
  head_ += "\",\"s\":";
  char digits[16];
  head_.append(digits, std::to_chars(digits, digits + sizeof digits, seq).ptr);
  head_ += ",\"op\":0,\"d\":";
  transmit(*c, head_, d, "}");
}

void discord::deliver(session& s, std::string_view type, std::shared_ptr<const std::string> d) {
  const std::uint64_t owed = ledger_.owe(s.number);
  if (!faults_.none(fault_kind::drop_type)) {
    auto at = target_of(s);
    at.subject = type;
    at.session = s.number;
    if (auto* withheld = faults_.find(fault_kind::drop_type, at)) {
      faults_.fire(*withheld);
      return ledger_.dropped(owed);
    }
  }
  auto place = target_of(s);
  place.session = s.number;
  auto* lag = faults_.find(fault_kind::lag, place);
  if (lag == nullptr && s.lagged.empty()) return commit(s, owed, type, std::move(d));
  std::int64_t due = s.lagged.empty() ? ticked_ms_ : s.lagged.back().due_ms;
  if (lag != nullptr) {
    const auto chance =
        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(lag->order.jitter_ms) + 1));
    due = std::max(due, ticked_ms_ + lag->order.delay_ms + chance);
    faults_.fire(*lag);
  }
  s.lagged.push_back({due, owed, type, std::move(d)});
  if (s.lagged.size() > lagged_max) release_lagged(s, s.lagged.front().due_ms);
}

void discord::release_lagged(session& s, std::int64_t now_ms) {
  while (!s.lagged.empty() && s.lagged.front().due_ms <= now_ms) {
    session::lagged_event late = std::move(s.lagged.front());
    s.lagged.pop_front();
    commit(s, late.owed, late.type, std::move(late.d));
  }
}

// It gets its number in the session's stream.
void discord::commit(session& s, std::uint64_t owed, std::string_view type,
                     std::shared_ptr<const std::string> d) {
  if (auto* jump = faults_.find(fault_kind::seq_jump, target_of(s))) {
    s.seq += jump->order.by;
    faults_.fire(*jump);
  }
  ++s.seq;
  ++counters_.dispatches;
  ledger_.sent(owed, s.seq);
  send_event(s, s.seq, type, *d);
  if (auto* again = faults_.find(fault_kind::seq_repeat, target_of(s))) {
    faults_.fire(*again);
    send_event(s, s.seq, type, *d);
  }
  s.keep({s.seq, type, std::move(d)}, options_.replay_bytes_max);
}

bool discord::wants(session& s, const event& e) const {
  if (e.intents != 0 && (s.view.intents & e.intents) == 0) return false;
  if (e.guild == 0 || s.waiting_set.empty()) return true;
  // A guild speaks to a session from its GUILD_CREATE on; if the bot has left it, that is said in its place.
  if (!s.waiting_set.contains(e.index)) return true;
  if (world_.id_at(e.index) != 0) return false;
  s.waiting_set.erase(e.index);
  return true;
}

void discord::spread(event& e) {
  ++counters_.events;
  ledger_.add(e.serial, e.guild, e.type, ledger_kind::event);
  std::shared_ptr<const std::string> whole;
  std::shared_ptr<const std::string> stripped;
  std::vector<std::pair<guild_view, std::shared_ptr<const std::string>>> variants;
  for (auto& [count, table] : fleets_) {
    for (session* s : table[(e.guild >> 22) % count]) {
      if (!wants(*s, e)) continue;
      if (e.guild_create) {
        const auto same = std::ranges::find_if(variants, [&](const auto& v) {
          return v.first.large_threshold == s->view.large_threshold &&
                 ((v.first.intents ^ s->view.intents) & intent::presences) == 0;
        });
        if (same != variants.end()) {
          deliver(*s, e.type, same->second);
          continue;
        }
        std::string d;
        world_.write_guild_create(d, e.index, s->view, e.serial, !e.joined);
        variants.emplace_back(s->view, std::make_shared<const std::string>(std::move(d)));
        deliver(*s, e.type, variants.back().second);
      } else if (!e.d_stripped.empty() && (s->view.intents & intent::message_content) == 0) {
        if (!stripped) stripped = std::make_shared<const std::string>(e.d_stripped);
        deliver(*s, e.type, stripped);
      } else {
        if (!whole) whole = std::make_shared<const std::string>(e.d);
        deliver(*s, e.type, whole);
      }
    }
  }
}

void discord::backfill_unavailable(session& s, std::uint32_t index, std::string_view type) {
  const std::uint64_t serial = mix_.next_serial();
  const snowflake id = world_.id_at(index);
  ledger_.add(serial, id, type, ledger_kind::backfill);
  deliver(
      s, type,
      std::make_shared<const std::string>("{\"_serial\":" + std::to_string(serial) +
                                          ",\"unavailable\":true,\"id\":\"" + std::to_string(id) + "\"}"));
}

void discord::backfill_one(session& s, std::uint32_t index) {
  if (!world_.kept_available(index)) return backfill_unavailable(s, index, "GUILD_DELETE");
  const std::uint64_t serial = mix_.next_serial();
  const snowflake id = world_.id_at(index);
  std::string d;
  world_.write_guild_create(d, index, s.view, serial, true);
  ledger_.add(serial, id, "GUILD_CREATE", ledger_kind::backfill);
  deliver(s, "GUILD_CREATE", std::make_shared<const std::string>(std::move(d)));
}

void discord::backfill(session& s, std::int64_t elapsed_ms) {
  if (s.waiting.empty()) return;
  if (s.connection != 0 && sink_.congested(s.connection)) return;
  s.backfill_credit += options_.guild_create_rate * static_cast<double>(elapsed_ms) / 1000.0;
  while (s.backfill_credit >= 1 && !s.waiting.empty()) {
    const std::uint32_t index = s.waiting.back();
    s.waiting.pop_back();
    if (!s.waiting_set.contains(index)) continue;  // left meanwhile
    s.backfill_credit -= 1;
    if (faults_.take(fault_kind::unavailable_create, target_of(s))) {
      backfill_unavailable(s, index, "GUILD_CREATE");
      s.waiting.insert(s.waiting.begin(), index);  // the real one comes last
      continue;
    }
    s.waiting_set.erase(index);
    backfill_one(s, index);
  }
  if (s.waiting.empty()) s.backfill_credit = 0;
}

bool discord::backfilling() const noexcept {
  return std::ranges::any_of(
      sessions_, [](const auto& s) { return s.second->connection != 0 && !s.second->waiting.empty(); });
}

bool discord::congested() const {
  return std::ranges::any_of(connections_, [&](const auto& c) { return sink_.congested(c.first); });
}

void discord::reply(session& s, std::string_view type, snowflake guild_id, std::string d,
                    std::uint64_t serial) {
  ledger_.add(serial, guild_id, type, ledger_kind::reply);
  deliver(s, type, std::make_shared<const std::string>(std::move(d)));
}

void discord::tick(std::int64_t now_ms) {
  const std::int64_t elapsed = std::max<std::int64_t>(now_ms - ticked_ms_, 0);
  ticked_ms_ = std::max(ticked_ms_, now_ms);
  send_due(now_ms);
  for (const auto& [id, s] : sessions_) {
    if (!s->lagged.empty()) release_lagged(*s, now_ms);
    backfill(*s, elapsed);
  }
  if (rate_ > 0 && !paused_) {
    event_credit_ += rate_ * static_cast<double>(elapsed) / 1000.0;
    const auto due = std::min(static_cast<std::uint64_t>(event_credit_), events_per_tick_max);
    for (std::uint64_t i = 0; i < due; ++i) {
      mix_.next(now_ms, event_);
      spread(event_);
    }
    event_credit_ =
        std::min(event_credit_ - static_cast<double>(due), static_cast<double>(events_per_tick_max));
  }
  if (now_ms - watched_ms_ >= watch_every_ms) watch(now_ms);
}

void discord::watch(std::int64_t now_ms) {
  watched_ms_ = now_ms;
  const std::int64_t silence = options_.heartbeat_interval_ms * 3 / 2 + 1000;
  for (const auto& [id, c] : connections_) {
    if (c->closing) continue;
    if (c->beat_asked_ms != 0 && !c->muted && now_ms - c->beat_asked_ms > beat_answer_ms_max) {
      c->beat_asked_ms = 0;
      breach(*c, "op1_unanswered", "a heartbeat was asked for and did not come");
    }
    if (c->close_at_ms != 0 && now_ms >= c->close_at_ms) {
      detach(*c, now_ms);
      close(*c, 4000, "Reconnect was asked for.");
    } else if (c->muted) {  // it is told nothing, and blamed for nothing
      if (now_ms - c->heard_ms > silence) detach(*c, now_ms);
      if (now_ms - c->heard_ms > muted_ms_max) {
        c->closing = true;
        sink_.drop(c->id);
      }
    } else if (c->greeted && now_ms - c->heard_ms > silence) {
      breach(*c, "heartbeat_missing", std::to_string(now_ms - c->heard_ms) + " ms without a heartbeat");
      detach(*c, now_ms);
      close(*c, 4009, "Session timed out.");
    } else if (c->owner == nullptr && now_ms - c->opened_ms > options_.identify_timeout_ms) {
      breach(*c, "no_identify", "neither IDENTIFY nor RESUME came", true);
      close(*c, 4009, "Session timed out.");
    }
  }
  std::vector<session*> old;
  for (const auto& [id, s] : sessions_) {
    if (s->connection == 0 && now_ms - s->detached_ms > options_.session_ttl_ms) old.push_back(s.get());
  }
  for (session* s : old) end_session(*s, now_ms);
  std::erase_if(whole_lists_ms_, [&](const auto& entry) { return now_ms - entry.second > 60'000; });
}

void discord::set_rate(double events_per_second, std::int64_t now_ms) {
  ticked_ms_ = std::max(ticked_ms_, now_ms);
  rate_ = events_per_second;
  event_credit_ = 0;
}

std::uint64_t discord::emit(std::uint64_t count, std::string_view type, std::int64_t now_ms) {
  std::uint64_t made = 0;
  while (made < count && (made % 64 != 0 || !congested())) {
    if (type.empty()) {
      mix_.next(now_ms, event_);
    } else if (!mix_.make(type, now_ms, event_)) {
      break;
    }
    spread(event_);
    ++made;
  }
  return made;
}

std::uint64_t discord::settle(std::int64_t now_ms) {
  std::uint64_t made = 0;
  for (; mix_.end_outage(now_ms, event_); ++made) spread(event_);
  return made;
}

std::optional<std::string> discord::post_message(snowflake channel, std::string_view content,
                                                 std::int64_t now_ms) {
  guild* g = world_.guild_of_channel(channel);
  if (g == nullptr) return std::nullopt;
  mix_.own_message(*g, channel, content, now_ms, event_);
  std::string object = event_.d;
  spread(event_);
  return object;
}

}  // namespace evergate::sim
