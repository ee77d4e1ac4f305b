#include "upstream/session.h"

#include <gtest/gtest.h>

#include "session_script.h"

namespace evergate::upstream {
namespace {

using namespace std::chrono_literals;
using enum session_state;

TEST(Session, IdentifiesInItsTurnWithEveryField) {
  auto o = session_script::options();
  o.identify.presence = R"({"status":"idle"})";  // what it lacks is filled in
  session_script s(std::nullopt, o);
  s.feed(input::start{});
  EXPECT_TRUE(s.has<action::request_turn>());
  EXPECT_EQ(s.state(), queued);
  s.feed(input::turn{s.now});
  ASSERT_TRUE(s.has<action::connect>());
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::main);
  s.feed(input::opened{}).hello();
  EXPECT_TRUE(s.has<action::identify_sent>());
  EXPECT_TRUE(s.find<action::send>()->secret);
  EXPECT_EQ(
      s.last_sent(),
      R"({"op":2,"d":{"token":"secret-token","properties":{"os":"linux","browser":"evergate","device":"evergate"},)"
      R"("large_threshold":250,"shard":[3,8],"intents":513,"presence":{"since":null,"activities":[],"status":"idle","afk":false}}})");
  s.ready();
  EXPECT_EQ(s.state(), live);
  ASSERT_TRUE(s.has<action::session_changed>());
  EXPECT_EQ(s.find<action::session_changed>()->record.session_id, "new-session");
  EXPECT_EQ(s.find<action::session_changed>()->record.resume_url, "wss://resume.test");
  EXPECT_EQ(s.find<action::session_changed>()->record.seq, 1);
  EXPECT_EQ(s.accepted, 1);
  EXPECT_TRUE(s.gaps.empty());
}

TEST(Session, TheIdentifyWaitsForItsInstant) {
  session_script s;
  s.feed(input::start{}).feed(input::turn{s.now + 3s}).feed(input::opened{}).hello();
  EXPECT_EQ(s.state(), turning);
  EXPECT_TRUE(s.sent.empty());
  const auto start = s.now;
  s.fire(timer_kind::send);
  EXPECT_EQ(s.now - start, 3s);
  EXPECT_EQ(s.state(), identifying);
  EXPECT_TRUE(s.has<action::identify_sent>());
}

TEST(Session, ATurnThatWasSleptThroughIsNotUsed) {
  session_script s;
  s.feed(input::start{}).feed(input::turn{s.now}).feed(input::opened{});
  s.now += 60s;  // its bucket is another's by now
  s.hello();
  EXPECT_TRUE(s.sent.empty());
  EXPECT_TRUE(s.has<action::cancel_turn>());
  s.fire(timer_kind::reconnect);
  EXPECT_TRUE(s.has<action::request_turn>());
}

TEST(Session, AStoredSessionResumesOnItsOwnUrlWithoutATurn) {
  session_script s(session_script::stored(77));
  s.feed(input::start{});
  EXPECT_FALSE(s.has<action::request_turn>());
  ASSERT_TRUE(s.has<action::connect>());
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::resume);
  EXPECT_EQ(s.find<action::connect>()->resume_url, "wss://resume.test");
  s.feed(input::opened{}).hello();
  EXPECT_EQ(s.last_sent(), R"({"op":6,"d":{"token":"secret-token","session_id":"old-session","seq":77}})");
  s.event(78).event(79).payload(0, "{}", 80, "RESUMED");
  EXPECT_EQ(s.state(), live);
  EXPECT_TRUE(s.find<action::live>()->resumed);
  EXPECT_EQ(s.accepted, 3);
  EXPECT_EQ(s.machine.counters().identifies, 0U);
}

TEST(Session, AStoredSessionWithoutUrlResumesOnTheMainOne) {
  session_script s(session_script::stored(77, ""));
  s.feed(input::start{});
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::main);
}

TEST(Session, HeartbeatAndResumeCarryTheCommittedSequence) {
  session_script s;
  s.go_live();
  s.event(2).event(3).commit(2);
  s.fire(timer_kind::heartbeat);
  EXPECT_EQ(s.last_sent(), R"({"op":1,"d":2})");
  s.closed(1006).fire(timer_kind::reconnect).feed(input::opened{}).hello();
  EXPECT_NE(s.last_sent().find(R"("seq":2})"), std::string::npos);
}

