// The part of bot_core that brings events to the bot: READY and guilds, the gate, replay, flow, and what was
// acknowledged.
#include <algorithm>
#include <utility>

#include "base/seeded_bug.h"
#include "downstream/bot_core.h"

namespace evergate::downstream {
namespace {

constexpr std::uint64_t reserve_step = 1'000;  // records that at_most_once may lose at worst

}  // namespace

void bot_core::begin_filling(std::shared_ptr<const lane_grant> grant) {
  grant_ = std::move(grant);
  began_ = filled_in_bursts_ = false;
  held_ = grant_->held;
  bot_acknowledged_ = false;
  interactions_.start(grant_);
  reserved_ = grant_->start;
  consumer_->with([&](consumer& body) { body.backfill_began(origin_.id); });
  phase_ = phase::filling;
  backfill_.emplace(around_.guilds, writer_);
  const auto started = backfill_->start(grant_, origin_.url, wire_.output());
  wire_.output_ready();
  if (!started) {
    around_.log.error("bot.backfill_failed",
                      {{"consumer", origin_.consumer}, {"cause", started.error().text()}});
    return finish(4000, "Unknown error.");
  }
  around_.log.info("bot.identified", {{"consumer", origin_.consumer},
                                      {"lane", grant_->session.lane.id},
                                      {"lanes", grant_->session.lane.count},
                                      {"cursor", grant_->start.value}});
  lane_told_ = grant_->session.lane;
  tell(consumer_news::kind::identified);
  step({.what = session_input::kind::started});
  if (!wish_.presence.empty()) command(3, wish_.presence);
  advance();
}

void bot_core::fill() {
  if (phase_ != phase::filling || silent_ || wire_.output_room() == 0) return;
  const auto done = backfill_->pump(burst_bytes(), wire_.output());
  wire_.output_ready();
  if (!done) {
    around_.log.error("bot.backfill_failed",
                      {{"consumer", origin_.consumer}, {"cause", done.error().text()}});
    return finish(4000, "Unknown error.");
  }
  if (!*done) {
    filled_in_bursts_ = true;
    return wire_.pump_later();
  }
  lane_.emplace(around_.reader, writer_, lane_limits::of(*policy_, around_.options));
  told_missing_ = 0;
  lane_->at(now_);
  pace_.start(now_);
  lane_->start(grant_, backfill_->seq(), backfill_->self());
  lane_->tell_passed(interactions_);
  if (filled_in_bursts_) lane_->burst();
  // Given up while the guilds were on their way.
  const auto dropped = consumer_->with([](consumer& body) { return body.record().dropped; });
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    lane_->drop(static_cast<proto::event_class>(i), dropped[i]);
  }
  backfill_.reset();
  began_ = true;
  phase_ = phase::gated;
  gate_since_ = now_;
  consumer_->with([&](consumer& body) { body.backfill_ended(origin_.id, gate_since_); });
  reported_position_ = {};
  report();
  check_gate();
}

void bot_core::check_gate() {
  if (phase_ != phase::gated || silent_) return;
  if (!consumer_->with([&](consumer& body) { return body.gate_open(gate_since_, now_); })) return;
  phase_ = phase::flowing;
  advance();
}

void bot_core::advance() {
  serve_interactions();
  switch (phase_) {
    case phase::waiting_source:
      return try_identify();
    case phase::filling:
      return fill();
    case phase::gated:
      return check_gate();
    case phase::replaying:
    case phase::flowing:
      return flow();
    default:
      return;
  }
}

void bot_core::flow() {
  if (silent_) return;
  if (wire_.output_room() == 0) return lane_->burst();
  if (wire_.queued_bytes() == 0) lane_->flushed(now_);
  if (held_ && phase_ == phase::flowing) return;
  const auto until = sendable();
  const auto before = lane_->sent_seq();
  const auto allowed = lane_->counting() ? catch_up_pace::unlimited : pace_.allowance(now_);
  const auto pace = lane_->pump(until, burst_bytes(), wire_.output(), allowed);
  const auto sent = lane_->sent_seq() - before;
  pace_.spent(sent);
  const bool at_head = pace && *pace == lane::pace::idle && until == target();
  pace_.stands(at_head ? 0 : around_.events.head().value - lane_->position().value);
  paced_ = pace && *pace == lane::pace::more && sent == allowed;
  wire_.output_ready();
  if (!pace) {
    around_.log.error("bot.read_failed", {{"consumer", origin_.consumer}, {"cause", pace.error().text()}});
    return finish(4000, "Unknown error.");
  }
  after_pump(*pace);
}

void bot_core::after_pump(lane::pace pace) {
  starved_ = false;
  if (lane_->rows_missing() != told_missing_) {
    around_.log.warn("bot.records_missing", {{"consumer", origin_.consumer},
                                             {"lane", grant_->session.lane.id},
                                             {"records", lane_->rows_missing() - told_missing_}});
    told_missing_ = lane_->rows_missing();
  }
  switch (pace) {
    case lane::pace::unknown:
      around_.log.info("bot.resume_refused", {{"consumer", origin_.consumer}, {"cause", "numbering"}});
      return invalidate();
    case lane::pace::spent:
      return invalidate();
    case lane::pace::more:
      lane_->burst();
      report();
      // What its rate holds back comes with the next tick.
      return paced_ ? void() : wire_.pump_later();
    case lane::pace::window:
      report();
      starved_ = true;
      return ask_for_beat();
    case lane::pace::idle:
      report();
      return caught_up();
  }
}

