// The upstream session machine under any inputs in any order: it never asks for what it has, never carries an
// uncommitted sequence, never waits for nothing, and its actions fit the connection they speak of.
//
// Input: steps of one byte that chooses what happens, then what it needs.
#include "upstream/session.h"

#include <optional>
#include <string>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "proto/json_view.h"

namespace evergate::fuzz {
namespace {

using base::check;
namespace action = upstream::action;
namespace input_of = upstream::input;
using upstream::session_state;
using upstream::timer_kind;

struct store : flow::commit_authority {
  static flow::committed_seq at(std::int64_t seq) { return committed(seq); }
};

/// The shell's side: what is open, asked for and armed.
class shell {
 public:
  explicit shell(std::uint8_t flags) : machine_(options(), token_, stored(flags)), stored_((flags & 1) != 0) {
    received_ = machine_.received();
  }

  void feed(const upstream::session_input& what) {
    upstream::session_actions actions;
    machine_.step(what, now_, chance_, actions);
    for (const auto& one : actions) {
      std::visit([this](const auto& value) { carry_out(value); }, one);
    }
    judge();
  }
  void wait(base::milliseconds span) { now_ += span; }
  void fire(timer_kind kind) {
    auto& armed = timers_[static_cast<std::size_t>(kind)];
    if (armed) now_ = std::max(now_, *armed);
    armed.reset();
    feed(input_of::timer{kind});
  }
  void open() {
    if (!pending_) return;
    pending_ = false;
    open_ = true;
    feed(input_of::opened{});
  }
  void close(std::uint16_t code) {
    if (!pending_ && !open_) return;
    const bool was_open = open_;
    pending_ = open_ = false;
    feed(input_of::closed{code, was_open});
  }
  void turn(base::milliseconds later) {
    if (!turn_asked_) return;
    turn_asked_ = false;
    turn_held_ = true;
    feed(input_of::turn{now_ + later});
  }
  void commit(std::int64_t seq) {
    // The store commits only what it was given.
    if (seq > received_) seq = received_;
    if (seq >= 0) feed(input_of::committed{store::at(seq)});
  }
  [[nodiscard]] bool is_open() const { return open_; }
  [[nodiscard]] std::int64_t received() const { return received_; }

 private:
  static upstream::session_options options() {
    upstream::session_options out;
    out.identify.shard = {3, 8};
    out.window.queue_items_max = 16;
    return out;
  }
  static std::optional<flow::stored_session> stored(std::uint8_t flags) {
    if ((flags & 1) == 0) return std::nullopt;
    flow::stored_session out;
    out.record = {{3, 8}, "old-session", (flags & 2) != 0 ? "wss://resume.test" : "", 40};
    out.seq = store::at((flags & 4) != 0 ? 40 : -1);
    return out;
  }

  void carry_out(const action::connect& what) {
    check(!pending_ && !open_, "one connection at a time");
    check(what.kind == upstream::url_kind::main || !what.resume_url.empty(), "a resume URL to go to");
    pending_ = true;
  }
  void carry_out(const action::send& what) {
    check(open_, "nothing is sent without a connection");
    const auto op = proto::integer_of(proto::member(what.frame, "op"));
    check(what.secret == what.frame.contains("secret-token"), "frames with the token are marked");
    check(what.secret == (op == 2 || op == 6), "and no others");
    const auto seq = op == 1   ? proto::integer_of(proto::member(what.frame, "d"))
                     : op == 6 ? proto::integer_of(proto::member(proto::member(what.frame, "d"), "seq"))
                               : std::nullopt;
    if (seq) check(*seq == machine_.committed().value() && *seq <= received_, "only committed sequences");
  }
  void carry_out(const action::close&) { carry_out(action::drop{}); }
  void carry_out(const action::drop&) {
    check(open_ || pending_, "only what is there is closed");
    open_ = pending_ = false;
  }
  void carry_out(const action::request_turn&) {
    check(!turn_asked_ && !turn_held_, "one turn at a time");
    turn_asked_ = true;
  }
  void carry_out(const action::cancel_turn&) { turn_asked_ = turn_held_ = false; }
  void carry_out(const action::identify_sent&) {
    check(turn_held_, "an IDENTIFY needs a turn");
    turn_held_ = false;
  }
  void carry_out(const action::identify_refused&) {}
  void carry_out(const action::set_timer& what) { timers_[static_cast<std::size_t>(what.kind)] = what.when; }
  void carry_out(const action::cancel_timer& what) { timers_[static_cast<std::size_t>(what.kind)].reset(); }
  void carry_out(const action::accept& what) {
    check(open_ && in_session_, "events come on a connection, in a session");
    check(what.seq < 0 || !accepted_ || what.seq > *accepted_, "each sequence once and in order");
    if (what.seq >= 0) accepted_ = received_ = what.seq;
  }
  void carry_out(const action::session_changed& what) {
    in_session_ = !what.record.session_id.empty();
    accepted_.reset();
    if (in_session_) received_ = what.record.seq;
  }
  void carry_out(const action::gap& what) {
    check(!what.record.session_id.empty() && !what.record.cause.empty(), "a gap names its session and cause");
    ++gaps_;
  }
  void carry_out(const action::live&) { check(open_ && in_session_, "live with a connection and a session"); }
  void carry_out(const action::fatal&) {
    check(machine_.state() == session_state::failed, "fatal is the end");
  }
  void carry_out(const action::note&) {}
  void carry_out(const action::heard&) { check(open_, "what is heard is heard on a connection"); }
  void carry_out(const action::proof& what) {
    check(what.sent <= now_, "a beat is acknowledged after it was sent");
  }

