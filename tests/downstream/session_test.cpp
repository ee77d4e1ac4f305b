#include "downstream/session.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "downstream/frames.h"

namespace evergate::downstream {
namespace {

using namespace std::chrono_literals;
using action = session_action::kind;

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() { step(session_input::kind::open); }

  const std::vector<session_action>& step(session_input::kind what, std::string_view text = {}) {
    out_.clear();
    session_.step({what, text}, now_, out_);
    return out_;
  }
  const std::vector<session_action>& ask(ask_need need = ask_need::regular) {
    out_.clear();
    session_.step({.what = session_input::kind::ask, .need = need}, now_, out_);
    return out_;
  }
  const std::vector<session_action>& say(std::string_view text) {
    return step(session_input::kind::message, text);
  }
  std::uint16_t close_code() const {
    return !out_.empty() && out_.back().what == action::close ? out_.back().code : std::uint16_t{0};
  }
  void identify() {
    say(R"({"op":2,"d":{"token":"MTA.x.y","intents":513,"properties":{"browser":"discord.js"}}})");
    ASSERT_EQ(out_.size(), 1u);
    ASSERT_EQ(out_[0].what, action::identify);
  }

  base::secret token_{"MTA.x.y"};
  session_rules rules_{.token = &token_, .intents = 513 | 32768, .lanes_max = 16};
  client_frame_reader reader_;
  base::instant now_{1000s};
  std::vector<session_action> out_;
  session session_{rules_, reader_};
};

TEST_F(SessionTest, SaysHelloWithNullSequenceAndName) {
  session fresh(rules_, reader_);
  fresh.step({session_input::kind::open, {}}, now_, out_ = {});
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].frame,
            R"({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":10000,"_trace":["evergate"]}})");
}

// Discord does not say what it does then; closed with 4003, some libraries do not come back.
TEST_F(SessionTest, WhatCrossesOp9OnItsWayIsDropped) {
  identify();
  step(session_input::kind::started);
  step(session_input::kind::invalidated);
  EXPECT_TRUE(say(R"({"op":3,"d":{"since":null,"activities":[],"status":"idle","afk":false}})").empty());
  EXPECT_EQ(say(R"({"op":1,"d":7})").size(), 1u) << "a beat is answered";
  identify();
  step(session_input::kind::started);
  say(R"({"op":3,"d":{"since":null,"activities":[],"status":"idle","afk":false}})");
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].what, action::command);
}

TEST_F(SessionTest, ReadsIdentify) {
  say(R"({"op":2,"d":{"token":"Bot MTA.x.y","intents":513,"shard":[3,16],"compress":true,"large_threshold":400,
      "presence":{"status":"idle","since":null,"activities":[],"afk":false},"properties":{"os":"x","browser":"Seyfert"}}})");
  ASSERT_EQ(out_.size(), 1u);
  ASSERT_EQ(out_[0].what, action::identify);
  const auto& got = out_[0].identify;
  EXPECT_EQ(got.lane, (proto::shard_key{3, 16}));
  EXPECT_EQ(got.intents, 513u);
  EXPECT_TRUE(got.compress);
  EXPECT_EQ(got.large_threshold, 250u);
  EXPECT_TRUE(got.may_ask);
  EXPECT_TRUE(got.presence.starts_with(R"({"status":"idle")"));
}

TEST_F(SessionTest, IdentifyDefaults) {
  say(R"({"op":2,"d":{"token":"MTA.x.y","intents":0,"compress":"zlib-stream","properties":{"browser":"D++"}}})");
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].identify.lane, (proto::shard_key{0, 1}));
  EXPECT_FALSE(out_[0].identify.compress) << "oceanic names the transport here";
  EXPECT_EQ(out_[0].identify.large_threshold, 50u);
  EXPECT_FALSE(out_[0].identify.may_ask);
}

