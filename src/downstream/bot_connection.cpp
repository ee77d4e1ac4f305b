#include "downstream/bot_connection.h"

#include <algorithm>
#include <utility>

#include "downstream/errc.h"
#include "downstream/ready_document.h"

namespace evergate::downstream {
namespace {

constexpr std::uint64_t reserve_step = 1'000;  // records that at_most_once may lose at worst

session_rules rules_of(const gateway_options& options) {
  return {.token = &options.token,
          .intents = options.intents,
          .lanes_max = options.lanes_max,
          .heartbeat_interval = options.heartbeat_interval,
          .heartbeats_missed_max = options.heartbeats_missed_max,
          .identify_timeout = options.identify_timeout,
          .sends_max = options.sends_max,
          .sends_window = options.sends_window,
          .message_bytes_max = options.message_bytes_max,
          .ask_interval = options.ask_interval};
}

lane_limits limits_of(const gateway_options& options) {
  return {.ack_window = options.ack_window, .seq_max = options.seq_max, .close_grace = options.close_grace};
}

base::instant now() {
  return base::boot_clock::now();
}

}  // namespace

bot_connection::bot_connection(room& home, connection_origin origin)
    : home_(home),
      origin_(std::move(origin)),
      writer_(origin_.transport),
      session_(rules_of(home.around().options), home.frames()) {}

bot_connection::~bot_connection() {
  if (counted_) home_.around().door.leave(origin_.address);
}

void bot_connection::open(std::unique_ptr<net::websocket> socket, std::uint16_t refuse_with,
                          const char* reason) {
  socket_ = std::move(socket);
  if (refuse_with != 0) return finish(refuse_with, reason);
  step({.what = session_input::kind::open});
}

void bot_connection::on_message(net::ws_opcode, std::string_view payload) {
  if (phase_ == phase::closed) return;
  step({.what = session_input::kind::message, .text = payload});
}

void bot_connection::step(const session_input& input) {
  // Actions may call for further steps: each works on a list of its own.
  auto actions = std::exchange(actions_, {});
  actions.clear();
  session_.step(input, now(), actions);
  for (const auto& action : actions) {
    if (phase_ == phase::closed) break;
    act(action);
  }
  actions.clear();
  actions_ = std::move(actions);
}

void bot_connection::act(const session_action& action) {
  using kind = session_action::kind;
  switch (action.what) {
    case kind::send:
      return control(action.frame);
    case kind::identify:
      return begin_identify(action.identify);
    case kind::resume:
      return begin_resume(action.resume);
    case kind::acknowledge:
      return acknowledged(action.seq);
    case kind::command:
      return command(action.op, action.d);
    case kind::close:
      return finish(action.code, action.reason);
  }
}

void bot_connection::control(std::string_view frame) {
  writer_.control(frame, socket_->output());
  socket_->output_ready();
}

void bot_connection::authenticated() {
  if (std::exchange(counted_, false)) home_.around().door.leave(origin_.address);
}

void bot_connection::begin_identify(const identify_request& request) {
  authenticated();
  wish_ = request;
  writer_.compress_payloads(wish_.compress);
  phase_ = phase::waiting_source;
  try_identify();
}

void bot_connection::try_identify() {
  const auto& around = home_.around();
  if (!around.guilds.complete()) return;
  const auto ready = around.guilds.ready();
  if (!ready || ready->empty()) return;
  consumer_ = around.readers.find_or_make(origin_.consumer);
  if (consumer_ == nullptr) return finish(4000, "Too many consumers.");
  flow::downstream_record who;
  who.id = home_.new_session_id();
  who.number = around.readers.next_session_number();
  who.lane = wish_.lane;
  who.intents = wish_.intents;
  phase_ = phase::waiting_grant;
  consumer_orders orders;
  {
    const auto head = around.events.head();
    const std::scoped_lock lock(consumer_->mutex);
    consumer_->body.identify(origin_.id, std::move(who), {wish_.large_threshold, wish_.may_ask}, head, now(),
                             orders);
  }
  around.desk.carry(std::move(orders));
}

void bot_connection::begin_resume(const resume_request& request) {
  authenticated();
  const auto& around = home_.around();
  consumer_ = around.readers.find_or_make(origin_.consumer);
  if (consumer_ == nullptr) return finish(4000, "Too many consumers.");
  consumer_orders orders;
  {
    const std::scoped_lock lock(consumer_->mutex);
    grant_ = consumer_->body.resume(origin_.id, request.session_id, request.seq, orders);
  }
  around.desk.carry(std::move(orders));
  if (!grant_) return invalidate();
  const auto ready = around.guilds.ready();
  lane_.emplace(home_.reader(), writer_, limits_of(around.options));
  told_missing_ = 0;
  lane_->resume(grant_, static_cast<std::uint32_t>(request.seq), ready ? self_id(*ready) : 0);
  wish_ = {};
  wish_.may_ask = grant_->traits.may_ask;
  replay_until_ = around.events.head();
  // What was reserved before the crash or close may be sent: it was committed.
  reserved_ = grant_->start;
  began_ = true;
  phase_ = phase::replaying;
  step({.what = session_input::kind::started});
  pump();
}

void bot_connection::begin_filling(std::shared_ptr<const lane_grant> grant) {
  const auto& around = home_.around();
  grant_ = std::move(grant);
  began_ = false;
  bot_acknowledged_ = false;
  reserved_ = grant_->start;
  {
    const std::scoped_lock lock(consumer_->mutex);
    consumer_->body.backfill_began(origin_.id);
  }
  phase_ = phase::filling;
  backfill_.emplace(around.guilds, writer_);
  const auto started = backfill_->start(grant_, origin_.url, socket_->output());
  socket_->output_ready();
  if (!started) {
    around.log.error("bot.backfill_failed",
                     {{"consumer", origin_.consumer}, {"cause", started.error().text()}});
    return finish(4000, "Unknown error.");
  }
  around.log.info("bot.identified", {{"consumer", origin_.consumer},
                                     {"lane", grant_->session.lane.id},
                                     {"lanes", grant_->session.lane.count},
                                     {"cursor", grant_->start.value}});
  step({.what = session_input::kind::started});
  if (!wish_.presence.empty()) command(3, wish_.presence);
  fill();
}

void bot_connection::fill() {
  if (phase_ != phase::filling || silent_ || socket_->congested()) return;
  const auto& around = home_.around();
  const auto done = backfill_->pump(around.options.pump_bytes, socket_->output());
  socket_->output_ready();
  if (!done) {
    around.log.error("bot.backfill_failed", {{"consumer", origin_.consumer}, {"cause", done.error().text()}});
    return finish(4000, "Unknown error.");
  }
  if (!*done) return home_.pump_later(origin_.id);
  lane_.emplace(home_.reader(), writer_, limits_of(around.options));
  told_missing_ = 0;
  lane_->start(grant_, backfill_->seq(), backfill_->self());
  backfill_.reset();
  began_ = true;
  phase_ = phase::gated;
  gate_since_ = now();
  {
    const std::scoped_lock lock(consumer_->mutex);
    consumer_->body.backfill_ended(origin_.id, gate_since_);
  }
  reported_position_ = {};
  report();
  check_gate();
}

void bot_connection::check_gate() {
  if (phase_ != phase::gated || silent_) return;
  {
    const std::scoped_lock lock(consumer_->mutex);
    if (!consumer_->body.gate_open(gate_since_, now())) return;
  }
  phase_ = phase::flowing;
  pump();
}

void bot_connection::pump() {
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

void bot_connection::flow() {
  if (silent_ || socket_->congested()) return;
  if (socket_->queued_bytes() == 0) lane_->flushed(now());
  const auto until = sendable();
  const auto pace = lane_->pump(until, home_.around().options.pump_bytes, socket_->output());
  socket_->output_ready();
  if (!pace) {
    home_.around().log.error("bot.read_failed",
                             {{"consumer", origin_.consumer}, {"cause", pace.error().text()}});
    return finish(4000, "Unknown error.");
  }
  after_pump(*pace);
}

void bot_connection::after_pump(lane::pace pace) {
  starved_ = false;
  if (lane_->rows_missing() != told_missing_) {
    home_.around().log.warn("bot.records_missing", {{"consumer", origin_.consumer},
                                                    {"lane", grant_->session.lane.id},
                                                    {"records", lane_->rows_missing() - told_missing_}});
    told_missing_ = lane_->rows_missing();
  }
  switch (pace) {
    case lane::pace::unknown:
      home_.around().log.info("bot.resume_refused", {{"consumer", origin_.consumer}, {"cause", "numbering"}});
      return invalidate();
    case lane::pace::spent:
      return invalidate();
    case lane::pace::more:
      report();
      return home_.pump_later(origin_.id);
    case lane::pace::window:
      report();
      starved_ = true;
      // A full window waits for a beat: ask for one where the library bears it.
      if (wish_.may_ask) step({.what = session_input::kind::ask});
      return;
    case lane::pace::idle:
      break;
  }
  report();
  if (silent_ || reserving_) return;
  const bool held_back = home_.around().options.redeliver == redelivery::at_most_once &&
                         lane_->position() >= reserved_ && lane_->position() < target();
  if (held_back) return home_.pump_later(origin_.id);
  if (phase_ != phase::replaying) return;
  phase_ = phase::flowing;
  lane_->unnumbered("RESUMED", R"({"_trace":["evergate"]})", socket_->output());
  socket_->output_ready();
  home_.around().log.info("bot.resumed", {{"consumer", origin_.consumer},
                                          {"lane", grant_->session.lane.id},
                                          {"lanes", grant_->session.lane.count},
                                          {"seq", lane_->sent_seq()}});
  home_.pump_later(origin_.id);
}

flow::offset bot_connection::target() const {
  return phase_ == phase::replaying ? replay_until_ : home_.around().events.head();
}

flow::offset bot_connection::sendable() {
  const auto& around = home_.around();
  const auto until = target();
  if (around.options.redeliver == redelivery::at_least_once || lane_->counting()) return until;
  if (lane_->position() >= reserved_ && until > lane_->position() && !reserving_) {
    const flow::offset upto{std::min(until.value, lane_->position().value + reserve_step)};
    bool ours = false;
    {
      const std::scoped_lock lock(consumer_->mutex);
      ours = consumer_->body.reserve(origin_.id, upto);
    }
    if (ours) {
      reserving_ = true;
      auto done = [desk = &around.desk, id = origin_.id, upto] { desk->reserved(id, upto); };
      around.readers.flush(*consumer_, std::move(done));
    }
  }
  return std::min(until, std::max(reserved_, lane_->position()));
}

void bot_connection::reserved(flow::offset upto) {
  reserving_ = false;
  reserved_ = std::max(reserved_, upto);
  pump();
}

void bot_connection::acknowledged(std::int64_t seq) {
  if (!lane_) return;
  bot_acknowledged_ = true;
  const bool news = lane_->acknowledge(seq);
  report();
  if (yielding_) return check_yield(now());
  if (news) pump();
}

void bot_connection::command(int op, std::string_view d) {
  // Before the lane is granted there is no session that a reply could go to.
  if (!grant_) return;
  const command_origin from{grant_->session.number, grant_->session.lane, grant_->session.intents};
  std::string rate_limited;
  const auto done = home_.around().commands.route(op, d, from, rate_limited);
  if (done) return;
  if (done.error().code == errc::bad_frame) return finish(4002, "Error while decoding payload.");
  home_.around().log.warn("bot.command_refused", {{"consumer", origin_.consumer}, {"op", op}});
  if (rate_limited.empty() || !lane_ || silent_) return;
  lane_->unnumbered("RATE_LIMITED", rate_limited, socket_->output());
  socket_->output_ready();
}

void bot_connection::carry(const consumer_order& order) {
  using kind = consumer_order::kind;
  if (phase_ == phase::closed) return;
  switch (order.what) {
    case kind::grant:
      // Granted to an IDENTIFY that was given up meanwhile.
      if (phase_ != phase::waiting_grant) return;
      return begin_filling(order.grant);
    case kind::ask:
      return asked_to_yield();
    case kind::give_back:
      silent_ = false;
      yielding_ = false;
      return pump();
    case kind::close_layout:
      return finish(4010, "Invalid shard.");
    case kind::drop:
      return finish(4000, "Session continues elsewhere.");
  }
}

void bot_connection::asked_to_yield() {
  silent_ = true;
  yielding_ = true;
  yield_until_ = now() + home_.around().options.takeover_wait;
  check_yield(now());
}

void bot_connection::check_yield(base::instant at) {
  const bool open = lane_ && !lane_->counting() && lane_->unacknowledged() > 0;
  if (!open || !wish_.may_ask || at >= yield_until_) return release();
  step({.what = session_input::kind::ask_closely});
}

void bot_connection::release() {
  yielding_ = false;
  consumer_orders orders;
  {
    const auto head = home_.around().events.head();
    const std::scoped_lock lock(consumer_->mutex);
    consumer_->body.released(origin_.id, head, orders);
  }
  home_.around().desk.carry(std::move(orders));
}

void bot_connection::report() {
  if (!lane_ || lane_->counting()) return;
  const bool news = lane_->position() != reported_position_ || lane_->acked_seq() != reported_acked_;
  if (!news && !yielding_) return;
  reported_position_ = lane_->position();
  reported_acked_ = lane_->acked_seq();
  const lane_report how{.cursor = lane_->cursor(),
                        .position = lane_->position(),
                        .anchor_offset = lane_->anchor_offset(),
                        .anchor_seq = lane_->anchor_seq(),
                        .sent_seq = lane_->sent_seq(),
                        .unacknowledged = static_cast<std::uint32_t>(lane_->unacknowledged()),
                        .interactions_sent = lane_->interactions_sent(),
                        .began = began_,
                        .acknowledged = bot_acknowledged_};
  const std::scoped_lock lock(consumer_->mutex);
  if (!consumer_->body.report(origin_.id, how)) silent_ = true;
}

void bot_connection::tick(base::instant at) {
  if (phase_ == phase::closed) return;
  step({.what = session_input::kind::tick});
  if (phase_ == phase::closed) return;
  if (yielding_) return check_yield(at);
  if (lane_ && socket_->queued_bytes() == 0) lane_->flushed(at);
  if (starved_ && wish_.may_ask) step({.what = session_input::kind::ask});
  if (phase_ == phase::waiting_source || phase_ == phase::gated) pump();
}

void bot_connection::invalidate() {
  leave(true);
  phase_ = phase::unknown;
  grant_.reset();
  lane_.reset();
  backfill_.reset();
  silent_ = yielding_ = began_ = reserving_ = false;
  step({.what = session_input::kind::invalidated});
}

void bot_connection::leave(bool discard) {
  if (consumer_ == nullptr) return;
  auto* consumer = std::exchange(consumer_, nullptr);
  consumer_orders orders;
  {
    const auto head = home_.around().events.head();
    const std::scoped_lock lock(consumer->mutex);
    consumer->body.left(origin_.id, discard, head, now(), orders);
  }
  home_.around().desk.carry(std::move(orders));
}

void bot_connection::finish(std::uint16_t code, std::string_view reason) {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  leave(false);
  socket_->close(code, reason);
}

void bot_connection::shut(bool drop) {
  if (!drop) return finish(4000, "Restarting.");
  phase_ = phase::closed;
  leave(false);
}

void bot_connection::on_closed(const net::ws_closed& how) {
  const bool by_bot = how.clean && !how.by_us;
  if (phase_ != phase::closed) {
    if (by_bot && lane_ && home_.around().options.on_clean_close == clean_close::sent) {
      lane_->closed_cleanly(now());
      report();
    }
    phase_ = phase::closed;
    leave(by_bot && (how.code == 1000 || how.code == 1001));
  }
  home_.bury(origin_.id);
}

}  // namespace evergate::downstream
