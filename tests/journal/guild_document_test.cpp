#include "journal/guild_document.h"

#include <gtest/gtest.h>

#include <set>

#include "guild_model.h"

namespace evergate::journal {
namespace {

using test::guild_model;
using test::json;

json shown(guild_document& document) {
  std::string text;
  document.write(text);
  guild_model model;
  model.doc = json::parse(text);
  EXPECT_EQ(model.doc.at("unavailable"), false);
  return model.shown();
}

flow::counter_row counter_of(const test::random_event& event) {
  flow::counter_row counter;
  counter.channel = event.channel;
  counter.message = event.message;
  counter.added = event.added;
  counter.added_total = event.added > 0 ? 1 : 0;
  return counter;
}

// Every kind of event, many times over, against the model.
TEST(guild_document, agrees_with_the_model_on_every_event) {
  base::rng random(7);
  std::set<proto::event_type> seen;
  for (int guild = 0; guild < 15; ++guild) {
    guild_document document(test::self_id);
    guild_model model;
    const auto first = test::make_guild(random, 10);
    ASSERT_TRUE(document.apply(proto::event_type::guild_create, first.dump()));
    model.apply(proto::event_type::guild_create, first);
    for (int i = 0; i < 100; ++i) {
      const auto event = test::make_event(random, 10);
      seen.insert(event.type);
      if (event.counter) {
        document.apply(counter_of(event));
        model.count(event.channel, event.message, event.added, event.added > 0 ? 1 : 0);
      } else if (event.type == proto::event_type::user_update) {
        document.apply_user(event.d.dump());
        model.user(event.d);
      } else {
        EXPECT_TRUE(document.apply(event.type, event.d.dump())) << static_cast<int>(event.type);
        model.apply(event.type, event.d);
      }
      ASSERT_EQ(shown(document), model.shown()) << "guild " << guild << " event " << i << " type "
                                                << static_cast<int>(event.type) << " " << event.d.dump();
    }
  }
  EXPECT_EQ(seen.size(), 38U);
}

TEST(guild_document, keeps_the_bytes_of_what_no_event_touched) {
  guild_document document;
  ASSERT_TRUE(document.replace(
      R"({"id":"1","odd" : [1.50, 2e3 ,"\u00e9\/"],"members":[{"user":{"id":"2"},"x":0.10}]})"));
  document.apply(proto::event_type::guild_member_add, R"({"user":{"id":"3"},"guild_id":"1"})");
  std::string text;
  document.write(text);
  EXPECT_EQ(
      text,
      R"({"id":"1","odd":[1.50, 2e3 ,"\u00e9\/"],"members":[{"user":{"id":"2"},"x":0.10},{"user":{"id":"3"}}],"unavailable":false})");
}

TEST(guild_document, ignores_events_before_its_guild_create) {
  guild_document document;
  EXPECT_FALSE(document.apply(proto::event_type::channel_create, R"({"id":"3"})"));
  EXPECT_FALSE(document.present());
}

TEST(guild_document, an_unavailable_guild_create_changes_nothing) {
  guild_document document;
  ASSERT_TRUE(document.replace(R"({"id":"1","name":"a"})"));
  EXPECT_FALSE(document.apply(proto::event_type::guild_create, R"({"id":"1","unavailable":true})"));
  EXPECT_EQ(document.get("name"), R"("a")");
}

TEST(guild_document, bad_events_change_nothing) {
  const std::string base = R"({"id":"1","channels":[{"id":"3"}],"member_count":2})";
  guild_document untouched;
  ASSERT_TRUE(untouched.replace(base));
  const auto expected = shown(untouched);
  for (const auto* const bad : {"", "null", "[]", "{", "{\"id\":", "7", "\"x\"", "{\"id\":\"3\"", "{}"}) {
    for (int type = 0; type < 90; ++type) {
      if (static_cast<proto::event_type>(type) == proto::event_type::guild_create) continue;
      const bool empty_counts = std::string_view(bad) == "{}" &&
                                static_cast<proto::event_type>(type) == proto::event_type::thread_list_sync;
      if (empty_counts) continue;
      guild_document document(test::self_id);
      ASSERT_TRUE(document.replace(base));
      document.apply(static_cast<proto::event_type>(type), bad);
      EXPECT_EQ(shown(document), expected) << type << " " << bad;
    }
  }
}

TEST(guild_document, a_base_that_is_no_object_is_refused) {
  for (const auto* const bad : {"", "[]", "{\"a\":1", "nul"}) {
    guild_document document;
    EXPECT_FALSE(document.replace(bad)) << bad;
    EXPECT_FALSE(document.present());
  }
}

TEST(guild_document, a_repeated_member_add_is_not_counted_twice) {
  guild_document document;
  ASSERT_TRUE(document.replace(R"({"id":"1","member_count":2,"members":[]})"));
  document.apply(proto::event_type::guild_member_add, R"({"user":{"id":"3"}})");
  document.apply(proto::event_type::guild_member_add, R"({"user":{"id":"3"},"nick":"n"})");
  EXPECT_EQ(shown(document)["member_count"], 3);
  EXPECT_EQ(shown(document)["members"].size(), 1U);
}

TEST(guild_document, an_obfuscated_channel_keeps_nothing_of_what_it_was) {
  guild_document document;
  ASSERT_TRUE(document.replace(R"({"id":"1","channels":[{"id":"3","name":"secret","topic":"t","type":0}]})"));
  document.apply(proto::event_type::channel_update,
                 R"({"id":"3","name":"___hidden___","type":0,"guild_id":"1"})");
  EXPECT_EQ(shown(document)["channels"], json::parse(R"([{"id":"3","name":"___hidden___","type":0}])"));
}

}  // namespace
}  // namespace evergate::journal
