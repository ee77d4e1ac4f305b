#include "upstream/shard_core.h"

#include <utility>
#include <variant>

#include "base/check.h"

namespace evergate::upstream {

shard_core::shard_core(shard_core_ground ground, shard_core_options options,
                       std::optional<flow::stored_session> stored, std::uint64_t seed)
    : ground_(ground),
      chance_(seed),
      session_(std::move(options.session), ground.token, std::move(stored)),
      reader_(options.compress, options.inflate) {}

void shard_core::pause(bool paused, base::instant now) {
  paused_ = paused;
  if (!stepping_) tell_reading(now);
}

void shard_core::tell_reading(base::instant now) {
  if (paused_ == paused_told_) return;
  paused_told_ = paused_;
  feed(input::reading{paused_}, now);
}

void shard_core::message(std::string_view bytes, base::instant now) {
  const auto read = reader_.read(bytes);
  if (!read) {
    ground_.log.warn("shard.broken_payload",
                     {{"shard", key().id}, {"error", read.error().text()}, {"bytes", bytes.size()}});
    feed(input::broken{}, now);
    return;
  }
  if (!*read) return;  // more messages are needed
  envelope_ = **read;
  feed(input::payload{&envelope_}, now);
}

void shard_core::closed(std::uint16_t code, bool connected, base::instant now) {
  reader_.end();
  ground_.shell.tell({.what = shard_news::kind::disconnected,
                      .code = code,
                      .why = connected ? std::string_view() : std::string_view("connect_failed")});
  feed(input::closed{code, connected}, now);
}

void shard_core::feed(const session_input& what, base::instant now) {
  base::check(!stepping_, "a session steps one input at a time");
  stepping_ = true;
  actions_.clear();
  session_.step(what, now, chance_, actions_);
  for (auto& next : actions_) {
    std::visit([this, now](auto& one) { carry_out(one, now); }, next);
  }
  stepping_ = false;
  const bool live = session_.state() == session_state::live;
  if (live != live_) {
    live_ = live;
    ground_.shell.on_live(live);
  }
  tell_reading(now);
}

void shard_core::carry_out(action::connect& what, base::instant now) {
  reader_.begin();
  ground_.shell.tell({.what = shard_news::kind::connecting});
  ground_.shell.connect(what, now);
}

void shard_core::carry_out(action::send& what, base::instant) {
  ground_.shell.send(what.frame);
  if (what.heartbeat) ground_.shell.tell({.what = shard_news::kind::heartbeat});
  if (what.secret) {
    const bool resumes = session_.state() == session_state::resuming;
    ground_.shell.tell({.what = resumes ? shard_news::kind::resuming : shard_news::kind::identifying});
  }
}

void shard_core::carry_out(action::close& what, base::instant) {
  reader_.end();
  ground_.shell.close(what.code);
  const auto why = what.code == 1000 ? std::string_view("logged_off") : why_;
  ground_.shell.tell({.what = shard_news::kind::disconnected, .by_us = true, .code = what.code, .why = why});
}

void shard_core::carry_out(action::drop&, base::instant) {
  reader_.end();
  ground_.shell.drop();
  ground_.shell.tell({.what = shard_news::kind::disconnected, .by_us = true, .why = "dropped"});
}

void shard_core::carry_out(action::request_turn&, base::instant) {
  ground_.shell.request_turn();
}

void shard_core::carry_out(action::cancel_turn&, base::instant) {
  ground_.shell.cancel_turn();
}

void shard_core::carry_out(action::identify_sent&, base::instant now) {
  ground_.log.info("shard.identify", {{"shard", key().id}, {"count", key().count}});
  ground_.shell.identify_sent(now);
}

void shard_core::carry_out(action::identify_refused&, base::instant now) {
  ground_.log.warn("shard.identify_refused", {{"shard", key().id}});
  ground_.shell.identify_refused(now);
}

void shard_core::carry_out(action::set_timer& what, base::instant) {
  ground_.shell.arm(what.kind, what.when);
}

void shard_core::carry_out(action::cancel_timer& what, base::instant) {
  ground_.shell.disarm(what.kind);
}

void shard_core::carry_out(action::accept& what, base::instant) {
  if (what.seq < 0) envelope_.s = 0;
  ++events_;
  ground_.intake.add(envelope_, key(), ground_.batch.rows());
  if (what.seq >= 0) ground_.batch.note(progress_, key(), what.seq);
  ground_.shell.batch_grew();
}

void shard_core::carry_out(action::session_changed& what, base::instant) {
  const bool ended = what.record.session_id.empty();
  ground_.batch.rows().sessions.push_back(std::move(what.record));
  // A new session's record goes with its READY, which is accepted next: never one without the other.
  if (ended) ground_.shell.batch_grew();
}

void shard_core::carry_out(action::gap& what, base::instant) {
  what.record.time_ms = ground_.shell.wall_ms();
  const bool asked = what.record.cause == "logged_off";
  ground_.log.write(asked ? base::log_level::info : base::log_level::warn, "shard.gap",
                    {{"shard", key().id}, {"cause", what.record.cause}, {"last_seq", what.record.last_seq}});
  flow::append_gap(what.record, ground_.batch.rows());
  // The hand-over is asked for by the record of the session's end, which follows.
}

void shard_core::carry_out(action::live& what, base::instant) {
  ground_.log.info("shard.live",
                   {{"shard", key().id}, {"resumed", what.resumed}, {"seq", session_.received()}});
  ground_.shell.tell({.what = what.resumed ? shard_news::kind::resumed : shard_news::kind::ready});
}

void shard_core::carry_out(action::fatal& what, base::instant) {
  ground_.shell.on_fatal(what.code);
}

void shard_core::carry_out(action::proof& what, base::instant) {
  ground_.batch.rows().proofs.push_back({key(), what.sent});
  ground_.shell.batch_grew();
}

void shard_core::carry_out(action::heard& what, base::instant) {
  using from = action::heard::kind;
  using to = shard_news::kind;
  const auto latency = session_.latency();
  ground_.shell.tell({.what = what.what == from::hello             ? to::hello
                              : what.what == from::ack             ? to::heartbeat_ack
                              : what.what == from::invalid_session ? to::invalid_session
                                                                   : to::requested_reconnect,
                      .resumable = what.resumable,
                      .latency_us = latency ? latency->count() / 1'000 : -1});
}

void shard_core::carry_out(action::note& what, base::instant) {
  why_ = what.what;
  ground_.log.write(what.level, "shard.reconnect",
                    {{"shard", key().id}, {"why", what.what}, {"code", what.code}});
}

}  // namespace evergate::upstream
