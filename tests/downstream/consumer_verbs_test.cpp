#include <gtest/gtest.h>

#include <algorithm>

#include "downstream/consumer.h"
#include "gateway_fixture.h"

namespace evergate::downstream {
namespace {

using namespace std::chrono_literals;
using kind = consumer_order::kind;
using drained = consumer::drained;
using testing::GatewayTest;

class ConsumerVerbsTest : public ::testing::Test {
 protected:
  void identify(holder_id by, proto::shard_key lane = {0, 1}) {
    flow::downstream_record who;
    who.id = "s" + std::to_string(by);
    who.lane = lane;
    body_.identify(by, who, {}, flow::offset{100}, now_, orders_);
    body_.report(by, {.cursor = flow::offset{100}, .position = flow::offset{100}, .began = true});
  }
  void in_flight(holder_id by, std::uint64_t cursor, std::uint64_t position) {
    const auto open = static_cast<std::uint32_t>(position - cursor);
    body_.report(by, {.cursor = flow::offset{cursor},
                      .position = flow::offset{position},
                      .sent_seq = open,
                      .unacknowledged = open,
                      .began = true});
  }
  /// What was ordered since the last call, as (order, connection).
  std::vector<std::pair<kind, holder_id>> ordered() {
    std::vector<std::pair<kind, holder_id>> out;
    for (const auto& one : std::exchange(orders_, {})) out.emplace_back(one.what, one.to);
    return out;
  }
  using list = std::vector<std::pair<kind, holder_id>>;

  static policy_ptr by(const decide::desk& desk) {
    consumer_policy out;
    out.decisions = &desk;
    return std::make_shared<const consumer_policy>(out);
  }

