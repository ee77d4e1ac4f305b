// The payload half of the session machine: one function for each opcode that Discord sends.
#include <algorithm>
#include <limits>
#include <utility>

#include "proto/json_view.h"
#include "upstream/session.h"

namespace evergate::upstream {
namespace {

enum opcode : int {
  dispatch = 0,
  heartbeat_request = 1,
  reconnect = 7,
  invalid_session = 9,
  hello = 10,
  ack = 11
};

constexpr std::size_t session_id_bytes_max = 256;
constexpr std::size_t resume_url_bytes_max = 1'024;
constexpr std::int64_t heartbeat_interval_ms_max = 3'600'000;

}  // namespace

void session::take(const input::payload& what, context& c) {
  if (!connected() || what.envelope == nullptr) return;
  const auto& e = *what.envelope;
  heartbeat_.on_payload();
  switch (e.op) {
    case dispatch:
      // Only this counts as a replay that goes on: ACKs would keep one that never ends alive for ever.
      dispatched_at_ = c.now;
      on_dispatch(e, c);
      break;
    case heartbeat_request:
      if (heartbeat_.running()) beat(c);
      break;
    case reconnect:
      on_reconnect(c);
      break;
    case invalid_session:
      on_invalid_session(e.d == "true", c);
      break;
    case hello:
      on_hello(e, c);
      break;
    case ack:
      heartbeat_.on_ack(c.now);
      c.out.emplace_back(action::heard{action::heard::kind::ack});
      on_ack(c);
      if (state_ == session_state::live) progress(true);
      if (const auto next = heartbeat_.next()) arm(timer_kind::heartbeat, *next, c);
      break;
    default:
      ++counters_.unexpected;
      break;  // new opcodes appear at any time: ignored
  }
}

void session::on_hello(const proto::envelope& e, context& c) {
  if (state_ != session_state::greeting) {
    ++counters_.unexpected;
    return;
  }
  const auto interval = proto::integer_of(proto::member(e.d, "heartbeat_interval"));
  if (!interval || *interval < 1 || *interval > heartbeat_interval_ms_max) {
    unreachable(c);
    leave("bad_hello", c);
    retry(c);
    return;
  }
  c.out.emplace_back(action::heard{action::heard::kind::hello});
  const base::milliseconds span(*interval);
  window_.on_connection(span);
  beats_ = acks_ = 0;
  probe_beat_.reset();
  heartbeat_.start(span, c.chance.unit(), c.now);
  heartbeat_.pause(reading_paused_);
  arm(timer_kind::heartbeat, *heartbeat_.next(), c);
  if (has_session()) {
    send_resume(c);
  } else if (c.now >= not_before_) {
    send_identify(c);
  } else {
    state_ = session_state::turning;
    clear_deadline(c);
    arm(timer_kind::send, not_before_, c);
  }
}

void session::on_dispatch(const proto::envelope& e, context& c) {
  // The journal numbers events in 32 bits, as Discord's clients do.
  if (e.s > std::numeric_limits<std::uint32_t>::max()) {
    leave("bad_sequence", c);
    retry(c);
    return;
  }
  const bool is_ready = e.type == proto::event_type::ready;
  switch (state_) {
    case session_state::identifying:
      if (is_ready)
        on_ready(e, c);
      else
        ++counters_.unexpected;
      return;
    case session_state::resuming:
    case session_state::live:
      if (is_ready || awaits_commit_) {
        // A second session on this connection cannot be told from the first: start over by RESUME.
        ++counters_.unexpected;
        leave("unexpected_dispatch", c);
        retry(c);
        return;
      }
      accept(e, c);
      if (e.type == proto::event_type::resumed && state_ == session_state::resuming) {
        ++counters_.resumes;
        state_ = session_state::live;
        was_live_ = true;
        clear_deadline(c);
        c.out.emplace_back(action::live{true});
        send_commands(c);
      }
      return;
    default:
      ++counters_.unexpected;
      return;
  }
}

void session::on_ready(const proto::envelope& e, context& c) {
  auto id = proto::decoded_string(proto::member(e.d, "session_id"));
  if (!id || id->empty() || id->size() > session_id_bytes_max || e.s < 0) {
    leave("bad_ready", c);
    retry(c);
    return;
  }
  auto url = proto::decoded_string(proto::member(e.d, "resume_gateway_url"));
  id_ = std::move(*id);
  resume_url_ = url && url->size() <= resume_url_bytes_max ? std::move(*url) : std::string();
  plan_.begin(!resume_url_.empty());
  received_ = e.s;
  state_ = session_state::live;
  was_live_ = true;
  clear_deadline(c);
  c.out.emplace_back(action::session_changed{flow::session_record{shard(), id_, resume_url_, e.s}});
  c.out.emplace_back(action::accept{e.s});
  c.out.emplace_back(action::live{false});
  send_commands(c);
}

void session::accept(const proto::envelope& e, context& c) {
  if (e.s < 0) {
    c.out.emplace_back(action::accept{-1});
    return;
  }
  if (e.s <= received_) {
    ++counters_.repeats;
    return;
  }
  if (e.s > received_ + 1) ++counters_.jumps;
  received_ = e.s;
  c.out.emplace_back(action::accept{e.s});
  if (e.type != proto::event_type::resumed) progress(state_ == session_state::live);
}

void session::progress(bool proven) noexcept {
  plan_.on_progress();
  if (!proven || proven_) return;
  proven_ = true;
  timed_out_once_ = false;
  backoff_.reset();
}

void session::on_reconnect(context& c) {
  c.out.emplace_back(action::heard{action::heard::kind::reconnect});
  if (state_ == session_state::greeting) unreachable(c);
  leave("op7", c);
  retry(c);
}

void session::on_invalid_session(bool resumable, context& c) {
  c.out.emplace_back(action::heard{action::heard::kind::invalid_session, resumable});
  const bool refused = state_ == session_state::identifying;
  if (!refused) {
    resumable = options_.decisions->judge_invalid_session.ask(
        {.shard = shard().id, .shards = shard().count, .resumable = resumable},
        [](const auto& asked) { return asked.resumable; });
  }
  leave(refused ? "identify_refused" : resumable ? "op9_resumable" : "op9", c);
  if (refused) {
    ++counters_.identifies_refused;
    c.out.emplace_back(action::identify_refused{});
    // Each try costs a session start of the day, so a refusal that repeats is asked ever more rarely.
    pause_then_retry(std::max<base::nanoseconds>(invalid_delay(c.chance), backoff_.next(c.chance)), c);
    return;
  }
  if (!resumable) lose_session("invalid_session", c);
  pause_then_retry(invalid_delay(c.chance), c);
}

}  // namespace evergate::upstream
