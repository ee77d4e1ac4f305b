#include "downstream/bot_core.h"

#include <algorithm>
#include <utility>

#include "base/seeded_bug.h"
#include "downstream/errc.h"
#include "downstream/locate.h"
#include "downstream/ready_document.h"

namespace evergate::downstream {
namespace {

session_rules session_rules_of(const gateway_options& options) {
  return {.token = &options.token,
          .intents = options.intents,
          .lanes_max = options.lanes_max,
          .heartbeat_interval = options.heartbeat_interval,
          .heartbeats_missed_max = options.heartbeats_missed_max,
          .identify_timeout = options.identify_timeout,
          .sends_max = options.sends_max,
          .sends_window = options.sends_window,
          .message_bytes_max = options.message_bytes_max,
          .ask_heartbeats = options.ask_heartbeats,
          .ask_interval = options.ask_interval};
}

/// Libraries close with other codes (4200, 4901, 4999, …) when they mean to resume: they have not handled
/// what was under way, and say in their RESUME how far they came. 3000 and 3040 are how discordeno and
/// seyfert end.
bool leaves_for_good(std::uint16_t code) noexcept {
  return code == 1000 || code == 1001 || code == 3000 || code == 3040;
}

}  // namespace

bot_core::bot_core(bot_services around, bot_wire& wire, bot_origin origin)
    : around_(around),
      wire_(wire),
      origin_(std::move(origin)),
      writer_(origin_.transport),
      session_(session_rules_of(around_.options), around_.frames),
      policy_(around_.readers.policy_of(origin_.consumer)),
      interactions_(around_.reader, around_.options.interactions),
      pace_(around_.options.catch_up_max_rate) {
  // Who is not served was refused before the WebSocket; here it is only not to stand without.
  if (!policy_) policy_ = around_.options.consumers.fallback;
}

void bot_core::at(bot_time when) noexcept {
  now_ = when.now;
  unix_ms_ = when.unix_ms;
  if (lane_) lane_->at(now_);
}

void bot_core::open(bot_time when) {
  at(when);
  step({.what = session_input::kind::open});
}

void bot_core::refuse(std::uint16_t code, std::string_view reason, bot_time when) {
  at(when);
  finish(code, reason);
}

void bot_core::message(std::string_view text, bot_time when) {
  at(when);
  if (phase_ == phase::closed) return;
  step({.what = session_input::kind::message, .text = text});
}

void bot_core::pump(bot_time when) {
  at(when);
  advance();
}

void bot_core::reserved(flow::offset upto, bot_time when) {
  at(when);
  reserving_ = false;
  reserved_ = std::max(reserved_, upto);
  advance();
}

void bot_core::interactions_reserved(std::uint64_t ticket, bot_time when) {
  at(when);
  if (phase_ == phase::closed) return;
  const auto send = [this](const auto& batch, const auto& row) { send_interaction(batch, row); };
  if (!interactions_.confirm(ticket, unix_ms_, send)) return;
  wire_.output_ready();
  if (phase_ == phase::closed) return;  // its guild could not be read
  count_interactions();
  if (finish_with_ != 0) return finish(finish_with_, finish_reason_);
  if (held_) begin_hold();
  advance();
}

void bot_core::tick(bot_time when) {
  at(when);
  if (phase_ == phase::closed) return;
  step({.what = session_input::kind::tick});
  if (phase_ == phase::closed) return;
  if (yielding_) return check_yield();
  if (lane_ && wire_.queued_bytes() == 0) lane_->flushed(now_);
  ask_for_beat();
  if (lane_ && lane_->lags()) report();
  if (phase_ == phase::waiting_source || phase_ == phase::gated || paced_) advance();
}

void bot_core::shut(bool drop, bot_time when) {
  at(when);
  if (!drop) return finish(4000, "Restarting.");
  phase_ = phase::closed;
  leave(false);
}

void bot_core::closed(const bot_farewell& how, bot_time when) {
  at(when);
  if (phase_ == phase::closed) return;
  if (how.by_bot && lane_) said_goodbye(how.code);
  phase_ = phase::closed;
  leave(how.by_bot && (how.code == 1000 || how.code == 1001), !how.by_bot);
}

void bot_core::said_goodbye(std::uint16_t code) {
  const bool counts = leaves_for_good(code) && policy_->on_clean_close == clean_close::sent &&
                      policy_->acknowledge == acknowledge_by::heartbeat;
  const auto grace = counts ? lane_->grace() : std::nullopt;
  if (counts) lane_->closed_cleanly(now_);
  report(true);
  around_.log.info("bot.left", {{"consumer", origin_.consumer},
                                {"lane", grant_->session.lane.id},
                                {"lanes", grant_->session.lane.count},
                                {"code", code},
                                {"grace_ms", grace ? grace->count() : -1},
                                {"unacknowledged", lane_->unacknowledged()}});
}

void bot_core::step(const session_input& input) {
  // Actions may call for further steps: each works on a list of its own.
  auto actions = std::exchange(actions_, {});
  actions.clear();
  session_.step(input, now_, actions);
  for (const auto& action : actions) {
    if (phase_ == phase::closed) break;
    act(action);
  }
  actions.clear();
  actions_ = std::move(actions);
}

void bot_core::act(const session_action& action) {
  using kind = session_action::kind;
  switch (action.what) {
    case kind::send:
      writer_.control(action.frame, wire_.output());
      return wire_.output_ready();
    case kind::identify:
      return begin_identify(action.identify);
    case kind::resume:
      return begin_resume(action.resume);
    case kind::acknowledge:
      return beaten(action.seq, action.frame);
    case kind::command:
      return command(action.op, action.d);
    case kind::close:
      return finish(action.code, action.reason);
  }
}

void bot_core::begin_identify(const identify_request& request) {
  wire_.authenticated();
  wish_ = request;
  const auto refused = around_.options.decisions->admit_bot.ask({.consumer = origin_.consumer,
                                                                 .lane = wish_.lane.id,
                                                                 .lanes = wish_.lane.count,
                                                                 .intents = wish_.intents,
                                                                 .library = wish_.library},
                                                                [](const auto&) { return std::uint16_t{0}; });
  if (refused != 0) {
    around_.log.warn("bot.not_admitted", {{"consumer", origin_.consumer}, {"code", refused}});
    return finish(refused, "Not admitted.");
  }
  wish_.intents &= policy_->intents;
  writer_.compress_payloads(wish_.compress);
  phase_ = phase::waiting_source;
  try_identify();
}

void bot_core::try_identify() {
  if (!around_.guilds.complete() && !base::seeded_bug(base::bug::early_ready)) return;
  const auto ready = around_.guilds.ready();
  if (!ready || ready->empty()) return;
  consumer_ = around_.readers.find_or_make(origin_.consumer);
  if (consumer_ == nullptr) return finish(4000, "Too many consumers.");
  if (!consumer_stands()) return;
  flow::downstream_record who;
  who.id = wire_.new_session_id();
  who.number = around_.readers.next_session_number();
  who.lane = wish_.lane;
  who.intents = wish_.intents;
  phase_ = phase::waiting_grant;
  const auto head = around_.events.head();
  consumer_orders orders;
  consumer_->with([&](consumer& body) {
    body.identify(origin_.id, std::move(who), {wish_.large_threshold, wish_.may_ask}, head, now_, orders);
  });
  around_.desk.carry(std::move(orders));
}

// The commit of a consumer's beginning wakes everybody who waits for it, as every commit does.
bool bot_core::consumer_stands() {
  const auto standing = [](const consumer& body) { return body.standing(); };
  if (consumer_->with(standing)) return true;
  const auto start = locate(around_.events, policy_->start);
  if (!start) {
    around_.log.error("bot.start_failed", {{"consumer", origin_.consumer}, {"cause", start.error().text()}});
    finish(4000, "Unknown error.");
    return false;
  }
  if (consumer_->with([&](consumer& body) { return body.begin(wish_.lane.count, *start); })) {
    around_.readers.flush(*consumer_,
                          [one = consumer_] { one->with([](consumer& body) { body.stands(); }); });
  }
  return consumer_->with(standing);
}

void bot_core::begin_resume(const resume_request& request) {
  wire_.authenticated();
  consumer_ = around_.readers.find_or_make(origin_.consumer);
  if (consumer_ == nullptr) return finish(4000, "Too many consumers.");
  consumer_orders orders;
  grant_ = consumer_->with(
      [&](consumer& body) { return body.resume(origin_.id, request.session_id, request.seq, orders); });
  around_.desk.carry(std::move(orders));
  if (!grant_) return invalidate();
  const auto ready = around_.guilds.ready();
  lane_.emplace(around_.reader, writer_, lane_limits::of(*policy_, around_.options));
  told_missing_ = 0;
  held_ = grant_->held;
  lane_->at(now_);
  pace_.start(now_);
  lane_->resume(grant_, static_cast<std::uint32_t>(request.seq), ready ? self_id(*ready) : 0);
  lane_->tell_passed(interactions_);
  interactions_.start(grant_);
  wish_ = {};
  wish_.may_ask = grant_->traits.may_ask;
  replay_until_ = around_.events.head();
  // What was reserved before the crash or close may be sent: it was committed.
  reserved_ = grant_->start;
  began_ = true;
  phase_ = phase::replaying;
  step({.what = session_input::kind::started});
  advance();
}

void bot_core::command(int op, std::string_view d) {
  // Before the lane is granted there is no session that a reply could go to.
  if (!grant_) return;
  if (policy_->read_only) {
    const auto vetoed = consumer_->with([](consumer& body) { return body.veto_command(); });
    // The first of each run is enough for the log; the rest is counted.
    if (vetoed == 1) around_.log.warn("bot.command_vetoed", {{"consumer", origin_.consumer}, {"op", op}});
    return;
  }
  const command_origin from{grant_->session.number, grant_->session.lane, grant_->session.intents,
                            origin_.consumer, now_};
  std::string rate_limited;
  const auto done = around_.commands.route(op, d, from, rate_limited);
  if (done) return;
  if (done.error().code == errc::bad_frame) {
    around_.log.warn("bot.bad_command", {{"consumer", origin_.consumer}, {"cause", done.error().text()}});
    return finish(4002, "Error while decoding payload.");
  }
  around_.log.warn("bot.command_refused", {{"consumer", origin_.consumer}, {"op", op}});
  if (rate_limited.empty() || !lane_ || silent_) return;
  lane_->unnumbered("RATE_LIMITED", rate_limited, wire_.output());
  wire_.output_ready();
}

void bot_core::carry(const consumer_order& order, bot_time when) {
  using kind = consumer_order::kind;
  at(when);
  if (phase_ == phase::closed) return;
  switch (order.what) {
    case kind::grant:
      // Granted to an IDENTIFY that was given up meanwhile.
      if (phase_ != phase::waiting_grant) return;
      return begin_filling(order.grant);
    case kind::ask:
      return asked_to_yield();
    case kind::give_back:
      silent_ = yielding_ = yielded_ = false;
      interactions_.go_on(order.interactions);
      return advance();
    case kind::hold:
      held_ = true;
      drained_ = order.closely;
      return begin_hold();
    case kind::go_on:
      held_ = drained_ = false;
      return advance();
    case kind::drop_class:
      if (lane_) lane_->drop(order.dropped, order.upto);
      return;
    case kind::skip:
      return skip(order.upto);
    case kind::renumber:
      if (!serving()) return;
      around_.log.info("bot.renumbered", {{"consumer", origin_.consumer}});
      return invalidate();
    case kind::repeat:
      if (!lane_ || silent_) return;
      lane_->repeat(*order.letter, wire_.output());
      return wire_.output_ready();
    case kind::close_layout:
      return finish_after_interactions(4010, "Invalid shard.");
    case kind::drop:
      return finish_after_interactions(4000, "Session continues elsewhere.");
  }
}

void bot_core::asked_to_yield() {
  silent_ = true;
  yielding_ = true;
  yield_until_ = now_ + around_.options.takeover_wait;
  check_yield();
}

void bot_core::check_yield() {
  const bool open = lane_ && !lane_->counting() && lane_->unacknowledged() > 0;
  if (!open || !wish_.may_ask || now_ >= yield_until_) return release();
  step({.what = session_input::kind::ask, .need = ask_need::closely});
}

bool bot_core::serving() const noexcept {
  return phase_ != phase::unknown && phase_ != phase::waiting_source && phase_ != phase::waiting_grant;
}

void bot_core::skip(flow::offset upto) {
  if (!serving() || (lane_ && !lane_->counting() && lane_->position() >= upto)) return;
  // Its guilds are as of before what is left out: it gets them anew.
  around_.log.info("bot.skipped", {{"consumer", origin_.consumer}, {"upto", upto.value}});
  invalidate();
}

void bot_core::begin_hold() {
  // A replay goes on to its end: its bot waits for RESUMED. What is reserved is still sent.
  if (phase_ == phase::replaying || consumer_ == nullptr || interactions_.reserved()) return;
  if (!interaction_unread_) consumer_->with([&](consumer& body) { body.holding(origin_.id); });
  if (drained_) ask_for_beat();
}

void bot_core::release() {
  report(true);
  yielding_ = false;
  yielded_ = true;
  const auto head = around_.events.head();
  consumer_orders orders;
  consumer_->with([&](consumer& body) { body.released(origin_.id, head, orders); });
  around_.desk.carry(std::move(orders));
}

void bot_core::invalidate() {
  leave(true);
  interactions_.forget();
  phase_ = phase::unknown;
  lane_.reset();
  grant_.reset();
  backfill_.reset();
  silent_ = yielding_ = yielded_ = began_ = reserving_ = paced_ = held_ = drained_ = false;
  step({.what = session_input::kind::invalidated});
}

bool bot_core::bury(consumer& body) {
  const auto culprit = body.convicts(origin_.id);
  if (!culprit) return false;
  const auto slice = around_.reader.read_after(flow::offset{culprit->value - 1});
  if (!slice || !slice->batch || slice->batch->rows[slice->first].offset != *culprit) return false;
  const auto& row = slice->batch->rows[slice->first];
  flow::dead_letter letter;
  letter.at = *culprit;
  letter.type = slice->batch->name(row);
  letter.guild = row.guild;
  letter.time_ms = unix_ms_;
  letter.d = slice->batch->data(row);
  around_.log.error("bot.dead_letter", {{"consumer", origin_.consumer},
                                        {"lane", grant_->session.lane.id},
                                        {"lanes", grant_->session.lane.count},
                                        {"offset", letter.at.value},
                                        {"type", letter.type},
                                        {"guild", letter.guild},
                                        {"why", "bots died of it again and again; it is kept apart"}});
  body.convict(origin_.id, std::move(letter));
  return true;
}

void bot_core::leave(bool discard, bool unclean) {
  if (consumer_ == nullptr) return;
  if (unclean && lane_ && wire_.queued_bytes() == 0) lane_->flushed(now_);
  // An unclean end may be noticed long after the last report, as after a machine's sleep.
  report(!unclean);
  auto* consumer = std::exchange(consumer_, nullptr);
  const auto head = around_.events.head();
  consumer_orders orders;
  consumer->with([&](auto& body) {
    // What is on its way to disk, and was not sent, is the next bot's.
    if (interactions_.reserved()) body.reserve_interactions(origin_.id, interactions_.settled());
    if (policy_->redeliver == redelivery::at_most_once && lane_) {
      body.unreserve(origin_.id, lane_->position());
    }
    // In one piece with the end: nobody is to be given the lane with the event still in it.
    const bool buried = unclean && bury(body);
    body.left(origin_.id, discard || buried, head, now_, orders, unclean);
  });
  around_.desk.carry(std::move(orders));
  if (lane_told_.count != 0) tell(consumer_news::kind::left);
}

void bot_core::finish_after_interactions(std::uint16_t code, const char* reason) {
  if (!interactions_.reserved()) return finish(code, reason);
  silent_ = true;
  finish_with_ = code;
  finish_reason_ = reason;
}

void bot_core::finish(std::uint16_t code, std::string_view reason) {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  // A bot that does not beat any more may hang in what it was sent.
  leave(false, code == 4009);
  wire_.close(code, reason);
}

}  // namespace evergate::downstream