  base::instant now_{1000s};
  decide::desk desk_;
  consumer body_{"main", {}, by(desk_)};
  consumer_orders orders_;
};

TEST_F(ConsumerVerbsTest, ADrainIsThroughWhenItsBotsAreSilentAndHaveEverything) {
  identify(1, {0, 2});
  identify(2, {1, 2});
  in_flight(1, 100, 110);
  ordered();
  body_.drain(now_, now_ + 10s, now_ + 60s, orders_);
  EXPECT_EQ(ordered(), (list{{kind::hold, 1}, {kind::hold, 2}}));
  EXPECT_EQ(body_.drain_state(now_)[1].state, drained::waiting) << "the order has not reached it yet";
  body_.holding(1);
  body_.holding(2);
  EXPECT_EQ(body_.drain_state(now_)[0].state, drained::waiting);
  EXPECT_EQ(body_.drain_state(now_)[0].unacknowledged, 10u);
  EXPECT_EQ(body_.drain_state(now_)[1].state, drained::all);
  in_flight(1, 110, 110);
  EXPECT_EQ(body_.drain_state(now_)[0].state, drained::all);
}

TEST_F(ConsumerVerbsTest, TheNextBotEndsAHold) {
  identify(1);
  body_.drain(now_, now_ + 10s, now_ + 60s, orders_);
  body_.holding(1);
  body_.left(1, true, flow::offset{100}, now_, orders_);
  EXPECT_EQ(body_.drain_state(now_)[0].state, drained::no_bot);
  ordered();
  identify(2);
  EXPECT_EQ(body_.drain_state(now_)[0].state, drained::released);
  ASSERT_EQ(orders_.size(), 1u);
  EXPECT_FALSE(orders_[0].grant->held);
}

TEST_F(ConsumerVerbsTest, ABotThatResumesDuringADrainIsHeldAgain) {
  identify(1);
  body_.drain(now_, now_ + 10s, now_ + 60s, orders_);
  body_.left(1, false, flow::offset{100}, now_, orders_);
  ordered();
  auto grant = body_.resume(2, "s1", 0, orders_);
  ASSERT_NE(grant, nullptr);
  EXPECT_TRUE(grant->held);
  EXPECT_EQ(ordered(), (list{{kind::hold, 2}}));
  body_.left(2, false, flow::offset{100}, now_, orders_);
  body_.tick(now_ + 10s, orders_);
  grant = body_.resume(3, "s1", 0, orders_);
  EXPECT_FALSE(grant->held) << "the drain is over: its bot has come back";
}

// discord.js that is late closes with 4200 and resumes: stopped before that, it had not acknowledged the
// rest.
TEST_F(ConsumerVerbsTest, ADrainWaitsForABotWhoseConnectionBroke) {
  identify(1);
  in_flight(1, 100, 101);
  body_.drain(now_, now_ + 60s, now_ + 600s, orders_);
  body_.holding(1);
  body_.left(1, false, flow::offset{101}, now_, orders_);
  EXPECT_EQ(body_.drain_state(now_)[0].state, drained::waiting);
  EXPECT_EQ(body_.drain_state(now_ + 15s)[0].state, drained::no_bot) << "it has not come back";
  const auto grant = body_.resume(2, "s1", 0, orders_);
  ASSERT_NE(grant, nullptr);
  EXPECT_TRUE(grant->held);
  EXPECT_EQ(body_.drain_state(now_)[0].state, drained::waiting);
  in_flight(2, 101, 101);
  body_.holding(2);
  EXPECT_EQ(body_.drain_state(now_)[0].state, drained::all);
}

TEST_F(ConsumerVerbsTest, ADrainHoldsWhoBrokeOffJustBefore) {
  identify(1);
  in_flight(1, 100, 101);
  body_.left(1, false, flow::offset{101}, now_, orders_);
  body_.drain(now_ + 1s, now_ + 60s, now_ + 600s, orders_);
  EXPECT_EQ(body_.drain_state(now_ + 1s)[0].state, drained::waiting);
  const auto grant = body_.resume(2, "s1", 0, orders_);
  ASSERT_NE(grant, nullptr);
  EXPECT_TRUE(grant->held);
}

TEST_F(ConsumerVerbsTest, AHoldEndsByItself) {
  identify(1);
  body_.drain(now_, now_ + 10s, now_ + 60s, orders_);
  ordered();
  body_.tick(now_ + 59s, orders_);
  EXPECT_TRUE(ordered().empty());
  body_.tick(now_ + 60s, orders_);
  EXPECT_EQ(ordered(), (list{{kind::go_on, 1}}));
  EXPECT_FALSE(body_.status()[0].held);
}

TEST_F(ConsumerVerbsTest, APauseIsRememberedAndHoldsWhoComes) {
  identify(1);
  ordered();
  body_.pause(orders_);
  EXPECT_EQ(ordered(), (list{{kind::hold, 1}}));
  flow::consumer_change stored;
  body_.take_changes(stored);
  ASSERT_EQ(stored.consumers.size(), 1u);
  EXPECT_TRUE(stored.consumers[0].paused);

  consumer again(stored.consumers[0], {});
  again.restore(stored.sessions[0], now_);
  const auto grant = again.resume(2, "s1", 0, orders_);
  ASSERT_NE(grant, nullptr);
  EXPECT_TRUE(grant->held);
  ordered();
  again.go_on(orders_);
  EXPECT_EQ(ordered(), (list{{kind::go_on, 2}}));
  EXPECT_FALSE(again.record().paused);
}

TEST_F(ConsumerVerbsTest, APauseOutlastsTheHoldOfADrain) {
  identify(1);
  body_.pause(orders_);
  body_.drain(now_, now_ + 10s, now_ + 60s, orders_);
  ordered();
  body_.tick(now_ + 60s, orders_);
  EXPECT_TRUE(ordered().empty());
}

TEST_F(ConsumerVerbsTest, ADroppedClassMovesWhatIsNeededAndEndsCountableSessions) {
  identify(1);
  in_flight(1, 100, 110);
  ordered();
  flow::consumer_change before;
  body_.take_changes(before);
  ASSERT_TRUE(before.sessions.at(0).resumable);
  body_.drop_class(proto::event_class::ephemeral, flow::offset{150}, 7, orders_);
  ASSERT_EQ(orders_.size(), 1u);
  EXPECT_EQ(orders_[0].what, kind::drop_class);
  EXPECT_EQ(orders_[0].dropped, proto::event_class::ephemeral);
  EXPECT_EQ(orders_[0].upto.value, 150u);
  const auto needed = body_.needed_from();
  EXPECT_EQ(needed[0].value, 150u);
  EXPECT_EQ(needed[1].value, 100u);
  flow::consumer_change stored;
  body_.take_changes(stored);
  EXPECT_EQ(stored.consumers.at(0).given_up[0], 7u);
  EXPECT_FALSE(stored.sessions.at(0).resumable) << "after a crash its numbers cannot be made again";
  body_.report(1, {.cursor = flow::offset{150},
                   .position = flow::offset{160},
                   .anchor_offset = flow::offset{150},
                   .began = true});
  flow::consumer_change later;
  body_.take_changes(later);
  EXPECT_TRUE(later.sessions.at(0).resumable) << "they can, from past what was left out";
  EXPECT_EQ(body_.resume(9, "s1", 0, orders_)->dropped[0].value, 150u);
}

TEST_F(ConsumerVerbsTest, ASkipMovesEveryCursorAndTellsWhoIsBehind) {
  identify(1, {0, 2});
  identify(2, {1, 2});
  in_flight(1, 100, 300);
  in_flight(2, 100, 150);
  ordered();
  body_.skip(flow::offset{200}, {1, 2, 3}, orders_);
  EXPECT_EQ(ordered(), (list{{kind::skip, 2}})) << "the first is past it";
  for (const auto at : body_.needed_from()) EXPECT_EQ(at.value, 200u);
  EXPECT_EQ(body_.record().given_up, (std::array<std::uint64_t, 3>{1, 2, 3}));
}

TEST_F(ConsumerVerbsTest, ASkipForgetsSessionsThatWouldReplayIt) {
  identify(1);
  body_.left(1, false, flow::offset{100}, now_, orders_);
  ASSERT_EQ(body_.sessions(), 1u);
  body_.skip(flow::offset{200}, {}, orders_);
  EXPECT_EQ(body_.sessions(), 0u);
  EXPECT_EQ(body_.resume(2, "s1", 0, orders_), nullptr);
}

TEST_F(ConsumerVerbsTest, BotsWhoseSessionIsNumberedByAnotherScriptBeginAnew) {
  identify(1, {0, 2});
  desk_.set_script_version(7);
  identify(2, {1, 2});
  ordered();
  body_.renumber(orders_);
  EXPECT_EQ(ordered(), (list{{kind::renumber, 1}}));
  body_.left(1, false, flow::offset{100}, now_, orders_);
  EXPECT_EQ(body_.resume(3, "s1", 0, orders_), nullptr);
  desk_.set_script_version(7);
  body_.renumber(orders_);
  EXPECT_EQ(ordered(), list{});
}

/// A replaced bot is silent; it is told when its successor dies and the lane returns to it.
TEST_F(ConsumerVerbsTest, AReplacedBotBeginsAnewWhenItsLaneReturns) {
  identify(1);
  flow::downstream_record who;
  who.id = "s2";
  who.lane = {0, 1};
  body_.identify(2, who, {}, flow::offset{100}, now_, orders_);
  body_.released(1, flow::offset{100}, orders_);
  ordered();
  desk_.set_script_version(7);
  body_.renumber(orders_);
  EXPECT_EQ(ordered(), (list{{kind::renumber, 2}}));
  body_.left(2, true, flow::offset{100}, now_, orders_);
  EXPECT_EQ(ordered(), (list{{kind::give_back, 1}, {kind::renumber, 1}}));
}

TEST_F(ConsumerVerbsTest, NobodyNeedsAnythingForAConsumerThatHasNeverRead) {
  for (const auto at : body_.needed_from()) EXPECT_GT(at.value, 1ULL << 62);
}

TEST_F(GatewayTest, ASkipShowsBotsTheirGuildsAnew) {
  run();
  auto one = bot();
  one->start();
  send_serials(1, 3);
  expect_serials(*one, 1, 3);
  auto& control = gateway_->control();
  ASSERT_TRUE(control.pause("main", {}));
  one->beat();
  one->next_op(11);
  send_serials(4, 9);
  ASSERT_TRUE(control.skip("main", {flow::position::kind::offset, 8}, {}));
  EXPECT_EQ(one->next()["op"], 9);
  one->start();
  ASSERT_TRUE(control.go_on("main", {}));
  expect_serials(*one, 9, 9);
  const auto gaps = journal_.gaps_now();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].consumer, "main");
  EXPECT_NE(gaps[0].cause.find("5 messages"), std::string::npos) << gaps[0].cause;
}

