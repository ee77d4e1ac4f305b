#include "upstream/shard.h"

#include <algorithm>
#include <utility>

#include "net/errc.h"
#include "upstream/errc.h"
#include "upstream/gateway_url.h"

namespace evergate::upstream {

shard::shard(shard_ground ground, shard_options options, std::optional<flow::stored_session> stored,
             std::uint64_t seed)
    : ground_(ground),
      options_(std::move(options)),
      core_({*this, ground.batcher.batch(), ground.intake, ground.log, ground.token}, options_.core,
            std::move(stored), seed),
      timers_{net::timer(ground.loop), net::timer(ground.loop), net::timer(ground.loop),
              net::timer(ground.loop)},
      connect_timer_(ground.loop) {
  publish();
}

shard::~shard() = default;

void shard::start() {
  core_.start(base::boot_clock::now());
  publish();
}

void shard::stop(bool log_off, std::move_only_function<void()> done) {
  connect_timer_.cancel();
  core_.stop(log_off, base::boot_clock::now());
  publish();
  if (closing_ && log_off) {
    stopped_ = std::move(done);
    return;
  }
  closing_.reset();
  if (done) done();
}

void shard::restart(bool log_off) {
  connect_timer_.cancel();
  core_.restart(log_off, base::boot_clock::now());
  publish();
}

void shard::turn(base::instant not_before) {
  core_.turn(not_before, base::boot_clock::now());
  publish();
}

void shard::committed(flow::committed_seq seq) {
  core_.committed(seq, base::boot_clock::now());
  publish();
}

void shard::probe() {
  core_.probe(base::boot_clock::now());
}

void shard::pause(bool paused) {
  paused_ = paused;
  if (socket_ && opened_) socket_->pause_reading(paused);
  core_.pause(paused, base::boot_clock::now());
}

void shard::command(int op, std::string frame, bool reserved) {
  core_.command(op, std::move(frame), base::boot_clock::now());
  publish();
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
  out.shard = key();
  gauges_.read(out);
  return out;
}

void shard::on_open() {
  opened_ = true;
  if (paused_) socket_->pause_reading(true);
  const auto now = base::boot_clock::now();
  ground_.services.on_connect(true, now);
  core_.opened(now);
  publish();
}

void shard::on_message(net::ws_opcode, std::string_view message) {
  if (!turn_now_) turn_now_ = base::boot_clock::now();
  core_.message(message, *turn_now_);
  if (!turn_now_) publish();  // the connection is over; otherwise at the end of the read
}

void shard::on_read_end() {
  turn_now_.reset();
  if (std::exchange(events_seen_, core_.events()) != core_.events()) last_event_ms_ = base::unix_time_ms();
  publish();
}

void shard::on_closed(const net::ws_closed& how) {
  const bool was_open = opened_;
  const auto held = std::move(socket_);
  forget_connection();
  if (!how.clean && how.failure.code) {
    ground_.log.info("shard.connection_failed", {{"shard", key().id}, {"error", how.failure.text()}});
  }
  const auto now = base::boot_clock::now();
  if (how.failure.code == net::errc::rate_limited) ground_.services.on_connect(false, now);
  core_.closed(how.code, was_open, now);
  publish();
}

void shard::on_quiet_closed() {
  closing_.reset();
  if (auto done = std::exchange(stopped_, nullptr)) done();
}

void shard::publish() noexcept {
  gauges_.publish(core_.session(), core_.events(), last_event_ms_);
}

void shard::connect(const action::connect& what, base::instant now) {
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
  const auto target = gateway_url(address, options_.core.compress);
  if (!target) {
    connect_failed(target.error());
    return;
  }
  opened_ = false;
  socket_ = net::websocket::connect(ground_.loop, *target, target->secure() ? options_.tls : nullptr,
                                    options_.websocket, *this, core_.chance());
}

void shard::connect_failed(const base::error& why) {
  ground_.log.warn("shard.no_gateway_url", {{"shard", key().id}, {"error", why.text()}});
  connect_timer_.arm_in(base::nanoseconds{0}, [this] {
    core_.closed(1006, false, base::boot_clock::now());
    publish();
  });
}

void shard::forget_connection() {
  connect_timer_.cancel();
  opened_ = false;
  turn_now_.reset();
}

void shard::send(std::string_view frame) {
  if (socket_) socket_->send(net::ws_opcode::text, frame);
}

void shard::close(std::uint16_t code) {
  forget_connection();
  if (!socket_) return;
  closing_ = std::move(socket_);
  closing_->set_handler(quiet_);
  closing_->pause_reading(false);
  closing_->close(code);
}

void shard::drop() {
  forget_connection();
  socket_.reset();
}

void shard::arm(timer_kind kind, base::instant when) {
  timers_[static_cast<std::size_t>(kind)].arm(when, [this, kind, when] {
    // A timer's own instant has come even where the clock is a hair behind it.
    const bool unread = socket_ && socket_->has_unread();
    core_.timer(kind, unread, std::max(when, base::boot_clock::now()));
    publish();
  });
}

void shard::disarm(timer_kind kind) {
  timers_[static_cast<std::size_t>(kind)].cancel();
}

}  // namespace evergate::upstream