TEST(Session, BeforeAnythingIsCommittedTheHeartbeatCarriesNull) {
  session_script s;
  s.feed(input::start{}).feed(input::turn{s.now}).feed(input::opened{}).hello();
  s.fire(timer_kind::heartbeat);
  EXPECT_EQ(s.last_sent(), R"({"op":1,"d":null})");
}

TEST(Session, ResumeWaitsUntilTheReadyIsCommitted) {
  session_script s;
  s.feed(input::start{}).feed(input::turn{s.now}).feed(input::opened{}).hello().ready();
  s.closed(4000).fire(timer_kind::reconnect).feed(input::opened{}).hello();
  EXPECT_EQ(s.state(), resuming);
  EXPECT_EQ(s.sent.size(), 1U);  // the IDENTIFY only
  s.fire(timer_kind::deadline);
  EXPECT_EQ(s.state(), resuming);  // our own store is late, not Discord
  s.commit(1);
  EXPECT_NE(s.last_sent().find(R"("op":6)"), std::string::npos);
}

TEST(Session, AnswersADemandedHeartbeatAtOnce) {
  session_script s;
  s.go_live();
  s.payload(1, "null");
  EXPECT_EQ(s.last_sent(), R"({"op":1,"d":1})");
}

TEST(Session, AProbeIsProvedByItsOwnAcknowledgement) {
  session_script s;
  s.go_live();
  s.fire(timer_kind::heartbeat);  // a beat of its own, not yet answered
  s.now += std::chrono::milliseconds(5);
  const auto sent = s.now;
  s.feed(input::probe{});
  EXPECT_EQ(s.last_sent(), R"({"op":1,"d":1})");
  const auto frames = s.sent.size();
  s.feed(input::probe{});  // one at a time
  EXPECT_EQ(s.sent.size(), frames);
  s.payload(11, "");
  EXPECT_FALSE(s.has<action::proof>());  // answers the beat before
  s.now += std::chrono::milliseconds(5);
  s.payload(11, "");
  ASSERT_TRUE(s.has<action::proof>());
  EXPECT_EQ(s.find<action::proof>()->sent, sent);
  s.payload(11, "");
  EXPECT_FALSE(s.has<action::proof>());
}

TEST(Session, NothingIsProvedBeforeTheReplayIsOver) {
  session_script s(session_script::stored(5));
  s.go_resuming();
  const auto frames = s.sent.size();
  s.feed(input::probe{});
  EXPECT_EQ(s.sent.size(), frames);
  s.payload(0, "{}", 6, "RESUMED").commit(6);
  s.feed(input::probe{});
  EXPECT_EQ(s.sent.size(), frames + 1);
  // The connection ends: the answer of another one proves nothing.
  s.closed(1006).fire(timer_kind::reconnect).feed(input::opened{}).hello();
  s.payload(11, "");
  EXPECT_FALSE(s.has<action::proof>());
}

TEST(Session, AMissedAckIsClosedWith4000AndResumed) {
  session_script s;
  s.go_live();
  s.fire(timer_kind::heartbeat).fire(timer_kind::heartbeat).fire(timer_kind::heartbeat);
  ASSERT_TRUE(s.has<action::close>());
  EXPECT_EQ(s.find<action::close>()->code, 4000);
  EXPECT_EQ(s.machine.counters().zombies, 1U);
  s.fire(timer_kind::reconnect);
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::resume);
  // The verdict does not follow onto the new connection.
  s.feed(input::opened{}).hello();
  s.fire(timer_kind::heartbeat);
  EXPECT_FALSE(s.has<action::close>());
}

TEST(Session, AcknowledgedBeatsGoOn) {
  session_script s;
  s.go_live();
  for (int i = 0; i < 50; ++i) {
    s.fire(timer_kind::heartbeat);
    EXPECT_FALSE(s.has<action::close>());
    s.now += 40ms;
    s.payload(11, "");
  }
  EXPECT_EQ(s.machine.latency(), 40ms);
}

TEST(Session, NoVerdictWhileOurOwnReadingIsPaused) {
  session_script s;
  s.go_live();
  s.fire(timer_kind::heartbeat);
  s.feed(input::reading{true});
  for (int i = 0; i < 5; ++i) {
    s.fire(timer_kind::heartbeat);
    EXPECT_FALSE(s.has<action::close>());
  }
  s.feed(input::reading{false}).payload(11, "");
  EXPECT_EQ(s.state(), live);
}