TEST_F(GatewayTest, ADroppedClassIsLeftOutAndTheSessionGoesOn) {
  run();
  auto one = bot();
  const auto ready = one->start({{"intents", proto::intent::all}});
  auto& control = gateway_->control();
  ASSERT_TRUE(control.pause("main", {}));
  one->beat();
  one->next_op(11);
  for (int i = 1; i <= 4; ++i) {
    journal_.message(a, i);
    journal_.add(proto::event_type::typing_start, a, "{}");
  }
  ASSERT_TRUE(control.drop_class("main", proto::event_class::ephemeral, {}));
  journal_.add(proto::event_type::typing_start, a, R"({"later":1})");
  ASSERT_TRUE(control.go_on("main", {}));
  for (int i = 1; i <= 4; ++i) {
    const auto got = one->next();
    EXPECT_EQ(got["t"], "MESSAGE_CREATE");
    EXPECT_EQ(got["s"], 3 + i) << "without a gap";
  }
  EXPECT_EQ(one->next()["t"], "TYPING_START");
  EXPECT_TRUE(journal_.gaps_now().empty()) << "ephemeral events leave no GAP";

  // It resumes while we live, from past what was left out.
  one->cut();
  one->wait_closed();
  auto again = bot();
  again->resume(ready["session_id"], 8);
  again->next_event("RESUMED");
}

