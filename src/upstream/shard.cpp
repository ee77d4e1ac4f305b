#include "upstream/shard.h"

#include <utility>
#include <variant>

#include "base/check.h"
#include "net/errc.h"
#include "upstream/errc.h"
#include "upstream/gateway_url.h"

namespace evergate::upstream {

shard::shard(shard_ground ground, shard_options options, std::optional<flow::stored_session> stored,
             std::uint64_t seed)
    : ground_(ground),
      options_(std::move(options)),
      chance_(seed),
      session_(options_.session, ground.token, std::move(stored)),
      timers_{net::timer(ground.loop), net::timer(ground.loop), net::timer(ground.loop),
              net::timer(ground.loop)},
      connect_timer_(ground.loop) {
  publish();
}

shard::~shard() = default;

void shard::start() {
  feed(input::start{});
}

void shard::stop(bool log_off, std::move_only_function<void()> done) {
  connect_timer_.cancel();
  feed(input::stop{log_off});
  if (closing_ && log_off) {
    stopped_ = std::move(done);
    return;
  }
  closing_.reset();
  if (done) done();
}

void shard::turn(base::instant not_before) {
  feed(input::turn{not_before});
}

void shard::committed(flow::committed_seq seq) {
  feed(input::committed{seq});
}

void shard::pause(bool paused) {
  paused_ = paused;
  if (socket_ && opened_) socket_->pause_reading(paused);
  // Inside a step (its own event filled the batch) the session hears of it when the step is done.
  if (!stepping_) tell_reading();
}

void shard::tell_reading() {
  if (paused_ == paused_told_) return;
  paused_told_ = paused_;
  feed(input::reading{paused_});
}

void shard::command(int op, std::string frame, bool reserved) {
  feed(input::command{op, std::move(frame)});
  if (reserved) commands_posted_.fetch_sub(1, std::memory_order_relaxed);
}

bool shard::reserve_command() noexcept {
  shard_status now;
  gauges_.read(now);
  const auto posted = commands_posted_.fetch_add(1, std::memory_order_relaxed);
  if (posted + now.commands_queued < options_.commands_queued_max) return true;
  commands_posted_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

shard_status shard::status() const noexcept {
  shard_status out;
  out.shard = session_.shard();
  gauges_.read(out);
  return out;
}

void shard::on_open() {
  opened_ = true;
  if (paused_) socket_->pause_reading(true);
  ground_.services.on_connect(true, base::boot_clock::now());
  feed(input::opened{});
}

void shard::on_message(net::ws_opcode, std::string_view message) {
  if (!turn_now_) turn_now_ = base::boot_clock::now();
  const auto now = *turn_now_;
  std::string_view payload = message;
  if (inflater_) {
    const auto inflated = inflater_->feed(message);
    if (!inflated) {
      broken(inflated.error(), message.size());
      return;
    }
    payload = *inflated;
    if (payload.empty()) return;  // more messages are needed
  }
  auto scanned = proto::scan_envelope(payload);
  if (!scanned) {
    broken(scanned.error(), payload.size());
    return;
  }
  envelope_ = *scanned;
  feed(input::payload{&envelope_}, now);
}

void shard::broken(const base::error& why, std::size_t bytes) {
  ground_.log.warn("shard.broken_payload", {{"shard", key().id}, {"error", why.text()}, {"bytes", bytes}});
  feed(input::broken{});
}

void shard::on_read_end() {
  turn_now_.reset();
  if (std::exchange(event_seen_, false)) last_event_ms_ = base::unix_time_ms();
  publish();
}

void shard::on_closed(const net::ws_closed& how) {
  const bool was_open = opened_;
  const auto held = std::move(socket_);
  forget_connection();
  if (!how.clean && how.failure.code) {
    ground_.log.info("shard.connection_failed", {{"shard", key().id}, {"error", how.failure.text()}});
  }
  if (how.failure.code == net::errc::rate_limited) {
    ground_.services.on_connect(false, base::boot_clock::now());
  }
  feed(input::closed{how.code, was_open});
}

void shard::on_quiet_closed() {
  closing_.reset();
  if (auto done = std::exchange(stopped_, nullptr)) done();
}

void shard::feed(const session_input& what, base::instant now) {
  base::check(!stepping_, "a session steps one input at a time");
  stepping_ = true;
  actions_.clear();
  session_.step(what, now, chance_, actions_);
  for (auto& todo : actions_) {
    std::visit([this, now](auto& one) { carry_out(one, now); }, todo);
  }
  stepping_ = false;
  const bool live = session_.state() == session_state::live;
  if (live != live_) {
    live_ = live;
    ground_.services.on_live(live);
  }
  if (!turn_now_) publish();  // otherwise at the end of the read
  tell_reading();
}

void shard::publish() noexcept {
  gauges_.publish(session_, events_, last_event_ms_);
}

void shard::carry_out(action::connect& what, base::instant now) {
  take_place(what, now);
}

void shard::take_place(const action::connect& what, base::instant now) {
  const auto place = ground_.services.connect_place();
  if (place <= now) {
    open_connection(what);
    return;
  }
  connect_timer_.arm(place, [this, what, place] {
    const auto then = std::max(place, base::boot_clock::now());
    if (ground_.services.connects_rest(then)) {
      take_place(what, then);
    } else {
      open_connection(what);
    }
  });
}

void shard::open_connection(const action::connect& what) {
  const auto address = what.kind == url_kind::resume ? what.resume_url : ground_.services.main_url();
  if (address.empty()) {
    connect_failed({make_error_code(errc::unavailable), "/gateway/bot has not answered yet"});
    return;
  }
  const auto target = gateway_url(address, options_.compress);
  if (!target) {
    connect_failed(target.error());
    return;
  }
  inflater_ = options_.compress == proto::compression::none
                  ? nullptr
                  : proto::inflater::make(options_.compress, options_.inflate);
  opened_ = false;
  socket_ = net::websocket::connect(ground_.loop, *target, target->secure() ? options_.tls : nullptr,
                                    options_.websocket, *this, chance_());
}

void shard::connect_failed(const base::error& why) {
  ground_.log.warn("shard.no_gateway_url", {{"shard", key().id}, {"error", why.text()}});
  connect_timer_.arm_in(base::nanoseconds{0}, [this] { feed(input::closed{1006, false}); });
}

void shard::forget_connection() {
  connect_timer_.cancel();
  inflater_.reset();
  opened_ = false;
  turn_now_.reset();
}

void shard::carry_out(action::send& what, base::instant) {
  if (socket_) socket_->send(net::ws_opcode::text, what.frame);
}

void shard::carry_out(action::close& what, base::instant) {
  forget_connection();
  if (!socket_) return;
  closing_ = std::move(socket_);
  closing_->set_handler(quiet_);
  closing_->pause_reading(false);
  closing_->close(what.code);
}

void shard::carry_out(action::drop&, base::instant) {
  forget_connection();
  socket_.reset();
}

void shard::carry_out(action::request_turn&, base::instant) {
  ground_.services.request_turn(key().id);
}

void shard::carry_out(action::cancel_turn&, base::instant) {
  ground_.services.cancel_turn(key().id);
}

void shard::carry_out(action::identify_sent&, base::instant now) {
  ground_.log.info("shard.identify", {{"shard", key().id}, {"count", key().count}});
  ground_.services.identify_sent(key().id, now);
}

void shard::carry_out(action::identify_refused&, base::instant now) {
  ground_.log.warn("shard.identify_refused", {{"shard", key().id}});
  ground_.services.identify_refused(key().id, now);
}

void shard::carry_out(action::set_timer& what, base::instant) {
  const auto index = static_cast<std::size_t>(what.kind);
  timers_[index].arm(what.when, [this, kind = what.kind, when = what.when] {
    // A timer's own instant has come even where the clock is a hair behind it.
    feed(input::timer{kind, socket_ && socket_->has_unread()}, std::max(when, base::boot_clock::now()));
  });
}

void shard::carry_out(action::cancel_timer& what, base::instant) {
  timers_[static_cast<std::size_t>(what.kind)].cancel();
}

void shard::carry_out(action::accept& what, base::instant) {
  if (what.seq < 0) envelope_.s = 0;
  ++events_;
  event_seen_ = true;
  ground_.intake.add(envelope_, key(), ground_.batcher.open());
  if (what.seq >= 0) ground_.batcher.note(progress_, key(), what.seq);
  ground_.batcher.added();
}

void shard::carry_out(action::session_changed& what, base::instant) {
  const bool ended = what.record.session_id.empty();
  ground_.batcher.open().sessions.push_back(std::move(what.record));
  // A new session's record goes with its READY, which is accepted next: never one without the other.
  if (ended) ground_.batcher.added();
}

void shard::carry_out(action::gap& what, base::instant) {
  what.record.time_ms = base::unix_time_ms();
  ground_.log.warn("shard.gap",
                   {{"shard", key().id}, {"cause", what.record.cause}, {"last_seq", what.record.last_seq}});
  flow::append_gap(what.record, ground_.batcher.open());
  // The hand-over is asked for by the record of the session's end, which follows.
}

void shard::carry_out(action::live& what, base::instant) {
  ground_.log.info("shard.live",
                   {{"shard", key().id}, {"resumed", what.resumed}, {"seq", session_.received()}});
}

void shard::carry_out(action::fatal& what, base::instant) {
  ground_.services.on_fatal(key().id, what.code);
}

void shard::carry_out(action::note& what, base::instant) {
  ground_.log.info("shard.reconnect", {{"shard", key().id}, {"why", what.what}, {"code", what.code}});
}

}  // namespace evergate::upstream
