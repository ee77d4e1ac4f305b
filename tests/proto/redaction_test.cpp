#include "proto/redaction.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/rng.h"

namespace evergate::proto {
namespace {

using nlohmann::json;

constexpr snowflake bot = 42;

std::string redacted(event_type type, const std::string& d, snowflake self = bot) {
  std::string out = "head ";
  redact(type, d, self, out);
  EXPECT_TRUE(out.starts_with("head "));
  out.erase(0, 5);
  EXPECT_EQ(needs_redaction(type, d, self), out != d) << d;
  return out;
}

std::string redacted(const std::string& d, snowflake self = bot) {
  return redacted(event_type::message_create, d, self);
}

TEST(redaction, empties_a_guild_message) {
  EXPECT_EQ(
      redacted(
          R"({"id":"1","guild_id":"2","content":"secret","embeds":[{"a":1}],"attachments":[{}],"components":[1],"poll":{"q":1},"author":{"id":"7"},"mentions":[]})"),
      R"({"id":"1","guild_id":"2","content":"","embeds":[],"attachments":[],"components":[],"author":{"id":"7"},"mentions":[]})");
}

TEST(redaction, leaves_what_the_bot_may_see) {
  const std::string own = R"({"guild_id":"2","content":"x","poll":{},"author":{"id":"42"}})";
  const std::string dm = R"({"content":"x","embeds":[1],"author":{"id":"7"}})";
  const std::string mention =
      R"({"guild_id":"2","content":"x","author":{"id":"7"},"mentions":[{"id":"1"},{"id":"42"}]})";
  for (const std::string& d : {own, dm, mention}) EXPECT_EQ(redacted(d), d);
  EXPECT_NE(redacted(own, 0), own);
  EXPECT_NE(redacted(mention, 0), mention);
  EXPECT_EQ(redacted(R"({"guild_id":"2","content":"x","mention_roles":["42"],"mention_everyone":true})"),
            R"({"guild_id":"2","content":"","mention_roles":["42"],"mention_everyone":true})");
}

TEST(redaction, leaves_messages_without_content_alone) {
  for (const std::string d : {R"({"guild_id":"2","content":"","embeds":[],"attachments":[],"components":[]})",
                              R"({"guild_id":"2"})", "{}", "null", "[]", ""}) {
    EXPECT_EQ(redacted(d), d);
  }
}

TEST(redaction, leaves_other_events_alone) {
  const std::string d = R"({"guild_id":"2","content":"x"})";
  EXPECT_EQ(redacted(event_type::interaction_create, d), d);
  EXPECT_EQ(redacted(event_type::unknown, d), d);
  EXPECT_EQ(redacted(event_type::message_update, d), R"({"guild_id":"2","content":""})");
}

TEST(redaction, takes_the_poll_out_wherever_it_stands) {
  EXPECT_EQ(redacted(R"({"poll":1,"guild_id":"2"})"), R"({"guild_id":"2"})");
  EXPECT_EQ(redacted(R"({"guild_id":"2","poll":1})"), R"({"guild_id":"2"})");
  EXPECT_EQ(redacted(R"({"guild_id":"2" , "poll" : {"a":[1]} , "id":"3"})"),
            R"({"guild_id":"2" , "id":"3"})");
  EXPECT_EQ(redacted(R"({"poll":1,"poll":2,"guild_id":"2","poll":3})"), R"({"guild_id":"2"})");
}

TEST(redaction, judges_the_referenced_message_by_itself) {
  EXPECT_EQ(
      redacted(
          R"({"guild_id":"2","content":"x","author":{"id":"7"},"referenced_message":{"content":"y","author":{"id":"42"}}})"),
      R"({"guild_id":"2","content":"","author":{"id":"7"},"referenced_message":{"content":"y","author":{"id":"42"}}})");
  EXPECT_EQ(
      redacted(
          R"({"guild_id":"2","content":"x","author":{"id":"42"},"referenced_message":{"poll":1,"content":"y","author":{"id":"7"}}})"),
      R"({"guild_id":"2","content":"x","author":{"id":"42"},"referenced_message":{"content":"","author":{"id":"7"}}})");
  const std::string none = R"({"guild_id":"2","content":"","referenced_message":null})";
  EXPECT_EQ(redacted(none), none);
}

TEST(redaction, judges_forwarded_messages_by_themselves) {
  EXPECT_EQ(
      redacted(
          R"({"message_snapshots":[{"message":{"content":"y","guild_id":"9"}},{"message":{"content":"z","mentions":[{"id":"42"}]}},{"x":1},5],"guild_id":"2"})"),
      R"({"message_snapshots":[{"message":{"content":"","guild_id":"9"}},{"message":{"content":"z","mentions":[{"id":"42"}]}},{"x":1},5],"guild_id":"2"})");
}

TEST(redaction, ends_at_absurd_nesting) {
  std::string d = R"({"content":"deep"})";
  for (int i = 0; i < 60; ++i) d = R"({"guild_id":"2","referenced_message":)" + d + "}";
  EXPECT_EQ(redacted(d).find("deep"), std::string::npos);
}

TEST(redaction, empties_automod_executions) {
  EXPECT_EQ(redacted(event_type::auto_moderation_action_execution,
                     R"({"guild_id":"2","content":"bad","matched_content":"ba","matched_keyword":"b"})"),
            R"({"guild_id":"2","content":"","matched_content":"","matched_keyword":"b"})");
  const std::string nothing = R"({"content":"","matched_content":null})";
  EXPECT_EQ(redacted(event_type::auto_moderation_action_execution, nothing), nothing);
}

/// The rules once more, on a document.
void model(json& message, bool guild) {
  if (!guild) return;
  bool keep = message.contains("author") && message["author"]["id"] == "42";
  if (message.contains("mentions")) {
    for (const auto& user : message["mentions"]) keep = keep || user["id"] == "42";
  }
  if (!keep) {
    if (message.contains("content")) message["content"] = "";
    for (const char* key : {"embeds", "attachments", "components"}) {
      if (message.contains(key)) message[key] = json::array();
    }
    message.erase("poll");
  }
  if (message.contains("referenced_message") && message["referenced_message"].is_object())
    model(message["referenced_message"], true);
  if (message.contains("message_snapshots")) {
    for (auto& snapshot : message["message_snapshots"]) model(snapshot["message"], true);
  }
}

json random_message(base::rng& rng, int depth) {
  json out = json::object();
  const auto user = [&] {
    return json{{"id", rng.chance(0.3) ? "42" : std::to_string(rng.below(40))}, {"name", "u\"{["}};
  };
  if (rng.chance(0.8)) out["content"] = rng.chance(0.2) ? "" : "text } ] \" \\ ü";
  if (rng.chance(0.5)) out["embeds"] = json::array({json{{"title", "content"}}});
  if (rng.chance(0.5)) out["attachments"] = json::array();
  if (rng.chance(0.3)) out["components"] = json::array({1, 2});
  if (rng.chance(0.3)) out["poll"] = json{{"question", "q"}};
  if (rng.chance(0.8)) out["author"] = user();
  if (rng.chance(0.5)) out["mentions"] = json::array({user(), user()});
  if (depth > 0 && rng.chance(0.4))
    out["referenced_message"] = rng.chance(0.2) ? json() : random_message(rng, depth - 1);
  if (depth > 0 && rng.chance(0.3))
    out["message_snapshots"] = json::array({json{{"message", random_message(rng, depth - 1)}}});
  return out;
}

TEST(redaction, agrees_with_the_rules_on_random_messages) {
  base::rng rng(31);
  for (int i = 0; i < 5'000; ++i) {
    json d = random_message(rng, 2);
    const bool guild = rng.chance(0.8);
    if (guild) d["guild_id"] = "5";
    const json out = json::parse(redacted(d.dump(rng.chance(0.3) ? 2 : -1)));
    model(d, guild);
    ASSERT_EQ(out, d);
  }
}

}  // namespace
}  // namespace evergate::proto