TEST_F(GatewayTest, AConsumerPastItsBoundsGivesUpEphemeralEventsFirstThenMessages) {
  consumer_policy bound;
  bound.max_events = 5;
  options_.consumers.named["small"] = std::make_shared<const consumer_policy>(bound);
  options_.bounds_interval = base::milliseconds(5);
  run();
  auto main = bot();
  main->start({{"intents", proto::intent::all}});
  auto small = bot("/c/small/?v=10&encoding=json");
  small->start({{"intents", proto::intent::all}, {"properties", {{"browser", "unheard of"}}}});
  small->cut();
  small->wait_closed();
  for (int i = 1; i <= 7; ++i) {
    journal_.message(a, i);
    journal_.add(proto::event_type::typing_start, a, "{}");
  }
  // 14 wait; 7 ephemeral ones and the 2 oldest messages go.
  ASSERT_TRUE(comes([&] { return journal_.gaps_now().size() == 1; }));
  EXPECT_EQ(journal_.gaps_now()[0].consumer, "small");
  EXPECT_NE(journal_.gaps_now()[0].cause.find("2 messages"), std::string::npos)
      << journal_.gaps_now()[0].cause;
  auto again = bot("/c/small/?v=10&encoding=json");
  again->start({{"intents", proto::intent::all}});
  expect_serials(*again, 3, 7);
  EXPECT_EQ(again->waiting(), 0u);
  expect_serials(*main, 1, 7);
}

