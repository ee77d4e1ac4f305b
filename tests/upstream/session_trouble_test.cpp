// The session machine under failures: lost connections, loops, silence, repeats, bad input.
#include <gtest/gtest.h>

#include "session_script.h"

namespace evergate::upstream {
namespace {

using namespace std::chrono_literals;
using enum session_state;

TEST(SessionTrouble, ThreeResumesOnItsUrlThreeOnTheMainOneThenANewSession) {
  session_script s(session_script::stored(77));
  std::vector<url_kind> urls;
  s.feed(input::start{});
  while (!s.has<action::request_turn>() && urls.size() < 20) {
    ASSERT_TRUE(s.has<action::connect>());
    urls.push_back(s.find<action::connect>()->kind);
    s.feed(input::opened{}).hello().closed(1006).fire(timer_kind::reconnect);
  }
  using enum url_kind;
  EXPECT_EQ(urls, (std::vector<url_kind>{resume, resume, resume, main, main, main}));
  ASSERT_EQ(s.gaps.size(), 1U);
  EXPECT_EQ(s.gaps[0].cause, "resume_failed");
}

TEST(SessionTrouble, AResumeCloseLoopWithoutProgressEnds) {
  session_script s(session_script::stored(77));
  s.feed(input::start{});
  int rounds = 0;
  std::int64_t seq = 77;
  while (s.gaps.empty() && rounds < 50) {
    ++rounds;
    s.feed(input::opened{}).hello().payload(0, "{}", ++seq, "RESUMED");
    s.commit(seq).closed(4000).fire(timer_kind::reconnect);
  }
  EXPECT_EQ(rounds, 6);
}

TEST(SessionTrouble, ResumesThatBringEventsAreProgress) {
  session_script s(session_script::stored(77));
  s.feed(input::start{});
  std::int64_t seq = 77;
  for (int i = 0; i < 30; ++i) {
    s.feed(input::opened{}).hello().event(++seq).commit(seq).payload(0, "{}", ++seq, "RESUMED");
    s.commit(seq).payload(7, "null").fire(timer_kind::reconnect);
  }
  EXPECT_TRUE(s.gaps.empty());
}

TEST(SessionTrouble, AnUnreachableGatewayNeverCostsTheSession) {
  session_script s(session_script::stored(77));
  s.feed(input::start{});
  int main_tries = 0;
  const auto begin = s.now;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(s.has<action::connect>());
    if (s.find<action::connect>()->kind == url_kind::main) ++main_tries;
    s.feed(input::closed{1006, false});
    s.fire(timer_kind::reconnect);
  }
  EXPECT_TRUE(s.gaps.empty());
  EXPECT_EQ(main_tries, 49);            // three and three in turn
  EXPECT_GT(s.now - begin, 100 * 20s);  // backed off
}

TEST(SessionTrouble, HelloReadyAndResumedHaveDeadlines) {
  session_script hello(session_script::stored(1));
  hello.feed(input::start{}).feed(input::opened{}).fire(timer_kind::deadline);
  EXPECT_EQ(hello.find<action::close>()->code, 4000);

  session_script ready;
  ready.feed(input::start{}).feed(input::turn{ready.now}).feed(input::opened{}).hello();
  ready.fire(timer_kind::deadline);
  EXPECT_TRUE(ready.has<action::close>());
  ready.fire(timer_kind::reconnect);
  EXPECT_TRUE(ready.has<action::request_turn>());

  session_script resumed(session_script::stored(1));
  resumed.go_resuming().fire(timer_kind::deadline);
  EXPECT_TRUE(resumed.has<action::close>());
  EXPECT_TRUE(resumed.machine.has_session());
}

TEST(SessionTrouble, ALongReplayDoesNotRunIntoTheDeadline) {
  session_script s(session_script::stored(1));
  s.go_resuming();
  for (int i = 2; i < 20; ++i) {
    s.now += 30s;
    s.event(i);
    if (s.timers.at(timer_kind::deadline) <= s.now) s.fire(timer_kind::deadline);
    EXPECT_EQ(s.state(), resuming);
  }
}

TEST(SessionTrouble, AcknowledgedHeartbeatsDoNotKeepAReplayThatNeverEndsAlive) {
  session_script s(session_script::stored(1));
  s.go_resuming();
  for (int i = 0; i < 10 && s.state() == resuming; ++i) {
    s.payload(11, "");
    const bool beat_first = s.timers.at(timer_kind::heartbeat) < s.timers.at(timer_kind::deadline);
    s.fire(beat_first ? timer_kind::heartbeat : timer_kind::deadline);
  }
  EXPECT_EQ(s.state(), pausing);
  EXPECT_TRUE(s.machine.has_session());
}

TEST(SessionTrouble, AHostThatStaysSilentIsLeftAtOnceAndTheOtherOneKept) {
  session_script s(session_script::stored(77));
  s.feed(input::start{});
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::resume);
  s.feed(input::opened{}).fire(timer_kind::deadline).fire(timer_kind::reconnect);
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::main);
  s.feed(input::opened{}).hello().payload(0, "{}", 78, "RESUMED").event(79).commit(79);
  s.closed(1006).fire(timer_kind::reconnect);
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::main);
  s.now += 10s;
  s.feed(input::closed{1006, false}).fire(timer_kind::reconnect);
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::resume);
  EXPECT_TRUE(s.gaps.empty());
}