TEST_F(SessionTest, ClosesAsDiscordDoes) {
  struct one {
    const char* text;
    std::uint16_t code;
  };
  const one table[] = {
      {"", 4002},
      {"garbage", 4002},
      {R"({"op":1)", 4002},
      {"[1]", 4002},
      {R"({"d":1})", 4002},
      {R"({"op":"1"})", 4002},
      {R"({"op":1.5})", 4002},
      {"{\"op\":1,\"d\":\"\xff\"}", 4002},
      {R"({"op":1,"d":nul})", 4002},
      {R"({"op":5,"d":{}})", 4001},
      {R"({"op":0,"d":{}})", 4001},
      {R"({"op":99})", 4001},
      {R"({"op":3,"d":{}})", 4003},
      {R"({"op":4,"d":{}})", 4003},
      {R"({"op":8,"d":{}})", 4003},
      {R"({"op":31,"d":{}})", 4003},
      {R"({"op":43,"d":{}})", 4003},
      {R"({"op":2})", 4002},
      {R"({"op":2,"d":[]})", 4002},
      {R"({"op":2,"d":{"intents":1}})", 4004},
      {R"({"op":2,"d":{"token":"MTA.x.z","intents":1}})", 4004},
      {R"({"op":2,"d":{"token":5,"intents":1}})", 4004},
      {R"({"op":2,"d":{"token":"","intents":1}})", 4004},
      {R"({"op":6,"d":{"token":"no","session_id":"a","seq":1}})", 4004},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":1,"shard":[16,16]}})", 4010},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":1,"shard":[0,17]}})", 4010},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":1,"shard":[0,0]}})", 4010},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":1,"shard":[-1,2]}})", 4010},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":1,"shard":[0,1,2]}})", 4010},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":1,"shard":"0"}})", 4010},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":131072}})", 4013},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":-1}})", 4013},
      {R"({"op":2,"d":{"token":"MTA.x.y"}})", 4013},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":99999999999}})", 4013},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":2}})", 4014},
  };
  for (const auto& [text, code] : table) {
    session fresh(rules_, reader_);
    out_.clear();
    fresh.step({session_input::kind::open, {}}, now_, out_);
    out_.clear();
    fresh.step({session_input::kind::message, text}, now_, out_);
    EXPECT_EQ(close_code(), code) << text;
    out_.clear();
    fresh.step({session_input::kind::message, R"({"op":1,"d":1})"}, now_, out_);
    EXPECT_TRUE(out_.empty()) << "nothing follows a close";
  }
}

TEST_F(SessionTest, RefusesLongMessages) {
  std::string text = R"({"op":1,"d":1,"x":")";
  text.append(4096 - text.size() - 2, 'a');
  text += "\"}";
  ASSERT_EQ(text.size(), 4096u);
  say(text);
  EXPECT_EQ(close_code(), 0);
  text.insert(text.size() - 2, "a");
  say(text);
  EXPECT_EQ(close_code(), 4002);
}

TEST_F(SessionTest, AnswersBeatsAtOnceAndTakesTheSequence) {
  say(R"({"op":1,"d":null})");
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].frame, frames::heartbeat_ack);
  identify();
  say(R"({"op":1,"d":7})");
  EXPECT_EQ(out_.size(), 1u) << "nothing was sent yet: no acknowledgement";
  step(session_input::kind::started);
  say(R"({"op":1,"d":7})");
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].what, action::acknowledge);
  EXPECT_EQ(out_[0].seq, 7);
  EXPECT_EQ(out_[0].frame, frames::heartbeat_ack) << "for when it is taken in";
  say(R"({"op":1,"d":0})");
  EXPECT_EQ(out_.size(), 1u) << "eris and oceanic beat with 0 before the first event";
}

TEST_F(SessionTest, SecondIdentifyOrResume) {
  identify();
  say(R"({"op":6,"d":{"token":"MTA.x.y","session_id":"a","seq":1}})");
  EXPECT_EQ(close_code(), 4005);
}

TEST_F(SessionTest, ResumeIsRead) {
  say(R"({"op":6,"d":{"token":"MTA.x.y","session_id":"abc","seq":41}})");
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].what, action::resume);
  EXPECT_EQ(out_[0].resume.session_id, "abc");
  EXPECT_EQ(out_[0].resume.seq, 41);
}

TEST_F(SessionTest, StaysUsableAfterInvalidSession) {
  identify();
  step(session_input::kind::invalidated);
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].frame, frames::invalid_session);
  identify();
}

TEST_F(SessionTest, DeadlineForIdentify) {
  now_ += 9999ms;
  step(session_input::kind::tick);
  EXPECT_EQ(close_code(), 0);
  now_ += 1ms;
  step(session_input::kind::tick);
  EXPECT_EQ(close_code(), 4003);
}

TEST_F(SessionTest, DeadlineForBeatsRunsFromReady) {
  identify();
  now_ += 1h;
  step(session_input::kind::tick);
  EXPECT_EQ(close_code(), 0) << "eris does not beat before READY";
  step(session_input::kind::started);
  now_ += 30s;
  step(session_input::kind::tick);
  EXPECT_EQ(close_code(), 0);
  now_ += 1ms;
  step(session_input::kind::tick);
  EXPECT_EQ(close_code(), 4009);
}

