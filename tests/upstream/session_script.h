// A script around a session machine: feeds inputs at a virtual time, keeps the actions and the armed timers.
// Test only; one thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "upstream/session.h"

namespace evergate::upstream {

/// The test's own right to say "committed".
struct test_store : flow::commit_authority {
  static flow::committed_seq at(std::int64_t seq) { return committed(seq); }
};

class session_script {
 public:
  explicit session_script(std::optional<flow::stored_session> stored = std::nullopt,
                          session_options o = options())
      : machine(std::move(o), token_, std::move(stored)) {}

  static session_options options() {
    session_options o;
    o.identify.shard = {3, 8};
    o.identify.intents = 513;
    return o;
  }
  static flow::stored_session stored(std::int64_t seq, std::string url = "wss://resume.test") {
    return {{{3, 8}, "old-session", std::move(url), seq}, test_store::at(seq)};
  }

  session_script& feed(const session_input& what) {
    actions.clear();
    machine.step(what, now, chance, actions);
    for (const auto& a : actions) {
      if (const auto* t = std::get_if<action::set_timer>(&a)) timers[t->kind] = t->when;
      if (const auto* t = std::get_if<action::cancel_timer>(&a)) timers.erase(t->kind);
      if (const auto* s = std::get_if<action::send>(&a)) sent.push_back(s->frame);
      if (const auto* g = std::get_if<action::gap>(&a)) gaps.push_back(g->record);
      if (std::holds_alternative<action::accept>(a)) ++accepted;
    }
    return *this;
  }
  session_script& payload(int op, std::string_view d, std::int64_t s = -1, std::string_view t = {}) {
    proto::envelope e;
    e.op = op;
    e.d = d;
    e.s = s;
    e.t = t;
    e.type = proto::event_type_of(t);
    return feed(input::payload{&e});
  }
  session_script& event(std::int64_t s, std::string_view t = "MESSAGE_CREATE") {
    return payload(0, "{}", s, t);
  }
  session_script& hello(int interval_ms = 41'250) {
    return payload(10, "{\"heartbeat_interval\":" + std::to_string(interval_ms) + "}");
  }
  session_script& ready(std::int64_t s = 1) {
    return payload(0, R"({"session_id":"new-session","resume_gateway_url":"wss://resume.test"})", s, "READY");
  }
  session_script& closed(int code) { return feed(input::closed{static_cast<std::uint16_t>(code), true}); }
  session_script& commit(std::int64_t seq) { return feed(input::committed{test_store::at(seq)}); }

  /// Lets the virtual time come to that timer and fires it.
  session_script& fire(timer_kind kind) {
    now = std::max(now, timers.at(kind));
    timers.erase(kind);
    return feed(input::timer{kind});
  }
  /// From nothing to live with a fresh session: READY has sequence 1, committed.
  session_script& go_live() {
    feed(input::start{}).feed(input::turn{now}).feed(input::opened{});
    return hello().ready().commit(1);
  }
  /// From a stored session to waiting for RESUMED.
  session_script& go_resuming() { return feed(input::start{}).feed(input::opened{}).hello(); }

  template <class Action>
  [[nodiscard]] const Action* find() const {
    for (const auto& a : actions) {
      if (const auto* found = std::get_if<Action>(&a)) return found;
    }
    return nullptr;
  }
  template <class Action>
  [[nodiscard]] bool has() const {
    return find<Action>() != nullptr;
  }
  [[nodiscard]] session_state state() const { return machine.state(); }
  [[nodiscard]] std::string last_sent() const { return sent.empty() ? std::string() : sent.back(); }

 private:
  base::secret token_{"secret-token"};

 public:
  base::instant now{std::chrono::seconds(1'000)};
  base::rng chance{42};
  session machine;
  session_actions actions;
  std::map<timer_kind, base::instant> timers;
  std::vector<std::string> sent;
  std::vector<flow::gap_record> gaps;
  int accepted = 0;
};

}  // namespace evergate::upstream