TEST(SessionTrouble, ANewSessionIsResumedOnItsOwnUrlWhateverServedTheOneBefore) {
  session_script s(session_script::stored(77));
  s.feed(input::start{}).feed(input::opened{}).fire(timer_kind::deadline).fire(timer_kind::reconnect);
  ASSERT_EQ(s.find<action::connect>()->kind, url_kind::main);
  s.feed(input::opened{}).hello().payload(9, "false").fire(timer_kind::reconnect);
  s.feed(input::turn{s.now}).feed(input::opened{}).hello().ready().event(2).commit(2);
  s.closed(1006).fire(timer_kind::reconnect);
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::resume);
}

TEST(SessionTrouble, RefusedIdentifiesAreAskedEverMoreRarely) {
  session_script s;
  s.feed(input::start{});
  base::nanoseconds pause{};
  for (int i = 0; i < 12; ++i) {
    s.feed(input::turn{s.now}).feed(input::opened{}).hello().payload(9, "false");
    EXPECT_TRUE(s.has<action::identify_refused>());
    const auto from = s.now;
    s.fire(timer_kind::reconnect);
    EXPECT_TRUE(s.has<action::request_turn>());
    pause = s.now - from;
    EXPECT_GE(pause, 1s);
  }
  EXPECT_GE(pause, 30s);
  EXPECT_TRUE(s.gaps.empty());
}

TEST(SessionTrouble, TheVerdictWaitsForWhatTheSocketHolds) {
  session_script s;
  s.go_live().fire(timer_kind::heartbeat).fire(timer_kind::heartbeat);
  s.now = s.timers.at(timer_kind::heartbeat);
  s.feed(input::timer{timer_kind::heartbeat, true});
  EXPECT_EQ(s.state(), live);
  s.payload(11, "");
  s.fire(timer_kind::heartbeat);
  EXPECT_EQ(s.state(), live);
  EXPECT_EQ(s.machine.counters().zombies, 0U);
}

TEST(SessionTrouble, AnUnansweredBeatDoesNotReachTheNextConnection) {
  session_script s;
  s.go_live().fire(timer_kind::heartbeat);
  s.closed(1006).fire(timer_kind::reconnect).feed(input::opened{}).hello();
  s.payload(0, "{}", 2, "RESUMED").commit(2).fire(timer_kind::heartbeat);
  EXPECT_EQ(s.state(), live);
  s.payload(11, "").fire(timer_kind::heartbeat);
  EXPECT_EQ(s.state(), live);
  EXPECT_EQ(s.machine.counters().zombies, 0U);
}

