#include "upstream/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/seeded_bug.h"
#include "proto/json_view.h"
#include "proto/presence.h"

namespace evergate::upstream {
namespace {

/// Only a store may say "committed"; a planted fault does all the same.
struct forger : flow::commit_authority {
  static flow::committed_seq seq(std::int64_t value) noexcept { return committed(value); }
};

template <close_verdict Public, proto::close_verdict Ours>
constexpr bool same = static_cast<int>(Public) == static_cast<int>(Ours);
static_assert(same<close_verdict::resume, proto::close_verdict::resume> &&
              same<close_verdict::resume_later, proto::close_verdict::resume_later> &&
              same<close_verdict::resume_once, proto::close_verdict::resume_once> &&
              same<close_verdict::identify, proto::close_verdict::identify> &&
              same<close_verdict::fatal, proto::close_verdict::fatal>);

}  // namespace

std::string_view name_of(session_state state) noexcept {
  switch (state) {
    case session_state::offline:
      return "offline";
    case session_state::pausing:
      return "pausing";
    case session_state::settling:
      return "settling";
    case session_state::queued:
      return "queued";
    case session_state::connecting:
      return "connecting";
    case session_state::greeting:
      return "greeting";
    case session_state::turning:
      return "turning";
    case session_state::identifying:
      return "identifying";
    case session_state::resuming:
      return "resuming";
    case session_state::live:
      return "live";
    case session_state::failed:
      return "failed";
  }
  return "unknown";
}

session::session(session_options options, const base::secret& token,
                 std::optional<flow::stored_session> stored)
    : options_(std::move(options)),
      token_(token),
      plan_(options_.resume),
      heartbeat_(options_.heartbeat),
      window_(options_.window),
      backoff_(options_.backoff) {
  if (!stored || stored->record.session_id.empty() || stored->seq.none()) return;
  id_ = std::move(stored->record.session_id);
  resume_url_ = std::move(stored->record.resume_url);
  committed_ = stored->seq;
  received_ = committed_.value();
  plan_.begin(!resume_url_.empty());
}

void session::step(const session_input& what, base::instant now, base::rng& chance, session_actions& out) {
  context c{now, chance, out};
  std::visit([this, &c](const auto& value) { take(value, c); }, what);
}

bool session::connected() const noexcept {
  switch (state_) {
    case session_state::greeting:
    case session_state::turning:
    case session_state::identifying:
    case session_state::resuming:
    case session_state::live:
      return true;
    default:
      return false;
  }
}

void session::take(const input::start&, context& c) {
  if (state_ != session_state::offline) return;
  next_try(c);
}

void session::take(const input::stop& what, context& c) {
  const bool open = connected();
  const bool pending = state_ == session_state::connecting;
  if (state_ == session_state::queued) c.out.emplace_back(action::cancel_turn{});
  connection_over(c);
  disarm(timer_kind::reconnect, c);
  if (open && what.log_off) {
    c.out.emplace_back(action::close{1000});
  } else if (open || pending) {
    c.out.emplace_back(action::drop{});
  }
  if (what.log_off && has_session()) lose_session("logged_off", c);
  state_ = session_state::offline;
}

void session::take(const input::opened&, context& c) {
  if (state_ != session_state::connecting) return;
  state_ = session_state::greeting;
  dispatched_at_ = c.now;
  set_deadline(options_.timeouts.hello, c);
}

void session::take(const input::closed& what, context& c) {
  if (state_ != session_state::connecting && !connected()) return;
  if (!what.connected || state_ == session_state::connecting) {
    c.out.emplace_back(action::note{"connect_failed", what.code});
    unreachable(c);
    connection_over(c);
    retry(c);
    return;
  }
  c.out.emplace_back(action::note{"closed", what.code});
  if (state_ == session_state::greeting) unreachable(c);
  judge_close(what.code, c);
}

proto::close_verdict session::verdict_of(std::uint16_t code) const {
  const auto standard = [](const close_question& asked) {
    return static_cast<close_verdict>(proto::meaning_of_close(asked.code).verdict);
  };
  const close_question asked{
      .shard = shard().id, .shards = shard().count, .code = code, .session = has_session()};
  return static_cast<proto::close_verdict>(options_.decisions->judge_close.ask(asked, standard));
}

void session::judge_close(std::uint16_t code, context& c) {
  using enum proto::close_verdict;
  const auto verdict = verdict_of(code);
  // "Unknown opcode or invalid payload", "decode error": of an IDENTIFY only its presence is not our own.
  if (state_ == session_state::identifying && (code == 4001 || code == 4002) && presence_sent_) {
    presence_refused_ = true;
    c.out.emplace_back(action::note{"presence_refused", code, base::log_level::error});
  }
  const bool timed_out_before = std::exchange(timed_out_once_, timed_out_once_ || verdict == resume_once);
  connection_over(c);
  switch (verdict) {
    case fatal:
      state_ = session_state::failed;
      c.out.emplace_back(action::fatal{code});
      return;
    case identify:
      lose_session(fmt::format("close {}", code), c);
      break;
    case resume_once:
      if (timed_out_before) lose_session(fmt::format("close {}", code), c);
      break;
    case resume_later: {
      const auto pause = options_.timeouts.slow_down;
      const auto delay = std::max<base::nanoseconds>(pause, retry_delay(c.chance));
      pause_then_retry(delay + base::nanoseconds(c.chance.below(500'000'000)), c);
      return;
    }
    case resume:
      break;
  }
  retry(c);
}

void session::take(const input::broken&, context& c) {
  if (!connected()) return;
  leave("undecodable", c);
  retry(c);
}

void session::take(const input::timer& what, context& c) {
  auto& armed = armed_[static_cast<std::size_t>(what.kind)];
  if (!armed || c.now < *armed) return;  // replaced or cancelled meanwhile
  armed.reset();
  switch (what.kind) {
    case timer_kind::heartbeat:
      tend_heartbeat(c, what.unread);
      break;
    case timer_kind::deadline:
      on_overdue(c);
      break;
    case timer_kind::reconnect:
      next_try(c);
      break;
    case timer_kind::send:
      if (state_ == session_state::turning)
        send_identify(c);
      else if (state_ == session_state::live)
        send_commands(c);
      break;
  }
}

void session::take(const input::turn& what, context& c) {
  if (state_ != session_state::queued) {
    c.out.emplace_back(action::cancel_turn{});
    return;
  }
  holds_turn_ = true;
  not_before_ = what.not_before;
  connect(url_kind::main, c);
}

void session::take(const input::committed& what, context& c) {
  if (what.seq.none()) {
    if (ends_untold_ > 0) --ends_untold_;
    return;
  }
  // Until the ends of all older sessions are told, the news is theirs.
  if (ends_untold_ > (ended_ ? 1 : 0)) return;
  if (what.seq <= committed_ || what.seq.value() > received_) return;
  committed_ = what.seq;
  if (state_ == session_state::settling && settled()) next_try(c);
  if (awaits_commit_) {
    awaits_commit_ = false;
    send_resume(c);
  }
}

void session::take(const input::reading& what, context& c) {
  if (reading_paused_ == what.paused) return;
  reading_paused_ = what.paused;
  heartbeat_.pause(what.paused);
  if (!what.paused && armed_[static_cast<std::size_t>(timer_kind::deadline)]) set_deadline(deadline_span_, c);
  if (heartbeat_.running()) tend_heartbeat(c);
}

void session::take(const input::command& what, context& c) {
  constexpr int presence_update = 3;
  if (what.op == presence_update) {
    const auto presence = proto::member(what.frame, "d");
    if (!presence.empty()) options_.identify.presence = presence;
    presence_refused_ = false;
    // Without a session the IDENTIFY carries it.
    if (!has_session()) return;
  }
  if (!window_.push(what.op, what.frame)) {
    ++counters_.commands_refused;
    return;
  }
  if (state_ == session_state::live) send_commands(c);
}

void session::take(const input::probe&, context& c) {
  // Before RESUMED the replay is under way, which an answer may overtake.
  if (state_ != session_state::live || !heartbeat_.running() || probe_beat_) return;
  if (!window_.try_probe(c.now)) return;  // asked again soon
  send_beat(c);
  probe_beat_ = beats_;
  probe_sent_ = c.now;
}

void session::on_ack(context& c) {
  ++acks_;
  if (!probe_beat_ || acks_ < *probe_beat_) return;
  probe_beat_.reset();
  if (state_ == session_state::live) c.out.emplace_back(action::proof{probe_sent_});
}

void session::next_try(context& c) {
  if (has_session() && plan_.exhausted()) lose_session("resume_failed", c);
  if (has_session()) {
    connect(plan_.next_url(), c);
    return;
  }
  if (!settled()) {
    state_ = session_state::settling;
    return;
  }
  received_ = -1;
  committed_ = {};
  ended_ = false;
  state_ = session_state::queued;
  c.out.emplace_back(action::request_turn{});
}

void session::connect(url_kind kind, context& c) {
  ++counters_.connects;
  state_ = session_state::connecting;
  connecting_since_ = c.now;
  proven_ = false;
  c.out.emplace_back(action::connect{kind, kind == url_kind::resume ? resume_url_ : std::string()});
}

void session::unreachable(context& c) {
  const bool slow =
      c.now - connecting_since_ >= std::min(options_.timeouts.slow_connect, options_.timeouts.hello);
  plan_.on_connect_failed(slow);
}

identify_fields session::identity() const {
  auto out = options_.identify;
  if (presence_refused_) {
    out.presence.clear();
    return out;
  }
  const auto standard = [](const presence_question& asked) { return std::string(asked.presence); };
  out.presence = options_.decisions->make_presence.ask(
      {.shard = shard().id, .shards = shard().count, .presence = options_.identify.presence}, standard);
  // Both have been checked, but may lack what Discord wants to be there.
  if (!out.presence.empty()) out.presence = proto::whole_presence(out.presence).value_or("");
  return out;
}

void session::send_identify(context& c) {
  if (c.now - not_before_ > options_.timeouts.turn) {
    leave("turn_lapsed", c);
    retry(c);
    return;
  }
  ++counters_.identifies;
  state_ = session_state::identifying;
  holds_turn_ = false;
  window_.drop_presence();
  window_.note_send(c.now);
  const auto who = identity();
  presence_sent_ = !who.presence.empty();
  c.out.emplace_back(action::send{identify_frame(who, token_), false, true});
  c.out.emplace_back(action::identify_sent{});
  set_deadline(options_.timeouts.ready, c);
}

void session::send_resume(context& c) {
  state_ = session_state::resuming;
  set_deadline(options_.timeouts.resumed, c);
  if (committed_.none()) {
    awaits_commit_ = true;
    return;
  }
  ++counters_.resumes_sent;
  plan_.on_resume_sent();
  window_.note_send(c.now);
  c.out.emplace_back(action::send{resume_frame(id_, told(), token_), false, true});
}

flow::committed_seq session::told() const noexcept {
  if (base::seeded_bug(base::bug::received_seq) && received_ >= 0) return forger::seq(received_);
  return committed_;
}

void session::beat(context& c) {
  if (window_.try_heartbeat(c.now)) send_beat(c);
}

void session::send_beat(context& c) {
  heartbeat_.on_sent(c.now);
  ++beats_;
  c.out.emplace_back(action::send{heartbeat_frame(told()), true, false});
}

void session::tend_heartbeat(context& c, bool unread) {
  for (;;) {
    const auto due = heartbeat_.judge(c.now, unread);
    if (due == proto::heartbeat::due::nothing) break;
    if (due == proto::heartbeat::due::beat) {
      beat(c);
      continue;
    }
    ++counters_.zombies;
    leave(due == proto::heartbeat::due::slept ? "slept" : "zombie", c);
    retry(c);
    return;
  }
  if (const auto next = heartbeat_.next()) arm(timer_kind::heartbeat, *next, c);
}

void session::send_commands(context& c) {
  std::string frame;
  while (window_.next(frame, c.now)) c.out.emplace_back(action::send{std::move(frame), false, false});
  if (const auto at = window_.ready_at(c.now)) arm(timer_kind::send, *at, c);
}

void session::on_overdue(context& c) {
  if (!connected()) return;
  if (reading_paused_ || awaits_commit_) {
    // What we wait for may be in the socket, or is held up by our own store.
    set_deadline(deadline_span_, c);
    return;
  }
  switch (state_) {
    case session_state::greeting:
      unreachable(c);
      leave("no_hello", c);
      break;
    case session_state::identifying:
      leave("no_ready", c);
      break;
    case session_state::resuming:
      if (dispatched_at_ + options_.timeouts.resumed > c.now) {
        arm(timer_kind::deadline, dispatched_at_ + options_.timeouts.resumed, c);
        return;
      }
      leave("no_resumed", c);
      break;
    default:
      return;
  }
  retry(c);
}

void session::leave(std::string_view why, context& c) {
  c.out.emplace_back(action::note{why, 4000});
  connection_over(c);
  c.out.emplace_back(action::close{4000});
}

void session::connection_over(context& c) {
  heartbeat_.stop();
  awaits_commit_ = false;
  disarm(timer_kind::heartbeat, c);
  disarm(timer_kind::send, c);
  clear_deadline(c);
  if (std::exchange(holds_turn_, false)) c.out.emplace_back(action::cancel_turn{});
}

void session::retry(context& c) {
  pause_then_retry(retry_delay(c.chance), c);
}

base::nanoseconds session::retry_delay(base::rng& chance) {
  const bool first = std::exchange(was_live_, false) && backoff_.tries() == 0;
  const auto delay = backoff_.next(chance);
  if (!first) return delay;
  const auto jitter = base::nanoseconds(options_.timeouts.jitter).count();
  return base::nanoseconds(chance.below(static_cast<std::uint64_t>(std::max<std::int64_t>(jitter, 0)) + 1));
}

base::nanoseconds session::invalid_delay(base::rng& chance) const {
  const auto least = options_.timeouts.invalid_least;
  const auto span = std::max(options_.timeouts.invalid_most - least, base::milliseconds{0});
  return least + base::milliseconds(chance.below(static_cast<std::uint64_t>(span.count()) + 1));
}

void session::pause_then_retry(base::nanoseconds delay, context& c) {
  if (options_.decisions->reconnect_delay.overridden()) [[unlikely]] {
    const reconnect_question asked{.shard = shard().id,
                                   .shards = shard().count,
                                   .tries = backoff_.tries(),
                                   .delay = std::chrono::ceil<base::milliseconds>(delay)};
    delay = options_.decisions->reconnect_delay.ask(asked, [](const auto& about) { return about.delay; });
  }
  was_live_ = false;
  state_ = session_state::pausing;
  arm(timer_kind::reconnect, c.now + delay, c);
}

void session::lose_session(std::string cause, context& c) {
  if (!has_session()) return;
  ++counters_.gaps;
  c.out.emplace_back(action::gap{flow::gap_record{shard(), id_, received_, 0, std::move(cause)}});
  c.out.emplace_back(action::session_changed{flow::session_record{shard(), {}, {}, -1}});
  ended_ = true;
  ++ends_untold_;
  id_.clear();
  resume_url_.clear();
  timed_out_once_ = false;
}

void session::set_deadline(base::milliseconds span, context& c) {
  deadline_span_ = span;
  arm(timer_kind::deadline, c.now + span, c);
}

void session::clear_deadline(context& c) {
  disarm(timer_kind::deadline, c);
}

void session::arm(timer_kind kind, base::instant when, context& c) {
  auto& armed = armed_[static_cast<std::size_t>(kind)];
  if (armed == when) return;
  armed = when;
  c.out.emplace_back(action::set_timer{kind, when});
}

void session::disarm(timer_kind kind, context& c) {
  auto& armed = armed_[static_cast<std::size_t>(kind)];
  if (!armed) return;
  armed.reset();
  c.out.emplace_back(action::cancel_timer{kind});
}

}  // namespace evergate::upstream