TEST(Session, DeadlinesWaitWhileReadingIsPaused) {
  session_script s(session_script::stored(5));
  s.feed(input::start{}).feed(input::reading{true}).feed(input::opened{});
  s.fire(timer_kind::deadline).fire(timer_kind::deadline);
  EXPECT_EQ(s.state(), greeting);
  s.feed(input::reading{false}).fire(timer_kind::deadline);
  EXPECT_EQ(s.state(), pausing);
}

TEST(Session, ReconnectRequestResumesWithoutIdentify) {
  session_script s;
  s.go_live();
  s.payload(7, "null");
  EXPECT_EQ(s.find<action::close>()->code, 4000);
  const auto before = s.now;
  s.fire(timer_kind::reconnect);
  EXPECT_LE(s.now - before, 500ms);
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::resume);
  EXPECT_TRUE(s.gaps.empty());
}

TEST(Session, ReconnectRequestInsteadOfHelloKeepsTheSession) {
  session_script s(session_script::stored(9));
  s.feed(input::start{}).feed(input::opened{}).payload(7, "null");
  EXPECT_TRUE(s.has<action::close>());
  for (int i = 0; i < 20; ++i) s.fire(timer_kind::reconnect).feed(input::opened{}).payload(7, "null");
  EXPECT_TRUE(s.machine.has_session());
  EXPECT_TRUE(s.gaps.empty());
}

TEST(Session, ReconnectRequestInsteadOfHelloWithoutSessionGivesTheTurnBack) {
  session_script s;
  s.feed(input::start{}).feed(input::turn{s.now}).feed(input::opened{}).payload(7, "null");
  EXPECT_TRUE(s.has<action::cancel_turn>());
  s.fire(timer_kind::reconnect);
  EXPECT_TRUE(s.has<action::request_turn>());
}

TEST(Session, Op9AfterIdentifyRequeuesAndCounts) {
  for (const auto* d : {"false", "true"}) {
    session_script s;
    s.feed(input::start{}).feed(input::turn{s.now}).feed(input::opened{}).hello().payload(9, d);
    EXPECT_TRUE(s.has<action::identify_refused>());
    EXPECT_TRUE(s.has<action::close>());
    const auto before = s.now;
    s.fire(timer_kind::reconnect);
    EXPECT_GE(s.now - before, 1s);
    EXPECT_LE(s.now - before, 5s);
    EXPECT_TRUE(s.has<action::request_turn>());
    EXPECT_TRUE(s.gaps.empty());
    EXPECT_EQ(s.machine.counters().identifies_refused, 1U);
  }
}

TEST(Session, Op9FalseAfterResumeIsAGapBeforeTheNewSession) {
  session_script s(session_script::stored(77));
  s.go_resuming().payload(9, "false");
  ASSERT_EQ(s.gaps.size(), 1U);
  EXPECT_EQ(s.gaps[0].session_id, "old-session");
  EXPECT_EQ(s.gaps[0].last_seq, 77);
  EXPECT_EQ(s.gaps[0].cause, "invalid_session");
  EXPECT_EQ(s.gaps[0].shard, (proto::shard_key{3, 8}));
  ASSERT_TRUE(s.has<action::session_changed>());
  EXPECT_TRUE(s.find<action::session_changed>()->record.session_id.empty());
  s.fire(timer_kind::reconnect);
  EXPECT_TRUE(s.has<action::request_turn>());
  s.feed(input::turn{s.now});
  EXPECT_EQ(s.find<action::connect>()->kind, url_kind::main);
  s.feed(input::opened{}).hello().ready();
  EXPECT_EQ(s.gaps.size(), 1U);
}

TEST(Session, Op9TrueResumesAfterAPause) {
  for (const bool when_live : {true, false}) {
    session_script s(session_script::stored(77));
    s.go_resuming();
    if (when_live) s.payload(0, "{}", 78, "RESUMED");
    s.payload(9, "true");
    const auto before = s.now;
    s.fire(timer_kind::reconnect);
    EXPECT_GE(s.now - before, 1s);
    EXPECT_EQ(s.find<action::connect>()->kind, url_kind::resume);
    EXPECT_TRUE(s.gaps.empty());
  }
}