TEST(SessionTrouble, RepeatsAreDroppedAndJumpsCounted) {
  session_script s;
  s.go_live();
  s.event(2).event(3).event(3).event(2).event(7).event(8);
  EXPECT_EQ(s.accepted, 5);
  EXPECT_EQ(s.machine.counters().repeats, 2U);
  EXPECT_EQ(s.machine.counters().jumps, 1U);
  EXPECT_EQ(s.machine.received(), 8);
}

TEST(SessionTrouble, ReplayOfWhatWasReceivedButNotCommittedIsDropped) {
  session_script s;
  s.go_live();
  s.event(2).event(3).event(4).commit(2);
  s.closed(1006).fire(timer_kind::reconnect).feed(input::opened{}).hello();
  EXPECT_NE(s.last_sent().find(R"("seq":2})"), std::string::npos);
  s.event(3).event(4).event(5).payload(0, "{}", 6, "RESUMED");
  EXPECT_EQ(s.accepted, 1 + 3 + 2);
  EXPECT_EQ(s.machine.counters().repeats, 2U);
}

TEST(SessionTrouble, BrokenPayloadsCloseAndResumeAndAPoisonedReplayEnds) {
  session_script s;
  s.go_live();
  s.feed(input::broken{});
  EXPECT_EQ(s.find<action::close>()->code, 4000);
  s.fire(timer_kind::reconnect);
  int rounds = 0;
  while (s.gaps.empty() && ++rounds < 50) {
    s.feed(input::opened{}).hello().feed(input::broken{}).fire(timer_kind::reconnect);
  }
  EXPECT_EQ(rounds, 6);
}

TEST(SessionTrouble, BadHellosAndReadysAreRefused) {
  for (const auto* d :
       {"", "{}", R"({"heartbeat_interval":0})", R"({"heartbeat_interval":-5})",
        R"({"heartbeat_interval":"x"})", R"({"heartbeat_interval":99999999999})", "[]", "null"}) {
    session_script s(session_script::stored(4));
    s.feed(input::start{}).feed(input::opened{}).payload(10, d);
    EXPECT_TRUE(s.has<action::close>()) << d;
    EXPECT_TRUE(s.machine.has_session()) << d;
  }
  for (const auto* d : {"", "{}", R"({"session_id":""})", R"({"session_id":5})", "[]", "null"}) {
    session_script s;
    s.feed(input::start{}).feed(input::turn{s.now}).feed(input::opened{}).hello().payload(0, d, 1, "READY");
    EXPECT_TRUE(s.has<action::close>()) << d;
    EXPECT_FALSE(s.machine.has_session()) << d;
    EXPECT_EQ(s.accepted, 0) << d;
  }
  session_script s;
  s.feed(input::start{}).feed(input::turn{s.now}).feed(input::opened{}).hello();
  s.payload(0, R"({"session_id":")" + std::string(300, 'x') + R"("})", 1, "READY");
  EXPECT_TRUE(s.has<action::close>());
}

TEST(SessionTrouble, PayloadsOutOfPlaceAreIgnoredOrEndTheConnection) {
  session_script s;
  s.feed(input::start{}).feed(input::turn{s.now}).feed(input::opened{});
  s.event(1).payload(11, "").payload(1, "null").payload(99, "{}");
  EXPECT_EQ(s.accepted, 0);
  EXPECT_TRUE(s.sent.empty());
  s.hello().hello().event(5);
  EXPECT_EQ(s.accepted, 0);
  s.ready().ready(9);  // a second READY
  EXPECT_TRUE(s.has<action::close>());
  EXPECT_TRUE(s.machine.has_session());
}

TEST(SessionTrouble, ASequencePastTheJournalsRangeEndsTheConnection) {
  session_script s;
  s.go_live();
  s.event(std::int64_t{1} << 40);
  EXPECT_TRUE(s.has<action::close>());
  EXPECT_EQ(s.accepted, 1);
}