TEST_F(SessionTest, SendWindow) {
  identify();
  step(session_input::kind::started);
  for (int i = 1; i < 120; ++i) {
    say(R"({"op":1,"d":null})");
    ASSERT_EQ(close_code(), 0) << i;
  }
  now_ += 60s;
  for (int i = 0; i < 120; ++i) {
    say(R"({"op":3,"d":{}})");
    ASSERT_EQ(close_code(), 0) << i;
  }
  say(R"({"op":1,"d":null})");
  EXPECT_EQ(close_code(), 4008);
}

TEST_F(SessionTest, AskedBeatsAreFree) {
  identify();
  step(session_input::kind::started);
  for (int i = 0; i < 70; ++i) {
    ask(ask_need::closely);
    ASSERT_EQ(out_.size(), 1u);
    EXPECT_EQ(out_[0].frame, frames::heartbeat_request);
    EXPECT_TRUE(ask(ask_need::closely).empty()) << "one at a time";
    say(R"({"op":1,"d":1})");
    now_ += 50ms;
  }
  for (int i = 1; i < 120; ++i) {  // with its IDENTIFY 120
    say(R"({"op":3,"d":{}})");
    ASSERT_EQ(close_code(), 0) << i << ": Discord's limit is still the bot's alone";
  }
}

TEST_F(SessionTest, AsksAtMostOnceASecondAndNotWhenABeatIsDue) {
  EXPECT_TRUE(ask().empty()) << "not before READY";
  identify();
  step(session_input::kind::started);
  EXPECT_TRUE(ask().empty()) << "its own schedule is not known";
  say(R"({"op":1,"d":1})");
  EXPECT_EQ(ask().size(), 1u);
  EXPECT_EQ(say(R"({"op":1,"d":1})")[0].frame, frames::heartbeat_ack) << "answered at once";
  now_ += 999ms;
  EXPECT_TRUE(ask().empty());
  now_ += 1ms;
  EXPECT_EQ(ask().size(), 1u);
  say(R"({"op":1,"d":2})");
  now_ += 8'001ms;
  EXPECT_TRUE(ask().empty()) << "its own beat is due in 999 ms";
  EXPECT_TRUE(ask(ask_need::closely).empty());
}

TEST_F(SessionTest, KnowsProvenLibrariesByTheBeginningOfTheirName) {
  const auto may_ask = [this](std::string_view properties) {
    session one(rules_, reader_);
    one.step({session_input::kind::open, {}}, now_, out_ = {});
    const auto text =
        fmt::format(R"({{"op":2,"d":{{"token":"MTA.x.y","intents":1,"properties":{}}}}})", properties);
    one.step({session_input::kind::message, text}, now_, out_ = {});
    return out_.at(0).identify.may_ask;
  };
  for (const char* name : {"@discordjs/ws 1.2.3", "discord.js", "Seyfert", "Discordeno", "Eris", "Oceanic"}) {
    EXPECT_TRUE(may_ask(fmt::format(R"({{"os":"linux","browser":"{0}","device":"{0}"}})", name))) << name;
  }
  EXPECT_TRUE(may_ask(R"({"$os":"linux","$browser":"Eris","$device":"Eris"})"));
  for (const char* name :
       {"D++", "discord.py", "JDA", "serenity", "erisx", "Discord iOS", "an eris bot", ""}) {
    EXPECT_FALSE(may_ask(fmt::format(R"({{"os":"discord.js","browser":"{0}","device":"{0}"}})", name)))
        << name;
  }
  EXPECT_FALSE(may_ask("null"));
  rules_.ask_heartbeats = false;
  EXPECT_FALSE(may_ask(R"({"browser":"discord.js"})")) << "by option";
}

TEST_F(SessionTest, CommandsCarryTheirRawData) {
  identify();
  say(R"({"op":8,"d":{"guild_id":"1","query":"","limit":0}})");
  ASSERT_EQ(out_.size(), 1u);
  EXPECT_EQ(out_[0].what, action::command);
  EXPECT_EQ(out_[0].op, 8);
  EXPECT_EQ(out_[0].d, R"({"guild_id":"1","query":"","limit":0})");
  say(R"({"op":8,"d":[]})");
  EXPECT_EQ(close_code(), 4002);
}

}  // namespace
}  // namespace evergate::downstream
