#include "pipeline/intake.h"

#include <gtest/gtest.h>

#include "pipeline/errc.h"

namespace evergate::pipeline {
namespace {

using proto::event_type;

/// An intake, its reply table and one batch.
class intake_test : public testing::Test {
 protected:
  void use(intake_options options) {
    auto made = intake::make(options, table);
    ASSERT_TRUE(made) << made.error().text();
    door = std::move(*made);
  }
  void SetUp() override { use({}); }

  /// Hands in a dispatch as it comes from the wire.
  void add(std::string_view t, std::string_view d, std::int64_t s = 9) {
    frame = R"({"t":")" + std::string(t) + R"(","s":)" + std::to_string(s) + R"(,"op":0,"d":)" +
            std::string(d) + "}";
    const auto event = proto::scan_envelope(frame);
    ASSERT_TRUE(event) << event.error().text();
    door->add(*event, {3, 16}, batch);
    frame.assign(frame.size(), '?');  // nothing in the batch may lean on it
  }
  void ready() { add("READY", R"({"v":10,"user":{"id":"42"},"session_id":"s","guilds":[]})"); }

  [[nodiscard]] const flow::event_row& row() const { return batch.rows.back(); }
  [[nodiscard]] std::string_view d() const { return batch.data(row()); }

  flow::reply_table table{1'000, 1};
  std::unique_ptr<intake> door;
  flow::event_batch batch;
  std::string frame;
};

TEST_F(intake_test, makes_a_row_of_an_event) {
  const std::string_view message = R"({"id":"7","channel_id":"6","guild_id":"5","content":"é \ud800"})";
  add("MESSAGE_CREATE", message, 77);
  ASSERT_EQ(batch.rows.size(), 1u);
  EXPECT_EQ(row().type, event_type::message_create);
  EXPECT_EQ(row().guild, 5u);
  EXPECT_EQ(row().seq, 77u);
  EXPECT_EQ(row().shard, 3u);
  EXPECT_EQ(row().shard_count, 16u);
  EXPECT_EQ(row().flags, 0u);
  EXPECT_EQ(row().retention, proto::event_class::message);
  EXPECT_EQ(d(), message);
  EXPECT_EQ(batch.name(row()), "MESSAGE_CREATE");
  EXPECT_EQ(door->counters().received_of(event_type::message_create), 1u);
}

TEST_F(intake_test, keeps_the_name_of_unknown_events) {
  add("SOMETHING_NEW", R"({"guild_id":"5"})");
  add("SOMETHING_ODD", "[]");
  EXPECT_EQ(row().type, event_type::unknown);
  EXPECT_EQ(batch.name(row()), "SOMETHING_ODD");
  EXPECT_EQ(d(), "[]");
  EXPECT_EQ(batch.name(batch.rows[0]), "SOMETHING_NEW");
  EXPECT_EQ(batch.rows[0].guild, 5u);
}

TEST_F(intake_test, entitlements_and_subscriptions_have_no_guild) {
  add("ENTITLEMENT_CREATE", R"({"guild_id":"5"})");
  EXPECT_EQ(row().guild, 0u);
  add("SUBSCRIPTION_UPDATE", R"({"guild_id":"5"})");
  EXPECT_EQ(row().guild, 0u);
}

TEST_F(intake_test, turns_ready_into_a_session_record) {
  ready();
  EXPECT_EQ(row().type, event_type::session_started);
  EXPECT_EQ(row().flags, flow::row_flag::internal);
  EXPECT_EQ(row().retention, proto::event_class::state);
  EXPECT_EQ(row().guild, 0u);
  EXPECT_EQ(d(), R"({"v":10,"user":{"id":"42"},"session_id":"s","guilds":[]})");
  EXPECT_EQ(door->self_id(), 42u);
}

TEST_F(intake_test, leaves_resumed_out) {
  add("RESUMED", R"({"_trace":[]})");
  EXPECT_TRUE(batch.rows.empty());
  EXPECT_EQ(door->counters().received_of(event_type::resumed), 1u);
}

TEST_F(intake_test, leaves_malformed_dispatches_out) {
  proto::envelope event;
  event.op = 0;
  event.d = "{}";
  door->add(event, {0, 1}, batch);
  event.t = "MESSAGE_CREATE";
  event.type = event_type::message_create;
  event.d = {};
  door->add(event, {0, 1}, batch);
  add("READY", "null");
  EXPECT_TRUE(batch.rows.empty());
  EXPECT_EQ(door->counters().malformed.value(), 3u);
}

TEST_F(intake_test, flags_events_about_the_bot_itself) {
  const std::string_view member = R"({"guild_id":"5","user":{"id":"42"},"roles":[]})";
  add("GUILD_MEMBER_UPDATE", member);
  EXPECT_EQ(row().flags, 0u) << "nobody said yet who the bot is";
  ready();
  add("GUILD_MEMBER_UPDATE", member);
  EXPECT_EQ(row().flags, flow::row_flag::self);
  add("GUILD_MEMBER_UPDATE", R"({"guild_id":"5","user":{"id":"43"},"x":"42"})");
  EXPECT_EQ(row().flags, 0u);
  add("THREAD_MEMBERS_UPDATE",
      R"({"guild_id":"5","id":"1","added_members":[{"user_id":"1"},{"user_id":"42"}]})");
  EXPECT_EQ(row().flags, flow::row_flag::self);
  add("THREAD_MEMBERS_UPDATE", R"({"guild_id":"5","id":"1","removed_member_ids":["1","42"]})");
  EXPECT_EQ(row().flags, flow::row_flag::self);
  add("THREAD_MEMBERS_UPDATE", R"({"guild_id":"5","id":"42","removed_member_ids":["1"],"added_members":[]})");
  EXPECT_EQ(row().flags, 0u);
  add("VOICE_STATE_UPDATE", R"({"guild_id":"5","user_id":"42"})");
  EXPECT_EQ(row().flags, 0u);
}

TEST_F(intake_test, knows_the_bot_beforehand_when_told) {
  use({.filter = {}, .self_id = 42});
  add("GUILD_MEMBER_UPDATE", R"({"guild_id":"5","user":{"id":"42"}})");
  EXPECT_EQ(row().flags, flow::row_flag::self);
}

TEST_F(intake_test, gives_member_chunks_to_the_asker_with_its_own_nonce) {
  const std::string nonce = table.add({11, R"("my \u0041")"});
  const auto chunk = [&](int index) {
    return R"({"guild_id":"5","members":[],"nonce":")" + nonce + R"(","chunk_index":)" +
           std::to_string(index) + R"(,"chunk_count":2})";
  };
  add("GUILD_MEMBERS_CHUNK", chunk(0));
  EXPECT_EQ(row().flags, flow::row_flag::reply);
  EXPECT_EQ(row().target, 11u);
  EXPECT_EQ(d(), R"({"guild_id":"5","members":[],"nonce":"my \u0041","chunk_index":0,"chunk_count":2})");
  add("GUILD_MEMBERS_CHUNK", chunk(1));
  EXPECT_EQ(row().target, 11u);
  add("GUILD_MEMBERS_CHUNK", chunk(1));
  EXPECT_EQ(row().flags, flow::row_flag::reply) << "answered to the end: it goes to nobody";
  EXPECT_EQ(row().target, 0u);
  EXPECT_EQ(door->counters().replies.value(), 2u);
  EXPECT_EQ(door->counters().replies_unclaimed.value(), 1u);
}

TEST_F(intake_test, takes_our_nonce_out_when_the_asker_gave_none) {
  const std::string nonce = table.add({11, {}});
  add("GUILD_MEMBERS_CHUNK",
      R"({"guild_id":"5","nonce":")" + nonce + R"(","chunk_index":0,"chunk_count":1})");
  EXPECT_EQ(row().target, 11u);
  EXPECT_EQ(d(), R"({"guild_id":"5","chunk_index":0,"chunk_count":1})");
  const std::string second = table.add({12, {}});
  add("RATE_LIMITED",
      R"({"opcode":8,"retry_after":20.5,"meta":{"guild_id":"5","nonce":")" + second + R"("}})");
  EXPECT_EQ(row().target, 12u);
  EXPECT_EQ(row().guild, 5u);
  EXPECT_EQ(d(), R"({"opcode":8,"retry_after":20.5,"meta":{"guild_id":"5"}})");
  EXPECT_FALSE(table.find(second, false));
}

TEST_F(intake_test, puts_the_nonce_back_into_rate_limited) {
  const std::string nonce = table.add({11, R"("abc")"});
  add("RATE_LIMITED", R"({"nonce":"x","meta":{"nonce":")" + nonce + R"(","guild_id":"5"},"opcode":8})");
  EXPECT_EQ(row().target, 11u);
  EXPECT_EQ(d(), R"({"nonce":"x","meta":{"nonce":"abc","guild_id":"5"},"opcode":8})");
}

TEST_F(intake_test, leaves_foreign_nonces_to_everybody) {
  for (const std::string_view chunk :
       {R"({"guild_id":"5","nonce":"foreign"})", R"({"guild_id":"5"})", R"({"guild_id":"5","nonce":7})"}) {
    add("GUILD_MEMBERS_CHUNK", chunk);
    EXPECT_EQ(row().flags, 0u);
    EXPECT_EQ(d(), chunk);
  }
}

TEST_F(intake_test, matches_soundboards_and_channel_info_by_guild) {
  table.add_by_guild(31, 5, {11, {}});
  table.add_by_guild(31, 5, {12, {}});
  table.add_by_guild(43, 5, {13, {}});
  add("SOUNDBOARD_SOUNDS", R"({"guild_id":"5","soundboard_sounds":[]})", 9);
  ASSERT_EQ(batch.rows.size(), 2u) << "one for each who waits";
  EXPECT_EQ(batch.rows[0].target, 11u);
  EXPECT_EQ(batch.rows[0].seq, 9u);
  EXPECT_EQ(batch.rows[1].target, 12u);
  EXPECT_EQ(batch.rows[1].seq, 0u);
  EXPECT_EQ(batch.rows[1].flags, flow::row_flag::reply);
  add("SOUNDBOARD_SOUNDS", R"({"guild_id":"5","soundboard_sounds":[]})");
  EXPECT_EQ(row().target, 0u);
  EXPECT_EQ(row().flags, flow::row_flag::reply);
  add("CHANNEL_INFO", R"({"guild_id":"5","channels":[]})");
  EXPECT_EQ(row().target, 13u);
  EXPECT_EQ(batch.rows.size(), 4u);
}

TEST_F(intake_test, keeps_what_messages_do_to_counts) {
  add("TYPING_START", R"({"guild_id":"5","channel_id":"6"})");
  add("MESSAGE_CREATE", R"({"id":"7","channel_id":"6","guild_id":"5"})");
  add("MESSAGE_DELETE", R"({"id":"7","channel_id":"6","guild_id":"5"})");
  add("MESSAGE_DELETE_BULK", R"({"ids":["1","2","3"],"channel_id":"6","guild_id":"5"})");
  add("MESSAGE_CREATE", R"({"id":"8","channel_id":"9"})");
  ASSERT_EQ(batch.counters.size(), 3u) << "direct messages count nowhere";
  const auto& created = batch.counters[0];
  EXPECT_EQ(created.offset.value, 1u);
  EXPECT_EQ(created.guild, 5u);
  EXPECT_EQ(created.channel, 6u);
  EXPECT_EQ(created.message, 7u);
  EXPECT_EQ(created.added, 1);
  EXPECT_EQ(created.added_total, 1);
  EXPECT_EQ(batch.counters[1].offset.value, 2u);
  EXPECT_EQ(batch.counters[1].message, 0u);
  EXPECT_EQ(batch.counters[1].added, -1);
  EXPECT_EQ(batch.counters[1].added_total, 0);
  EXPECT_EQ(batch.counters[2].added, -3);
}

TEST_F(intake_test, repairs_invalid_utf8) {
  add("MESSAGE_CREATE", "{\"content\":\"a\xff\xe2\x82\"}");
  EXPECT_EQ(d(), "{\"content\":\"a\xef\xbf\xbd\xef\xbf\xbd\"}");
  EXPECT_EQ(door->counters().repaired.value(), 1u);
  add("MESSAGE_CREATE", R"({"content":"fine"})");
  EXPECT_EQ(door->counters().repaired.value(), 1u);
}

TEST_F(intake_test, drops_what_the_filter_names) {
  use({.filter = {.dropped_events = {"TYPING_START", "ODD"}, .guilds_allowed = {}, .guilds_denied = {5}}});
  add("TYPING_START", R"({"guild_id":"6"})");
  add("ODD", "{}");
  add("MESSAGE_CREATE", R"({"id":"1","channel_id":"2","guild_id":"5"})");
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(batch.counters.empty());
  EXPECT_EQ(door->counters().dropped_by_event.value(), 2u);
  EXPECT_EQ(door->counters().dropped_by_guild.value(), 1u);
  add("MESSAGE_CREATE", R"({"guild_id":"6"})");
  EXPECT_EQ(batch.rows.size(), 1u);
}

TEST_F(intake_test, tells_the_mirror_that_a_filtered_guild_is_not_there) {
  use({.filter = {.dropped_events = {}, .guilds_allowed = {6}, .guilds_denied = {}}});
  add("GUILD_CREATE", R"({"id":"5","name":"x"})", 4);
  ASSERT_EQ(batch.rows.size(), 1u);
  EXPECT_EQ(row().type, event_type::guild_delete);
  EXPECT_EQ(row().flags, flow::row_flag::internal);
  EXPECT_EQ(row().guild, 5u);
  EXPECT_EQ(row().seq, 4u);
  EXPECT_EQ(d(), R"({"id":"5"})");
  add("GUILD_CREATE", R"({"id":"6"})");
  EXPECT_EQ(row().type, event_type::guild_create);
  EXPECT_EQ(row().flags, 0u);
}

TEST_F(intake_test, refuses_bad_options) {
  const auto made = intake::make(
      {.filter = {.dropped_events = {"READY"}, .guilds_allowed = {}, .guilds_denied = {}}}, table);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::bad_option);
}

TEST_F(intake_test, on_event_may_drop_and_rewrite) {
  controller_table overrides;
  overrides.on_event = [](const auto& asked, const auto& standard) -> event_answer {
    if (asked.type == "TYPING_START") return {.what = event_answer::verdict::drop};
    if (asked.type == "MESSAGE_CREATE") return {.what = event_answer::verdict::rewrite, .d = R"({"id":"8"})"};
    if (asked.type == "MESSAGE_UPDATE") return {.what = event_answer::verdict::rewrite, .d = "{no JSON}"};
    return standard(asked);
  };
  const decide::desk decisions(overrides, nullptr, std::chrono::seconds(1));
  intake_options options;
  options.decisions = &decisions;
  use(options);
  add("TYPING_START", R"({"guild_id":"5"})");
  EXPECT_TRUE(batch.rows.empty());
  EXPECT_EQ(door->counters().dropped_by_controller.value(), 1u);
  add("MESSAGE_CREATE", R"({"id":"7","guild_id":"5"})");
  EXPECT_EQ(d(), R"({"id":"8"})");
  EXPECT_EQ(row().guild, 5u);
  EXPECT_EQ(door->counters().rewritten.value(), 1u);
  add("MESSAGE_UPDATE", R"({"id":"7"})");
  EXPECT_EQ(d(), R"({"id":"7"})") << "an answer that is no JSON leaves the event as it was";
  add("GUILD_CREATE", R"({"id":"5"})");
  EXPECT_EQ(d(), R"({"id":"5"})");
  EXPECT_EQ(decisions.on_event.status().failures, 1u);
}

TEST_F(intake_test, a_reply_goes_to_everybody_who_joined_the_request) {
  const std::string nonce = table.add({11, R"("one")"}, "key", {});
  ASSERT_TRUE(table.join("key", {12, R"("two")"}, {}));
  ASSERT_TRUE(table.join("key", {13, {}}, {}));
  add("GUILD_MEMBERS_CHUNK", R"({"guild_id":"5","chunk_index":0,"chunk_count":1,"nonce":")" + nonce + R"("})",
      77);
  ASSERT_EQ(batch.rows.size(), 3u);
  EXPECT_EQ(batch.rows[0].target, 11u);
  EXPECT_EQ(batch.rows[0].seq, 77u);
  EXPECT_NE(batch.data(batch.rows[0]).find(R"("nonce":"one")"), std::string_view::npos);
  EXPECT_EQ(batch.rows[1].target, 12u);
  EXPECT_EQ(batch.rows[1].seq, 0u) << "a copy is no event of Discord's";
  EXPECT_NE(batch.data(batch.rows[1]).find(R"("nonce":"two")"), std::string_view::npos);
  EXPECT_EQ(batch.rows[2].target, 13u);
  EXPECT_EQ(batch.data(batch.rows[2]).find("nonce"), std::string_view::npos);
}

}  // namespace
}  // namespace evergate::pipeline