void bot_core::caught_up() {
  if (silent_ || reserving_) return;
  const bool held_back = policy_->redeliver == redelivery::at_most_once && lane_->position() >= reserved_ &&
                         lane_->position() < target();
  if (held_back) return wire_.pump_later();
  if (phase_ != phase::replaying) return;
  phase_ = phase::flowing;
  lane_->unnumbered("RESUMED", R"({"_trace":["evergate"]})", wire_.output());
  wire_.output_ready();
  around_.log.info("bot.resumed", {{"consumer", origin_.consumer},
                                   {"lane", grant_->session.lane.id},
                                   {"lanes", grant_->session.lane.count},
                                   {"seq", lane_->sent_seq()}});
  lane_told_ = grant_->session.lane;
  tell(consumer_news::kind::resumed);
  if (held_) begin_hold();
  wire_.pump_later();
}

std::size_t bot_core::burst_bytes() const {
  return std::min(around_.options.pump_bytes, wire_.output_room());
}

flow::offset bot_core::target() const {
  return phase_ == phase::replaying ? replay_until_ : around_.events.head();
}

flow::offset bot_core::sendable() {
  const auto until = target();
  if (policy_->redeliver == redelivery::at_least_once || lane_->counting()) return until;
  if (lane_->position() >= reserved_ && until > lane_->position() && !reserving_) {
    const flow::offset upto{std::min(until.value, lane_->position().value + reserve_step)};
    if (consumer_->with([&](consumer& body) { return body.reserve(origin_.id, upto); })) {
      reserving_ = true;
      auto done = [desk = &around_.desk, id = origin_.id, upto] { desk->reserved(id, upto); };
      around_.readers.flush(*consumer_, std::move(done));
    }
  }
  return std::min(until, std::max(reserved_, lane_->position()));
}

void bot_core::beaten(std::int64_t seq, std::string_view answer) {
  const bool counts = policy_->acknowledge == acknowledge_by::heartbeat;
  acknowledgement how;
  if (lane_) lane_->heard(seq, now_);
  if (lane_ && counts) how = acknowledged(seq);
  // An answer says that what was acknowledged will not come again. When the layout has just changed it will,
  // and the close is on its way. It goes ahead of further events: discord.js takes a late one for a dead
  // connection.
  if (how.ours || yielded_) {
    writer_.control(answer, wire_.output());
    wire_.output_ready();
  }
  if (!lane_) return;
  if (interaction_unread_ && now_ - interaction_at_ >= policy_->close_grace) {
    // A beat that was on its way already says nothing.
    interaction_unread_ = false;
    if (drained_) begin_hold();
  }
  if (counts) after_acknowledged(how);
}

call_outcome bot_core::acknowledge_call(std::string_view id, std::int64_t seq, bot_time when) {
  at(when);
  if (phase_ == phase::closed || !lane_ || lane_->counting() || grant_->session.id != id) return {};
  const std::int64_t sent = lane_->sent_seq();
  if (seq < 0 || seq > sent) return {call_outcome::kind::never_sent, lane_->acked_seq(), lane_->sent_seq()};
  const auto how = acknowledged(seq);
  if (!how.ours) return {};
  const call_outcome out{call_outcome::kind::done, lane_->acked_seq(), lane_->sent_seq()};
  after_acknowledged(how);
  return out;
}

bot_core::acknowledgement bot_core::acknowledged(std::int64_t seq) {
  bot_acknowledged_ = true;
  acknowledgement out;
  out.news = lane_->acknowledge(seq);
  out.ours = report();
  return out;
}

void bot_core::after_acknowledged(acknowledgement how) {
  if (yielding_) return check_yield();
  if (drained_) ask_for_beat();
  if (how.news) advance();
}

/// Asks for a heartbeat, which acknowledges, where the library bears it and something is unacknowledged.
void bot_core::ask_for_beat() {
  if (!lane_ || silent_ || !wish_.may_ask || lane_->counting()) return;
  const bool acknowledges = policy_->acknowledge == acknowledge_by::heartbeat && lane_->unacknowledged() > 0;
  if (!acknowledges && !(drained_ && interaction_unread_)) return;
  auto need = starved_ ? ask_need::window : ask_need::regular;
  if (lane_->suspects() || drained_) need = ask_need::closely;
  // Our answer to its answer must not wait behind what is queued here.
  if (need == ask_need::regular && wire_.queued_bytes() > 0) return;
  step({.what = session_input::kind::ask, .need = need});
}

bool bot_core::report(bool exact) {
  if (!lane_ || consumer_ == nullptr || lane_->counting()) return true;
  const auto cursor = exact ? lane_->cursor() : lane_->settled_cursor();
  const bool news = lane_->position() != reported_position_ || lane_->acked_seq() != reported_acked_ ||
                    cursor != reported_cursor_ || lane_->first_has_left() != reported_left_;
  if (!news && !yielding_) return true;
  reported_cursor_ = cursor;
  reported_left_ = lane_->first_has_left();
  reported_position_ = lane_->position();
  reported_acked_ = lane_->acked_seq();
  const bool ahead = base::seeded_bug(base::bug::cursor_ahead);
  const lane_report how{.cursor = ahead ? lane_->position() : cursor,
                        .position = lane_->position(),
                        .anchor_offset = lane_->anchor_offset(),
                        .anchor_seq = lane_->anchor_seq(),
                        .sent_seq = lane_->sent_seq(),
                        .unacknowledged = static_cast<std::uint32_t>(lane_->unacknowledged()),
                        .first_unacknowledged = lane_->first_unacknowledged(),
                        .first_left = reported_left_,
                        .interactions = interactions_.settled(),
                        .began = began_,
                        .acknowledged = bot_acknowledged_};
  const bool ours = consumer_->with([&](consumer& body) { return body.report(origin_.id, how); });
  if (!ours) silent_ = true;
  return ours;
}

}  // namespace evergate::downstream