TEST(SessionTrouble, AFloodOfDemandedHeartbeatsStaysInTheWindow) {
  session_script s;
  s.go_live();
  for (int i = 0; i < 1'000; ++i) s.payload(1, "null");
  EXPECT_LE(s.sent.size(), 120U);
}

TEST(SessionTrouble, StaleInputsDoNothing) {
  session_script s;
  s.go_live();
  const auto states = s.state();
  s.feed(input::opened{}).feed(input::timer{timer_kind::reconnect}).feed(input::timer{timer_kind::deadline});
  s.feed(input::start{}).feed(input::timer{timer_kind::heartbeat});
  EXPECT_EQ(s.state(), states);
  EXPECT_TRUE(s.actions.empty());
  s.feed(input::turn{s.now});
  EXPECT_TRUE(s.has<action::cancel_turn>());
  s.commit(50);  // more than was received: not this session's
  EXPECT_EQ(s.machine.committed().value(), 1);
}

TEST(SessionTrouble, CommandsWaitForTheLiveSessionAndSurviveReconnects) {
  session_script s;
  s.feed(input::start{});
  s.feed(input::command{8, R"({"op":8,"d":{}})"});
  s.feed(input::turn{s.now}).feed(input::opened{}).hello();
  EXPECT_EQ(s.sent.size(), 1U);
  s.ready();
  EXPECT_EQ(s.last_sent(), R"({"op":8,"d":{}})");
  s.commit(1).closed(1006);
  s.feed(input::command{4, R"({"op":4,"d":{}})"});
  s.fire(timer_kind::reconnect).feed(input::opened{}).hello();
  s.payload(0, "{}", 2, "RESUMED");
  EXPECT_EQ(s.last_sent(), R"({"op":4,"d":{}})");
}

TEST(SessionTrouble, ThePresenceIsRememberedForTheNextIdentify) {
  session_script s;
  s.go_live();
  s.feed(input::command{3, R"({"op":3,"d":{"status":"dnd"}})"});
  EXPECT_EQ(s.last_sent(), R"({"op":3,"d":{"status":"dnd"}})");
  s.payload(9, "false").fire(timer_kind::reconnect).feed(input::turn{s.now}).feed(input::opened{}).hello();
  EXPECT_NE(s.last_sent().find(R"("status":"dnd")"), std::string::npos);
}

TEST(SessionTrouble, APresenceThatWaitedDoesNotFollowANewerOneInTheIdentify) {
  session_script s;
  s.go_live();
  for (int i = 0; i < 6; ++i)
    s.feed(input::command{3, R"({"op":3,"d":{"status":"dnd"}})"});  // the last one waits
  s.payload(9, "false");
  s.feed(input::command{3, R"({"op":3,"d":{"status":"online"}})"});
  s.fire(timer_kind::reconnect).feed(input::turn{s.now}).feed(input::opened{}).hello();
  EXPECT_NE(s.last_sent().find(R"("status":"online")"), std::string::npos);
  const auto frames = s.sent.size();
  s.ready().commit(1);
  EXPECT_EQ(s.sent.size(), frames);
}

// Else each try would spend one more of the day's session starts.
TEST(SessionTrouble, APresenceThatAnIdentifyIsClosedForIsNotSentAgain) {
  for (const int code : {4001, 4002}) {
    session_script s;
    s.go_live();
    s.feed(input::command{3, R"({"op":3,"d":{"status":"dnd"}})"});
    const auto begin_anew = [&s] {
      s.fire(timer_kind::reconnect).feed(input::turn{s.now}).feed(input::opened{}).hello();
    };
    s.payload(9, "false");
    begin_anew();
    s.closed(code);
    EXPECT_TRUE(s.has<action::note>());
    begin_anew();
    EXPECT_EQ(s.last_sent().find("presence"), std::string::npos) << code;
    s.closed(1006);
    s.feed(input::command{3, R"({"op":3,"d":{"status":"idle"}})"});
    begin_anew();
    EXPECT_NE(s.last_sent().find(R"("status":"idle")"), std::string::npos) << code;
  }
}

TEST(SessionTrouble, ACommandWaitsForTheWindow) {
  session_script s;
  s.go_live();
  for (int i = 0; i < 200; ++i) s.feed(input::command{8, R"({"op":8})"});
  EXPECT_EQ(s.sent.size(), 116U);  // with the IDENTIFY
  s.now += 1s;
  s.fire(timer_kind::send);
  EXPECT_GT(s.sent.size(), 117U);
}

TEST(SessionTrouble, StopDropsAndLogOffCloses) {
  session_script keep;
  keep.go_live();
  keep.feed(input::stop{false});
  EXPECT_TRUE(keep.has<action::drop>());
  EXPECT_FALSE(keep.has<action::close>());
  EXPECT_FALSE(keep.has<action::session_changed>());
  EXPECT_EQ(keep.state(), offline);
  EXPECT_TRUE(keep.timers.empty());

  session_script off;
  off.go_live();
  off.feed(input::stop{true});
  EXPECT_EQ(off.find<action::close>()->code, 1000);
  EXPECT_TRUE(off.find<action::session_changed>()->record.session_id.empty());

  session_script waiting;
  waiting.feed(input::start{}).feed(input::stop{false});
  EXPECT_TRUE(waiting.has<action::cancel_turn>());
  session_script connecting(session_script::stored(1));
  connecting.feed(input::start{}).feed(input::stop{false});
  EXPECT_TRUE(connecting.has<action::drop>());
}

// Property: whatever comes, no close code but 4000 is ever sent, the token is only in secret frames, accepted
// sequences ascend within a session, and a session is lost only together with a GAP.
TEST(SessionTrouble, RandomInputsKeepTheRules) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    session_script s(seed % 2 == 0 ? std::optional(session_script::stored(10)) : std::nullopt);
    base::rng dice(seed);
    s.feed(input::start{});
    std::int64_t seq = 10;
    std::int64_t last_accepted = -1;
    for (int i = 0; i < 400; ++i) {
      const bool had = s.machine.has_session();
      const auto gaps = s.gaps.size();
      s.now += std::chrono::milliseconds(dice.below(3'000));
      switch (dice.below(14)) {
        case 0:
          s.feed(input::opened{});
          break;
        case 1:
          s.closed(static_cast<int>(4000 + dice.below(10)));
          break;
        case 2:
          s.feed(input::closed{1006, false});
          break;
        case 3:
          s.hello(static_cast<int>(dice.below(50'000)));
          break;
        case 4:
          s.ready(1);
          seq = 1;
          break;
        case 5:
          s.payload(0, "{}", ++seq, "RESUMED");
          break;
        case 6:
          s.event(static_cast<std::int64_t>(dice.below(static_cast<std::uint64_t>(seq) + 3)));
          break;
        case 7:
          s.event(++seq);
          break;
        case 8:
          s.payload(static_cast<int>(dice.below(12)), dice.chance(0.5) ? "true" : "false");
          break;
        case 9:
          s.feed(input::broken{});
          break;
        case 10:
          s.feed(input::turn{s.now});
          break;
        case 11:
          s.commit(std::max<std::int64_t>(0, s.machine.received()));
          break;
        case 12:
          s.feed(input::reading{dice.chance(0.5)});
          break;
        default:
          if (!s.timers.empty()) s.fire(s.timers.begin()->first);
      }
      if (!had) last_accepted = -1;
      for (const auto& a : s.actions) {
        if (const auto* c = std::get_if<action::close>(&a)) EXPECT_EQ(c->code, 4000);
        if (const auto* f = std::get_if<action::send>(&a)) {
          EXPECT_EQ(f->frame.find("secret-token") != std::string::npos, f->secret);
        }
        if (const auto* r = std::get_if<action::accept>(&a)) {
          if (r->seq < 0) continue;  // a dispatch without a number
          EXPECT_GT(r->seq, last_accepted);
          last_accepted = r->seq;
        }
      }
      if (had && !s.machine.has_session()) EXPECT_EQ(s.gaps.size(), gaps + 1);
      if (s.state() == failed) break;
    }
  }
}

}  // namespace
}  // namespace evergate::upstream