TEST(Session, Op9FalseOnALiveSessionIsAGap) {
  session_script s;
  s.go_live();
  s.event(2).payload(9, "false");
  ASSERT_EQ(s.gaps.size(), 1U);
  EXPECT_EQ(s.gaps[0].last_seq, 2);
}

TEST(Session, TheNewSessionWaitsUntilTheLostOnesEventsAreDurable) {
  session_script s;
  s.go_live();
  s.event(2).event(3).payload(9, "false").fire(timer_kind::reconnect);
  EXPECT_EQ(s.state(), settling);
  s.commit(2);
  EXPECT_EQ(s.state(), settling);
  s.commit(3);
  EXPECT_EQ(s.state(), queued);
  s.feed(input::turn{s.now}).feed(input::opened{}).hello();
  s.fire(timer_kind::heartbeat);
  EXPECT_EQ(s.last_sent(), R"({"op":1,"d":null})");  // nothing of the old session's numbers is left
  s.ready();
  s.commit(3);  // an echo of the old session
  EXPECT_TRUE(s.machine.committed().none());
}

TEST(Session, EveryCloseCodeWithALiveSession) {
  struct row {
    int code;
    bool keeps;
    bool fatal;
    base::nanoseconds least;
  };
  const row rows[] = {
      {1000, true, false, 0s}, {1001, true, false, 0s},  {1005, true, false, 0s},  {1006, true, false, 0s},
      {4000, true, false, 0s}, {4001, true, false, 0s},  {4002, true, false, 0s},  {4003, false, false, 0s},
      {4004, true, true, 0s},  {4005, false, false, 0s}, {4006, false, false, 0s}, {4007, false, false, 0s},
      {4008, true, false, 1s}, {4009, true, false, 0s},  {4010, true, true, 0s},   {4011, true, true, 0s},
      {4012, true, true, 0s},  {4013, true, true, 0s},   {4014, true, true, 0s},   {4999, true, false, 0s}};
  for (const auto& r : rows) {
    SCOPED_TRACE(r.code);
    session_script s;
    s.go_live();
    s.closed(r.code);
    EXPECT_EQ(s.machine.has_session(), r.keeps);
    EXPECT_EQ(s.gaps.size(), r.keeps ? 0U : 1U);
    EXPECT_EQ(s.has<action::fatal>(), r.fatal);
    if (r.fatal) {
      EXPECT_EQ(s.state(), failed);
      EXPECT_TRUE(s.timers.empty());
      continue;
    }
    if (!r.keeps) EXPECT_EQ(s.gaps[0].cause, "close " + std::to_string(r.code));
    const auto before = s.now;
    s.fire(timer_kind::reconnect);
    EXPECT_GE(s.now - before, r.least);
    EXPECT_LE(s.now - before, r.least + 1s) << "Discord's replay buffer fills while we wait";
    EXPECT_EQ(s.has<action::connect>(), r.keeps);
    EXPECT_EQ(s.has<action::request_turn>(), !r.keeps);
  }
}

TEST(Session, FatalAlsoBeforeReady) {
  session_script s;
  s.feed(input::start{}).feed(input::turn{s.now}).feed(input::opened{}).hello().closed(4004);
  EXPECT_EQ(s.find<action::fatal>()->code, 4004);
  EXPECT_EQ(s.state(), failed);
}

TEST(Session, TimedOutSessionIsTriedOnceByResume) {
  session_script s;
  s.go_live();
  s.closed(4009);
  EXPECT_TRUE(s.machine.has_session());
  s.fire(timer_kind::reconnect).feed(input::opened{}).hello().closed(4009);
  ASSERT_EQ(s.gaps.size(), 1U);
  EXPECT_EQ(s.gaps[0].cause, "close 4009");
}

TEST(Session, TimedOutAgainLaterIsTriedAgain) {
  session_script s;
  s.go_live();
  s.closed(4009).fire(timer_kind::reconnect).feed(input::opened{}).hello();
  s.payload(0, "{}", 2, "RESUMED").event(3).closed(4009);
  EXPECT_TRUE(s.machine.has_session());
}

}  // namespace
}  // namespace evergate::upstream
