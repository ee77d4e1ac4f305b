// A bot that says anything at any time: the downstream session machine and the judging of its commands. What
// goes on to Discord is whole, valid, small enough and never holds the token; after a close nothing happens.
//
// Input: steps of one byte that chooses what happens, then what it needs: a text, or a number of
// milliseconds.
#include <string>
#include <vector>

#include "base/check.h"
#include "downstream/command_router.h"
#include "downstream/session.h"
#include "fuzz/input.h"
#include "fuzz/json_oracle.h"
#include "fuzz/target.h"
#include "proto/json_view.h"

namespace evergate::fuzz {
namespace {

using base::check;
using downstream::session_action;
using downstream::session_input;

constexpr std::string_view token = "secret-token";

struct fleet final : flow::command_sink, flow::fleet_view {
  bool room = true;
  [[nodiscard]] bool submit(flow::command what) override {
    check(valid_object(what.payload) && what.payload.size() <= 4096,
          "what goes to Discord is valid and fits");
    check(proto::integer_of(proto::member(what.payload, "op")) == what.op, "under its own op");
    check(proto::member(what.payload, "d").starts_with('{'), "with an object for d");
    return room;
  }
  [[nodiscard]] std::uint32_t shard_count() const override { return 3; }
  [[nodiscard]] std::uint32_t shards_ready() const override { return 3; }
};

class bot {
 public:
  bot() : session_(rules(), reader_), router_(fleet_, replies_, fleet_) {}

  void feed(const session_input& what) {
    std::vector<session_action> actions;
    session_.step(what, now_, actions);
    check(!closed_ || actions.empty(), "after a close nothing happens");
    for (const auto& action : actions) {
      check(!closed_, "a close is the last action");
      carry_out(action);
    }
  }
  void wait(base::milliseconds span) { now_ += span; }
  void fill(bool full) { fleet_.room = !full; }

 private:
  downstream::session_rules rules() const {
    downstream::session_rules out;
    out.token = &token_;
    out.intents = 53'608'447;
    out.lanes_max = 16;
    return out;
  }

  void carry_out(const session_action& action) {
    using enum session_action::kind;
    switch (action.what) {
      case send:
        check(valid_object(action.frame), "our frames are valid JSON");
        break;
      case identify:
        check(action.identify.lane.id < action.identify.lane.count && action.identify.lane.count <= 16,
              "an IDENTIFY within the lanes");
        check(action.identify.presence.empty() || valid_object(action.identify.presence), "a whole presence");
        check(action.identify.large_threshold >= 50 && action.identify.large_threshold <= 250, "a threshold");
        check(session_.authenticated(), "with the token");
        break;
      case resume:
      case acknowledge:
        check(session_.authenticated(), "with the token");
        break;
      case command:
        check(session_.authenticated(), "only a bot that identified commands");
        route(action);
        break;
      case close:
        check(action.code >= 4001 && action.code <= 4014, "closed with a code of Discord's");
        closed_ = true;
        break;
    }
  }

  void route(const session_action& action) {
    std::string rate_limited;
    const auto done = router_.route(action.op, action.d, {7, {1, 3}, 53'608'447}, rate_limited);
    check(done || !done.error().text().contains(token), "no token in an error");
    check(rate_limited.empty() || valid_object(rate_limited), "RATE_LIMITED is valid JSON");
  }

  base::secret token_{std::string(token)};
  base::instant now_{std::chrono::hours(1)};
  downstream::client_frame_reader reader_;
  fleet fleet_;
  flow::reply_table replies_{4};
  downstream::session session_;
  downstream::command_router router_;
  bool closed_ = false;
};

}  // namespace

void run(std::string_view bytes) {
  input in(bytes);
  bot one;
  using enum session_input::kind;
  one.feed({open, {}});
  while (!in.empty()) {
    switch (in.byte() % 8) {
      case 0:
        one.wait(base::milliseconds(in.number(2)));
        one.feed({tick, {}});
        break;
      case 1:
        one.feed({started, {}});
        break;
      case 2:
        one.feed({invalidated, {}});
        break;
      case 3:
        one.feed({ask, {}});
        break;
      case 4:
        one.feed({ask, {}, downstream::ask_need::closely});
        break;
      case 5:
        one.fill((in.byte() & 1) != 0);
        break;
      default:
        one.feed({message, in.text()});
        break;
    }
  }
}

}  // namespace evergate::fuzz