TEST_F(GatewayTest, ANewConsumerBeginsWhereItIsTold) {
  consumer_policy past;
  past.start = {flow::position::kind::offset, 3};
  options_.consumers.named["past"] = std::make_shared<const consumer_policy>(past);
  past.start = {flow::position::kind::time, 5'000};
  options_.consumers.named["timed"] = std::make_shared<const consumer_policy>(past);
  past.start = {flow::position::kind::earliest, 0};
  options_.consumers.named["all"] = std::make_shared<const consumer_policy>(past);
  run();
  send_serials(1, 6);
  for (const auto& [name, first] : {std::pair{"past", 4}, std::pair{"timed", 5}, std::pair{"all", 1}}) {
    auto one = bot(fmt::format("/c/{}/?v=10&encoding=json", name));
    one->start();
    expect_serials(*one, first, 6);
    one->beat();
    one->next_op(11);
    one->close(1000);
    one->wait_closed();
  }
  send_serials(7, 7);
  auto again = bot("/c/all/?v=10&encoding=json");
  again->start();
  expect_serials(*again, 7, 7);
}

TEST_F(GatewayTest, ADrainAsksUntilEverythingIsAcknowledgedAndHoldsTheRest) {
  run();
  auto one = bot();
  one->start();
  send_serials(1, 10);
  expect_serials(*one, 1, 10);
  auto& control = gateway_->control();
  ASSERT_TRUE(control.drain("main", 20s, 60s));
  EXPECT_EQ(one->next()["op"], 1);
  one->seq = 3 + 8;
  one->beat();
  EXPECT_EQ(one->next()["op"], 11);
  EXPECT_EQ(one->next()["op"], 1) << "still behind: asked again";
  EXPECT_EQ(control.drain_state("main")->at(0).state, drained::waiting);
  send_serials(11, 12);
  one->seq = 3 + 10;
  one->beat();
  EXPECT_EQ(one->next()["op"], 11);
  EXPECT_TRUE(comes([&] { return control.drain_state("main")->at(0).state == drained::all; }));
  one->beat();
  EXPECT_EQ(one->next()["op"], 11) << "nothing else comes";
  EXPECT_EQ(one->waiting(), 0u);
  one->close(1000);
  one->wait_closed();
  auto other = bot();
  other->start();
  expect_serials(*other, 11, 12);
}

TEST_F(GatewayTest, APausedConsumerQueues) {
  run();
  auto one = bot();
  one->start();
  send_serials(1, 3);
  expect_serials(*one, 1, 3);
  auto& control = gateway_->control();
  EXPECT_FALSE(control.pause("nobody", {}));
  ASSERT_TRUE(control.pause("main", {}));
  one->beat();
  EXPECT_EQ(one->next()["op"], 11);
  send_serials(4, 6);
  one->cut();
  one->wait_closed();
  auto again = bot();
  again->start();
  again->beat();
  EXPECT_EQ(again->next()["op"], 11) << "READY and guilds, but no event";
  ASSERT_TRUE(control.go_on("main", {}));
  expect_serials(*again, 4, 6);
}

TEST_F(GatewayTest, ExplicitAcknowledgementIsTheOnlyOne) {
  policy_.acknowledge = acknowledge_by::explicit_call;
  run();
  auto one = bot();
  const auto ready = one->start();
  send_serials(1, 5);
  expect_serials(*one, 1, 5);
  one->beat();
  EXPECT_EQ(one->next_op(11)["op"], 11);
  const auto ack = [&](const std::string& body, const std::string& token = "Bot MTA.x.y") {
    return fetch(
        {.method = "POST", .url = "/c/main/ack", .headers = {{"Authorization", token}}, .body = body});
  };
  const auto of = [&](int seq) {
    return fmt::format(R"({{"session_id":"{}","seq":{}}})", std::string(ready["session_id"]), seq);
  };
  EXPECT_EQ(ack(of(3 + 2), "Bot MTA.x.z").status, 401u);
  EXPECT_EQ(ack("{}").status, 400u);
  EXPECT_EQ(ack(R"({"session_id":"other","seq":4})").status, 404u);
  EXPECT_EQ(ack(of(3 + 6)).status, 409u) << "never sent";
  const auto done = ack(of(3 + 2));
  EXPECT_EQ(done.status, 200u);
  EXPECT_EQ(nlohmann::json::parse(done.body), (nlohmann::json{{"acknowledged", 5}, {"sent", 8}}));
  EXPECT_TRUE(stored_cursor(2));

  // Neither a RESUME nor a clean close acknowledges what it was not told.
  one->cut();
  one->wait_closed();
  auto again = bot();
  again->resume(ready["session_id"], 8);
  EXPECT_EQ(again->next_event("RESUMED")["s"], 8);
  EXPECT_EQ(ack(of(3 + 3)).status, 200u);
  EXPECT_TRUE(stored_cursor(3));
  again->close(1000);
  again->wait_closed();
  auto last = bot();
  last->start();
  expect_serials(*last, 4, 5);
}

}  // namespace
}  // namespace evergate::downstream
