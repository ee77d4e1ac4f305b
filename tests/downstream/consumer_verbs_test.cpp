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

  base::instant now_{1000s};
  consumer body_{"main", {}};
  consumer_orders orders_;
};

TEST_F(ConsumerVerbsTest, ADrainIsThroughWhenItsBotsAreSilentAndHaveEverything) {
  identify(1, {0, 2});
  identify(2, {1, 2});
  in_flight(1, 100, 110);
  ordered();
  body_.drain(now_ + 10s, now_ + 60s, orders_);
  EXPECT_EQ(ordered(), (list{{kind::hold, 1}, {kind::hold, 2}}));
  EXPECT_EQ(body_.drain_state()[1].state, drained::waiting) << "the order has not reached it yet";
  body_.holding(1);
  body_.holding(2);
  EXPECT_EQ(body_.drain_state()[0].state, drained::waiting);
  EXPECT_EQ(body_.drain_state()[0].unacknowledged, 10u);
  EXPECT_EQ(body_.drain_state()[1].state, drained::all);
  in_flight(1, 110, 110);
  EXPECT_EQ(body_.drain_state()[0].state, drained::all);
}

TEST_F(ConsumerVerbsTest, TheNextBotEndsAHold) {
  identify(1);
  body_.drain(now_ + 10s, now_ + 60s, orders_);
  body_.holding(1);
  body_.left(1, true, flow::offset{100}, now_, orders_);
  EXPECT_EQ(body_.drain_state()[0].state, drained::no_bot);
  ordered();
  identify(2);
  EXPECT_EQ(body_.drain_state()[0].state, drained::released);
  ASSERT_EQ(orders_.size(), 1u);
  EXPECT_FALSE(orders_[0].grant->held);
}

TEST_F(ConsumerVerbsTest, ABotThatResumesDuringADrainIsHeldAgain) {
  identify(1);
  body_.drain(now_ + 10s, now_ + 60s, orders_);
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

TEST_F(ConsumerVerbsTest, AHoldEndsByItself) {
  identify(1);
  body_.drain(now_ + 10s, now_ + 60s, orders_);
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
  body_.drain(now_ + 10s, now_ + 60s, orders_);
  ordered();
  body_.tick(now_ + 60s, orders_);
  EXPECT_TRUE(ordered().empty());
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