  [[nodiscard]] bool armed(timer_kind kind) const {
    return timers_[static_cast<std::size_t>(kind)].has_value();
  }
  void judge() const {
    check(machine_.committed().value() <= std::max(machine_.received(), received_), "committed was received");
    check(machine_.commands_queued() <= 17, "the queue keeps its bound");
    check(machine_.counters().gaps == gaps_, "a gap for each session that is lost");
    const bool waits_for_something = [this] {
      switch (machine_.state()) {
        case session_state::offline:
        case session_state::failed:
          return !open_ && !pending_;
        case session_state::pausing:
          return armed(timer_kind::reconnect);
        case session_state::settling:
          return machine_.committed().value() < machine_.received();
        case session_state::queued:
          return turn_asked_;
        case session_state::connecting:
          return pending_;
        case session_state::greeting:
        case session_state::identifying:
        case session_state::resuming:
          return open_ && armed(timer_kind::deadline);
        case session_state::turning:
          return open_ && armed(timer_kind::send);
        case session_state::live:
          return open_ && armed(timer_kind::heartbeat);
      }
      return false;
    }();
    check(waits_for_something, "it waits for something that will come");
  }

  base::secret token_{"secret-token"};
  base::instant now_{std::chrono::hours(1)};
  base::rng chance_{42};
  upstream::session machine_;
  bool stored_;
  bool in_session_ = stored_ && machine_.has_session();
  bool pending_ = false;
  bool open_ = false;
  bool turn_asked_ = false;
  bool turn_held_ = false;
  std::int64_t received_ = -1;
  std::optional<std::int64_t> accepted_;
  std::uint64_t gaps_ = 0;
  std::optional<base::instant> timers_[upstream::timer_kind_count];
};

void dispatch(shell& out, std::int64_t s, std::string_view t, std::string_view d) {
  proto::envelope e;
  e.op = 0;
  e.s = s;
  e.t = t;
  e.d = d;
  e.type = proto::event_type_of(t);
  out.feed(input_of::payload{&e});
}

/// A payload: well-formed ones of every kind, and any text that the scan accepts.
void payload(shell& out, input& in) {
  if (!out.is_open()) return;
  constexpr std::string_view ready =
      R"({"session_id":"new","resume_gateway_url":"wss://resume.test","v":10})";
  switch (in.byte() % 10) {
    case 0: {
      const auto d = "{\"heartbeat_interval\":" + std::to_string(in.number(3)) + "}";
      proto::envelope e;
      e.op = 10;
      e.d = d;
      return out.feed(input_of::payload{&e});
    }
    case 1:
      return dispatch(out, 1 + in.byte(), "READY", ready);
    case 2:
      return dispatch(out, out.received() + in.byte() % 3, "RESUMED", "{}");
    case 3:
      return dispatch(out, out.received() + 1, "MESSAGE_CREATE", "{}");
    case 4:
      return dispatch(out, static_cast<std::int64_t>(in.number(5)) - 2, "MESSAGE_CREATE", "{}");
    case 9: {
      const auto scanned = proto::scan_envelope(in.text());
      if (scanned) return out.feed(input_of::payload{&*scanned});
      return out.feed(input_of::broken{});
    }
    default: {
      constexpr int ops[] = {1, 7, 9, 11, 11, 11, 12};
      proto::envelope e;
      e.op = in.pick(ops);
      constexpr std::string_view values[] = {"null", "true", "false"};
      e.d = in.pick(values);
      return out.feed(input_of::payload{&e});
    }
  }
}

void command(shell& out, input& in) {
  constexpr int ops[] = {3, 4, 8, 31};
  const int op = in.pick(ops);
  const auto status = R"({"status":")" + std::string(1 + in.byte() % 4, 'x') + "\"}";
  out.feed(input_of::command{op, "{\"op\":" + std::to_string(op) + ",\"d\":" + status + "}"});
}

}  // namespace

void run(std::string_view bytes) {
  input in(bytes);
  shell out(in.byte());
  out.feed(input_of::start{});
  while (!in.empty()) {
    switch (in.byte() % 16) {
      case 0:
        out.feed(input_of::start{});
        break;
      case 1:
        out.feed(input_of::stop{(in.byte() & 1) != 0});
        break;
      case 2:
        out.open();
        break;
      case 3:
        out.close(static_cast<std::uint16_t>(in.byte() % 2 == 0 ? 4000 + in.byte() % 20 : in.number(2)));
        break;
      case 4:
        out.turn(base::milliseconds(in.byte() % 2 == 0 ? 0 : in.number(2)));
        break;
      case 5:
        out.commit(in.byte() % 2 == 0 ? out.received() : static_cast<std::int64_t>(in.number(4)));
        break;
      case 6:
        out.feed(input_of::reading{(in.byte() & 1) != 0});
        break;
      case 7:
        command(out, in);
        break;
      case 8:
        out.wait(base::milliseconds(in.number(3)));
        break;
      case 9:
      case 10:
        out.fire(static_cast<timer_kind>(in.byte() % upstream::timer_kind_count));
        break;
      default:
        payload(out, in);
        break;
    }
  }
}

}  // namespace evergate::fuzz
