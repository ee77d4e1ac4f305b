#include "downstream/gateway.h"

#include "gateway_fixture.h"

namespace evergate::downstream {
namespace {

using nlohmann::json;
using proto::compression;
using proto::event_type;
using testing::GatewayTest;

TEST_F(GatewayTest, TheFirstConversation) {
  run();
  auto one = bot();
  const auto hello = one->next();
  EXPECT_EQ(hello["op"], 10);
  EXPECT_TRUE(hello.contains("s") && hello["s"].is_null() && hello.contains("t") && hello["t"].is_null());
  one->beat();
  const auto ack = one->next();
  EXPECT_EQ(ack["op"], 11);
  EXPECT_TRUE(ack["s"].is_null() && ack["t"].is_null());
  one->identify();
  const auto ready = one->next();
  EXPECT_EQ(ready["t"], "READY");
  EXPECT_EQ(ready["s"], 1);
  EXPECT_EQ(ready["d"]["guilds"].size(), 2u);
  EXPECT_EQ(ready["d"]["shard"], json::array({0, 1}));
  EXPECT_EQ(ready["d"]["resume_gateway_url"], fmt::format("ws://127.0.0.1:{}", gateway_->port()));
  EXPECT_TRUE(ready["d"]["private_channels"].is_array());
  for (int s = 2; s <= 3; ++s) {
    const auto guild = one->next();
    EXPECT_EQ(guild["t"], "GUILD_CREATE");
    EXPECT_EQ(guild["s"], s);
    EXPECT_EQ(guild["d"]["unavailable"], false);
  }
  send_serials(1, 50);
  expect_serials(*one, 1, 50);
  EXPECT_EQ(one->seq, 53);
}

TEST_F(GatewayTest, IdentifyBeforeHelloIsAccepted) {
  options_.hello_delay = base::milliseconds(200);
  run();
  auto one = bot();
  one->identify();
  EXPECT_EQ(one->next()["op"], 10);
  EXPECT_EQ(one->next()["t"], "READY");
}

class Transports : public GatewayTest, public ::testing::WithParamInterface<compression> {};

TEST_P(Transports, CarryTheSameEvents) {
  run();
  auto one = bot(fmt::format("/?v=10&encoding=json&compress={}", proto::name_of(GetParam())), GetParam());
  EXPECT_EQ(one->next()["op"], 10);
  one->start({{"compress", std::string(proto::name_of(GetParam()))}});
  send_serials(1, 200);
  expect_serials(*one, 1, 200);
  EXPECT_TRUE(one->binary_only());
}
INSTANTIATE_TEST_SUITE_P(All, Transports,
                         ::testing::Values(compression::zlib_stream, compression::zstd_stream));

TEST_F(GatewayTest, PayloadCompression) {
  run();
  auto one = bot("/?v=10");
  EXPECT_EQ(one->next()["op"], 10);
  one->start({{"compress", true}});
  send_serials(1, 20);
  expect_serials(*one, 1, 20);
  one->beat();
  EXPECT_EQ(one->next_op(11)["op"], 11);
}

TEST_F(GatewayTest, LanesShareTheGuildsByTheirOwnN) {
  run();
  auto even = bot();
  auto odd = bot();
  EXPECT_EQ(even->start({{"shard", {0, 2}}})["guilds"].size(), 1u);
  EXPECT_EQ(odd->start({{"shard", {1, 2}}})["guilds"][0]["id"], std::to_string(b));
  for (int i = 1; i <= 20; ++i) journal_.message(i % 2 == 0 ? a : b, i);
  for (int i = 2; i <= 20; i += 2)
    EXPECT_EQ(even->next_event("MESSAGE_CREATE")["d"]["id"], std::to_string(i));
  for (int i = 1; i <= 20; i += 2) EXPECT_EQ(odd->next_event("MESSAGE_CREATE")["d"]["id"], std::to_string(i));
}

TEST_F(GatewayTest, IdentifyWaitsForTheFleet) {
  journal_.set_complete(false);
  run();
  auto one = bot();
  one->identify();
  EXPECT_EQ(one->next()["op"], 10);
  one->beat();
  EXPECT_EQ(one->next()["op"], 11) << "beats are answered meanwhile";
  journal_.set_complete(true);
  EXPECT_EQ(one->next()["t"], "READY");
}

TEST_F(GatewayTest, ResumesAtEveryCut) {
  run();
  auto first = bot();
  const std::string session = first->start()["session_id"];
  send_serials(1, 12);
  expect_serials(*first, 1, 12);
  first->cut();
  first->wait_closed();
  int sent = 12;
  for (std::int64_t cut = 3; cut <= 15; ++cut) {
    ++sent;
    journal_.message(a, sent);
    auto again = bot();
    again->resume(session, cut);
    EXPECT_EQ(again->next()["op"], 10);
    for (std::int64_t s = cut + 1; s <= sent + 3; ++s) {
      const auto got = again->next();
      ASSERT_EQ(got["s"], s);
      ASSERT_EQ(got["d"]["id"], std::to_string(s - 3));
    }
    const auto resumed = again->next();
    EXPECT_EQ(resumed["t"], "RESUMED");
    EXPECT_EQ(resumed["op"], 0);
    EXPECT_EQ(resumed["s"], sent + 3) << "carries the last number";
    ++sent;
    journal_.message(a, sent);
    EXPECT_EQ(again->next()["s"], sent + 3);
    again->cut();
    again->wait_closed();
  }
}

TEST_F(GatewayTest, ResumesAfterTheDaemonDied) {
  run();
  auto one = bot();
  const std::string session = one->start()["session_id"];
  send_serials(1, 10);
  expect_serials(*one, 1, 10);
  one->seq = 8;
  one->beat();
  one->next_op(11);
  ASSERT_TRUE(stored([&](const auto&, const auto& sessions) {
    return sessions.contains(session) && sessions.at(session).anchor_seq == 8;
  }));
  stop(true);
  send_serials(11, 15);
  run();
  auto again = bot();
  again->resume(session, 11);
  expect_serials(*again, 9, 15);
  EXPECT_EQ(again->next()["t"], "RESUMED");
}

// Seed 433 of the simulation: READY was as of 42, the consumer's beginning was not on disk when the daemon
// was killed, and it began anew at 47.
TEST_F(GatewayTest, TheFirstReadyWaitsUntilTheConsumerIsStored) {
  run();
  journal_.hold(true);
  auto one = bot();
  EXPECT_EQ(one->next()["op"], 10);
  one->identify();
  one->beat();
  EXPECT_EQ(one->next()["op"], 11) << "READY would have come before";
  send_serials(1, 5);
  journal_.hold(false);
  EXPECT_EQ(one->next()["t"], "READY");
  expect_serials(*one, 1, 5);
  EXPECT_TRUE(stored_cursor(0));
  stop(true);
  run();
  auto again = bot();
  again->start();
  expect_serials(*again, 1, 5);
}

TEST_F(GatewayTest, AConsumerThatWasNotStoredBeginsAnew) {
  run();
  journal_.hold(true);
  auto one = bot();
  EXPECT_EQ(one->next()["op"], 10);
  one->identify();
  one->beat();
  EXPECT_EQ(one->next()["op"], 11);
  stop(true);
  journal_.lose_held();
  send_serials(1, 5);
  run();
  auto again = bot();
  again->start();
  send_serials(6, 7);
  expect_serials(*again, 6, 7);
}

TEST_F(GatewayTest, ForeignResumesGetInvalidSessionAndMayIdentify) {
  run();
  auto one = bot();
  EXPECT_EQ(one->next()["op"], 10);
  one->resume("nonsense", 5);
  const auto refused = one->next();
  EXPECT_EQ(refused["op"], 9);
  EXPECT_EQ(refused["d"], false);
  EXPECT_TRUE(refused["s"].is_null() && refused["t"].is_null());
  const std::string session = one->start()["session_id"];
  one->cut();
  one->wait_closed();
  for (const auto at : {std::int64_t{-5}, std::int64_t{2}, std::int64_t{4}, std::int64_t{1} << 40}) {
    auto other = bot();
    other->resume(session, at);
    EXPECT_EQ(other->next_op(9)["d"], false) << at;
    if (at == 4) break;  // counted and found not to exist: the session is over
  }
  auto elsewhere = bot("/c/other");
  elsewhere->resume(session, 3);
  EXPECT_EQ(elsewhere->next_op(9)["d"], false) << "another consumer's session";
}

TEST_F(GatewayTest, ReturnByIdentifyGetsWhatWasQueued) {
  run();
  auto one = bot();
  one->start();
  send_serials(1, 10);
  expect_serials(*one, 1, 10);
  one->seq = 3 + 6;
  one->beat();
  one->next_op(11);
  ASSERT_TRUE(stored_cursor(6));
  one->cut();
  one->wait_closed();
  journal_.set_guild(
      a,
      fmt::format(
          R"({{"id":"{}","unavailable":false,"name":"new","members":[],"presences":[],"voice_states":[]}})",
          a));
  send_serials(11, 20);
  auto again = bot();
  again->identify();
  EXPECT_EQ(again->next_event("READY")["s"], 1);
  const auto guild = again->next_event("GUILD_CREATE");
  EXPECT_EQ(guild["d"]["name"], "g") << "as of the cursor";
  expect_serials(*again, 7, 20);
}

TEST_F(GatewayTest, ACleanCloseCountsWhatWasSent) {
  run();
  auto one = bot();
  const std::string session = one->start()["session_id"];
  send_serials(1, 10);
  expect_serials(*one, 1, 10);
  // Whatever makes the lane look again lets it note that all has left.
  journal_.add(event_type::gap, 0, "{}", flow::row_flag::internal);
  ASSERT_TRUE(position_reaches(11));
  one->close(1000);
  one->wait_closed();
  ASSERT_TRUE(stored_cursor(11));
  send_serials(11, 12);
  auto again = bot();
  again->start();
  expect_serials(*again, 11, 12);
  auto old = bot();
  old->resume(session, 13);
  EXPECT_EQ(old->next_op(9)["d"], false) << "1000 ends the session";
}

TEST_F(GatewayTest, AClosingToResumeCountsNothingAsDelivered) {
  run();
  auto one = bot();
  const std::string session = one->start()["session_id"];
  send_serials(1, 10);
  expect_serials(*one, 1, 10);
  journal_.add(event_type::gap, 0, "{}", flow::row_flag::internal);
  ASSERT_TRUE(position_reaches(11));
  one->close(4200);  // discord.js, of a connection that it takes for dead
  one->wait_closed();
  ASSERT_TRUE(comes([&] { return gateway_->connections() == 0; }));
  auto again = bot();
  again->resume(session, 3 + 4);
  expect_serials(*again, 5, 10);
}

TEST_F(GatewayTest, CleanCloseByAcknowledgementsOnly) {
  policy_.on_clean_close = clean_close::acked;
  run();
  auto one = bot();
  one->start();
  send_serials(1, 5);
  expect_serials(*one, 1, 5);
  one->close(1000);
  one->wait_closed();
  auto again = bot();
  again->start();
  expect_serials(*again, 1, 5);
}

TEST_F(GatewayTest, AtMostOnceNeverRepeats) {
  policy_.redeliver = redelivery::at_most_once;
  run();
  auto one = bot();
  one->start();
  send_serials(1, 5);
  expect_serials(*one, 1, 5);
  one->cut();
  one->wait_closed();
  // What is sent into a connection that has ended unnoticed counts as delivered: that is what was asked for.
  ASSERT_TRUE(comes([&] { return gateway_->connections() == 0; }));
  ASSERT_TRUE(stored_cursor(5));
  send_serials(6, 7);
  auto again = bot();
  again->start();
  expect_serials(*again, 6, 7);
}

TEST_F(GatewayTest, InteractionsAreSentOnce) {
  run();
  const auto unix_ms = [] {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())
        .time_since_epoch()
        .count();
  };
  auto one = bot();
  one->start();
  journal_.message(a, 1);
  journal_.interaction(a, unix_ms(), 2);
  EXPECT_EQ(one->next_event("INTERACTION_CREATE")["d"]["_serial"], 2);
  one->cut();
  one->wait_closed();
  ASSERT_TRUE(comes([&] { return gateway_->connections() == 0; }));
  auto again = bot();
  again->start();
  EXPECT_EQ(again->next_event("MESSAGE_CREATE")["d"]["id"], "1");
  journal_.interaction(a, unix_ms(), 3);
  EXPECT_EQ(again->next()["d"]["_serial"], 3);
}

TEST_F(GatewayTest, TheWindowPacesABotThatDoesNotAcknowledge) {
  policy_.ack_window = 5;
  run();
  auto one = bot();
  one->start({{"properties", {{"browser", "unheard of"}}}});
  send_serials(1, 12);
  expect_serials(*one, 1, 5);
  one->beat();
  EXPECT_EQ(one->next()["op"], 11) << "nothing but the answer came between";
  expect_serials(*one, 6, 10);
  one->beat();
  one->next_op(11);
  expect_serials(*one, 11, 12);
}

TEST_F(GatewayTest, AFullWindowAsksProvenLibraries) {
  policy_.ack_window = 5;
  run();
  auto one = bot();
  one->start();
  send_serials(1, 12);
  expect_serials(*one, 1, 5);
  EXPECT_EQ(one->next()["op"], 1);
  one->beat();
  EXPECT_EQ(one->next()["op"], 11);
  expect_serials(*one, 6, 10);
}

TEST_F(GatewayTest, ASlowReaderIsPacedAndLosesNothing) {
  options_.socket.output_bytes_high = 64 * 1024;
  options_.pump_bytes = 64 * 1024;
  run();
  auto one = bot();
  one->start();
  one->pause(true);
  const std::string filler(100'000, 'x');
  for (int i = 1; i <= 300; ++i) {
    journal_.add(event_type::message_create, a,
                 fmt::format(R"({{"id":"{}","guild_id":"{}","content":"{}"}})", i, a, filler));
  }
  auto other = bot("/c/second");
  other->start();
  journal_.message(a, 301);
  expect_serials(*other, 301, 301);
  one->pause(false);
  expect_serials(*one, 1, 301);
}

TEST_F(GatewayTest, TakeoverGoesOnWhereTheOldOneAcknowledged) {
  run();
  auto old = bot();
  old->start();
  send_serials(1, 10);
  expect_serials(*old, 1, 10);
  auto young = bot();
  young->identify();
  EXPECT_EQ(old->next()["op"], 1) << "asked for a fresh acknowledgement";
  old->seq = 3 + 8;
  old->beat();
  EXPECT_EQ(old->next()["op"], 11);
  EXPECT_EQ(old->next()["op"], 1) << "still behind: asked again";
  old->seq = 3 + 10;
  old->beat();
  EXPECT_EQ(old->next()["op"], 11);
  EXPECT_EQ(young->next_event("READY")["s"], 1);
  send_serials(11, 15);
  expect_serials(*young, 11, 15);
  old->beat();
  EXPECT_EQ(old->next()["op"], 11) << "the old one stays connected and silent";
  EXPECT_EQ(old->waiting(), 0u);
}

TEST_F(GatewayTest, TheLaneReturnsToTheOldOne) {
  run();
  auto old = bot();
  old->start({{"properties", {{"browser", "unheard of"}}}});
  send_serials(1, 3);
  expect_serials(*old, 1, 3);
  auto young = bot();
  young->start();
  expect_serials(*young, 1, 3);
  young->cut();
  young->wait_closed();
  send_serials(4, 5);
  expect_serials(*old, 4, 5);
}

TEST_F(GatewayTest, AnotherNClosesTheOldLayout) {
  run();
  auto old = bot();
  old->start();
  send_serials(1, 4);
  expect_serials(*old, 1, 4);
  old->beat();
  old->next_op(11);
  auto even = bot();
  auto odd = bot();
  even->identify({{"shard", {0, 2}}});
  EXPECT_EQ(even->next()["op"], 10);
  send_serials(5, 5);
  expect_serials(*old, 5, 5);
  odd->identify({{"shard", {1, 2}}});
  EXPECT_EQ(old->wait_closed().code, 4010);
  EXPECT_EQ(even->next()["t"], "READY");
  EXPECT_EQ(odd->next_event("READY")["d"]["guilds"].size(), 1u);
  expect_serials(*even, 5, 5);
}

TEST_F(GatewayTest, CommandsAndTheirReplies) {
  run();
  auto asker = bot();
  auto other = bot();
  asker->start({{"shard", {0, 2}},
                {"presence",
                 {{"status", "idle"}, {"since", nullptr}, {"activities", json::array()}, {"afk", false}}}});
  const auto presence = fleet_.wait_for_command();
  EXPECT_EQ(presence.op, 3);
  EXPECT_EQ(presence.lane, (proto::shard_key{0, 2}));
  other->start({{"shard", {1, 2}}});
  asker->say(json{{"op", 8},
                  {"d", {{"guild_id", {std::to_string(b)}}, {"query", ""}, {"limit", 0}, {"nonce", "n"}}}});
  const auto sent = fleet_.wait_for_command();
  EXPECT_EQ(sent.guild, b) << "routed by guild, though the lane does not hold it";
  const std::string nonce = json::parse(sent.payload)["d"]["nonce"];
  const auto who = replies_.find(nonce, true);
  ASSERT_TRUE(who);
  journal_.add(event_type::guild_members_chunk, b, R"({"nonce":"n"})", flow::row_flag::reply,
               who->first.session);
  journal_.message(b, 1);
  EXPECT_EQ(asker->next_event("GUILD_MEMBERS_CHUNK")["d"]["nonce"], "n");
  EXPECT_EQ(other->next()["t"], "MESSAGE_CREATE") << "the reply went to its asker only";
}

TEST_F(GatewayTest, AFullFleetTellsTheAskerWithoutANumber) {
  run();
  auto one = bot();
  one->start();
  journal_.message(a, 1);
  expect_serials(*one, 1, 1);
  {
    const std::scoped_lock lock(fleet_.mutex);
    fleet_.full = true;
  }
  one->say(json{{"op", 8}, {"d", {{"guild_id", "1"}, {"query", ""}, {"limit", 0}}}});
  const auto told = one->next_event("RATE_LIMITED");
  EXPECT_EQ(told["d"]["opcode"], 8);
  EXPECT_EQ(told["s"], 4);
  journal_.message(a, 2);
  EXPECT_EQ(one->next()["s"], 5);
}

TEST_F(GatewayTest, StoppingClosesWithACodeThatResumes) {
  run();
  auto one = bot();
  const std::string session = one->start()["session_id"];
  send_serials(1, 3);
  expect_serials(*one, 1, 3);
  stop();
  EXPECT_EQ(one->wait_closed().code, 4000);
  run();
  auto again = bot();
  again->resume(session, *one->seq);
  EXPECT_EQ(again->next_op(0)["t"], "RESUMED");
}

}  // namespace
}  // namespace evergate::downstream
