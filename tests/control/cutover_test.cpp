#include <algorithm>

#include "two_fleets.h"

namespace evergate::control::cutover_cases {
namespace {

TEST_F(Cutover, NothingOfTheNewFleetIsShownBeforeTheCut) {
  message(old_fleet, guild(1), 10);
  prepare();
  EXPECT_TRUE(made->ready());
  EXPECT_EQ(made->awaited(), 0U);
  message(new_fleet, guild(1), 11);
  message(old_fleet, guild(1), 11);
  EXPECT_EQ(shown, (std::vector<std::string>{text(10), text(11)}));
  EXPECT_FALSE(made->complete());
}

TEST_F(Cutover, ReadyNeedsEveryShard) {
  ready(new_fleet, 0, {3});
  ready(new_fleet, 0, {3});  // identified twice: still one shard
  ready(new_fleet, 2, {2});
  EXPECT_FALSE(made->ready());
  ready(new_fleet, 1, {});
  EXPECT_TRUE(made->ready());
  EXPECT_EQ(made->awaited(), 2U);
  tell(new_fleet, event_type::guild_delete, guild(2), R"({"unavailable":true})");
  EXPECT_EQ(made->awaited(), 1U);
}

TEST_F(Cutover, TheNewReadysGoOnWhenTheCutsBegin) {
  prepare();
  EXPECT_TRUE(shown.empty());
  cutover::output out;
  made->open(now, out);
  ASSERT_EQ(out.batch.rows.size(), 3U);
  for (const auto& row : out.batch.rows) {
    EXPECT_EQ(row.type, event_type::session_started);
    EXPECT_NE(row.flags & flow::row_flag::known_guilds, 0);
    EXPECT_EQ(row.shard_count, 3);
  }
}

TEST_F(Cutover, GuildsMoveOneByOne) {
  prepare();
  open();
  shown.clear();
  message(old_fleet, guild(1), 20);
  message(new_fleet, guild(1), 20);
  message(new_fleet, guild(1), 21);
  message(old_fleet, guild(1), 21);
  message(old_fleet, guild(2), 22);
  EXPECT_EQ(shown, (std::vector<std::string>{text(20), text(21), text(22)}));
  EXPECT_EQ(made->owner_of(guild(1)), new_fleet);
  EXPECT_EQ(made->owner_of(guild(2)), old_fleet);
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_EQ(moves[0].guild, guild(1));
  EXPECT_EQ(moves[0].owner, new_fleet);
}

TEST_F(Cutover, SilentGuildsMoveWhenItIsProved) {
  prepare();
  open();
  EXPECT_FALSE(made->complete());
  prove_all();
  EXPECT_TRUE(made->complete());
  const auto summary = made->summary(now);
  EXPECT_EQ(summary.guilds_in_silence, 6U);  // five and the events without a guild
  EXPECT_EQ(summary.guilds_with_gap, 0U);
  EXPECT_FALSE(made->may_close(old_fleet, 0));
  prove_all();
  EXPECT_TRUE(made->may_close(old_fleet, 0));
  EXPECT_FALSE(made->may_close(new_fleet, 0));
}

TEST_F(Cutover, EventsWithoutAGuildAreOneStream) {
  prepare();
  open();
  shown.clear();
  message(new_fleet, 0, 30);
  message(old_fleet, 0, 30);
  message(old_fleet, 0, 31);
  message(new_fleet, 0, 31);
  EXPECT_EQ(shown, (std::vector<std::string>{text(30), text(31)}));
  EXPECT_EQ(made->owner_of(0), new_fleet);
}

TEST_F(Cutover, ProgressStopsBeforeWhatWaitsInAHandover) {
  prepare();
  open();
  const proto::shard_key left(1, 2);
  message(old_fleet, guild(1), 40);
  message(old_fleet, guild(1), 41);
  message(new_fleet, guild(1), 40);  // the cut; 41 is owed
  const auto start = static_cast<std::int64_t>(seq[0][1]);
  message(old_fleet, guild(1), 42);
  message(old_fleet, guild(3), 43);
  EXPECT_EQ(progress.at(left), start);
  EXPECT_EQ(records.at("seen/2/1"), fmt::format("{} {} {} ", start + 2, guild(1), start + 1));
  message(new_fleet, guild(1), 41);
  EXPECT_EQ(progress.at(left), start + 2);
  EXPECT_FALSE(records.contains("seen/2/1"));
  EXPECT_EQ(shown.back(), text(43));
  message(new_fleet, guild(1), 42);
  EXPECT_EQ(shown.back(), text(42));
}

TEST_F(Cutover, WhatIsOnlyComparedHoldsNoSequenceBack) {
  prepare();
  message(new_fleet, guild(1), 40);
  EXPECT_EQ(progress.at(proto::shard_key(1, 3)), static_cast<std::int64_t>(seq[1][1]));
}

TEST_F(Cutover, ARestartInAHandoverRepeatsNothing) {
  prepare();
  open();
  message(old_fleet, guild(1), 40);
  message(old_fleet, guild(1), 41);
  message(new_fleet, guild(1), 40);
  const auto committed = seq[0][1];
  message(old_fleet, guild(1), 42);  // waits
  message(old_fleet, guild(3), 43);
  shown.clear();

  go_on({});
  seq[0][1] = committed;
  message(old_fleet, guild(1), 42);  // Discord repeats what lies past the sequence that was told
  message(old_fleet, guild(3), 43);
  EXPECT_EQ(shown, std::vector<std::string>{text(42)});
  EXPECT_FALSE(records.contains("seen/2/1"));
}

TEST_F(Cutover, AfterARestartNothingMovesBeforeBothSidesHaveCaughtUp) {
  prepare();
  open();
  message(old_fleet, guild(1), 50);
  shown.clear();
  go_on({});
  now += 10'000ms;
  message(new_fleet, guild(1), 50);  // shown before the restart, which nobody remembers
  message(new_fleet, guild(1), 51);
  message(old_fleet, guild(1), 51);
  EXPECT_EQ(made->owner_of(guild(1)), old_fleet);
  prove_all();
  now += 1'001ms;
  message(old_fleet, guild(1), 52);
  message(new_fleet, guild(1), 52);
  EXPECT_EQ(made->owner_of(guild(1)), new_fleet);
  EXPECT_EQ(shown, (std::vector<std::string>{text(51), text(52)}));
}

TEST_F(Cutover, AfterARestartMovedGuildsAreTheNewFleets) {
  go_on({guild(1)});
  EXPECT_EQ(made->owner_of(guild(1)), new_fleet);
  message(old_fleet, guild(1), 60);
  message(new_fleet, guild(1), 61);
  EXPECT_EQ(shown, std::vector<std::string>{text(61)});
  cutover::output out;
  made->turn_back(now, out);
  show(out);
  EXPECT_FALSE(made->complete());
}

TEST_F(Cutover, TheReceiptCountsOnAfterARestart) {
  prepare();
  message(old_fleet, guild(1), 60);  // before the cuts
  open();
  for (const int id : {61, 62}) {
    message(old_fleet, guild(1), id);
    message(new_fleet, guild(1), id);
  }
  message(new_fleet, guild(1), 63);
  tell(old_fleet, event_type::guild_create, guild(6), "{}");
  now += 5'000ms;
  tell(old_fleet, event_type::guild_create, guild(7), "{}");
  tell(new_fleet, event_type::guild_create, guild(7), "{}");
  const auto before = made->summary(now);
  EXPECT_EQ(before.guilds_at_event, 1U);
  EXPECT_EQ(before.guilds_born, 1U);
  EXPECT_EQ(before.delivered_by_old, 2U) << "61, and the guild that was joined in the middle";
  EXPECT_EQ(before.delivered_by_new, 3U) << "62, 63, and the guild that was joined late";
  EXPECT_EQ(receipt::parse(proto::member(records[std::string(cutover::counts_record)], "receipt")).to_json(),
            made->summary(t0).to_json())
      << "in the transaction of the events";

  go_on({guild(1), guild(7)});
  message(new_fleet, guild(1), 64);
  message(old_fleet, guild(2), 65);
  for (int i = 0; i < 3; ++i) prove_all();
  EXPECT_TRUE(made->complete());
  const auto after = made->summary(now);
  EXPECT_EQ(after.delivered_by_old, 3U);
  EXPECT_EQ(after.delivered_by_new, 4U);
  EXPECT_EQ(after.guilds_at_event, 1U);
  EXPECT_EQ(after.guilds_born, 1U);
  EXPECT_EQ(after.guilds(), 7U);
}

TEST_F(Cutover, AGuildThatComesBackAfterARestartIsCountedOnce) {
  records[std::string(cutover::counts_record)] = R"({"receipt":{"guilds":{"in_silence":2}}})";
  go_on({guild(1), guild(2)});
  cutover::output out;
  made->turn_back(now, out);
  show(out);
  message(old_fleet, guild(3), 66);
  for (int i = 0; i < 3; ++i) prove_all();
  EXPECT_TRUE(made->complete());
  const auto sum = made->summary(now);
  EXPECT_EQ(sum.guilds(), 2U);
  EXPECT_EQ(sum.delivered_by_old, 1U) << "of a guild that never moved";
}

// Seed 5168 --reshard: its members were older than what the new owner had shown meanwhile.
TEST_F(Cutover, AReplyOfASessionThatHasLeftTheGuildIsNotForTheMirror) {
  prepare();
  open();
  const auto flags_of_reply = [this](fleet_side side) {
    auto chunk = one(side, event_type::guild_members_chunk, guild(1), "{}");
    chunk.rows.front().flags |= flow::row_flag::reply;
    cutover::output out;
    made->take(side, chunk, now, out);
    return out.batch.rows.at(0).flags;
  };
  EXPECT_EQ(flags_of_reply(old_fleet), flow::row_flag::reply);
  message(old_fleet, guild(1), 61);
  message(new_fleet, guild(1), 61);
  ASSERT_EQ(made->owner_of(guild(1)), new_fleet);
  EXPECT_EQ(flags_of_reply(old_fleet), flow::row_flag::reply | flow::row_flag::aside);
  EXPECT_EQ(flags_of_reply(new_fleet), flow::row_flag::reply);
}

TEST_F(Cutover, TheBotsVoiceIsTheSessionsThatJoined) {
  ready(new_fleet, 0, {3});
  tell(new_fleet, event_type::session_started, 0,
       fmt::format(R"({{"user":{{"id":"9"}},"guilds":[{{"id":"{}"}},{{"id":"{}"}}]}})", guild(1), guild(4)),
       1);
  ready(new_fleet, 2, {});
  tell(new_fleet, event_type::guild_create, guild(1),
       R"({"voice_states":[{"user_id":"9","channel_id":"5"}]})");
  tell(new_fleet, event_type::guild_create, guild(4),
       R"({"voice_states":[{"user_id":"8","channel_id":"5"}]})");
  EXPECT_TRUE(made->in_voice(guild(1)));
  EXPECT_FALSE(made->in_voice(guild(4)));
  EXPECT_TRUE(made->carries_voice(1));
  EXPECT_FALSE(made->carries_voice(0));
  const auto voice = [&](std::uint64_t number, std::string_view user, std::string_view channel) {
    tell(old_fleet, event_type::voice_state_update, guild(number),
         fmt::format(R"({{"user_id":"{}","channel_id":{}}})", user, channel));
  };
  voice(4, "8", R"("5")");
  EXPECT_FALSE(made->in_voice(guild(4))) << "somebody else";
  voice(4, "9", R"("5")");
  EXPECT_TRUE(made->in_voice(guild(4)));
  voice(4, "9", "null");
  EXPECT_FALSE(made->in_voice(guild(4)));
}

TEST_F(Cutover, AGuildThatJoinsMeanwhileIsTheNewFleetsAtOnce) {
  prepare();
  open();
  now += 2'000ms;
  shown.clear();
  const auto joined = R"({"joined_at":"now"})";
  tell(old_fleet, event_type::guild_create, guild(8), joined);
  message(old_fleet, guild(8), 50);
  EXPECT_TRUE(shown.empty());
  tell(new_fleet, event_type::guild_create, guild(8), joined);
  message(new_fleet, guild(8), 50);
  EXPECT_EQ(shown, (std::vector<std::string>{std::string("GUILD_CREATE:") + joined, text(50)}));
}

TEST_F(Cutover, AGuildThatJoinsWhilePreparingIsServedByTheOldFleet) {
  prepare();
  const auto joined = R"({"joined_at":"now"})";
  tell(new_fleet, event_type::guild_create, guild(8), joined);
  EXPECT_TRUE(shown.empty());
  tell(old_fleet, event_type::guild_create, guild(8), joined);
  EXPECT_EQ(shown, std::vector<std::string>{std::string("GUILD_CREATE:") + joined});
  open();
  prove_all();
  EXPECT_EQ(made->owner_of(guild(8)), new_fleet);
  EXPECT_EQ(std::ranges::count_if(shown, [](const auto& s) { return s.starts_with("GUILD_CREATE"); }), 1);
}

TEST_F(Cutover, AGuildThatLeavesIsToldOnce) {
  prepare();
  open();
  shown.clear();
  tell(new_fleet, event_type::guild_delete, guild(1), "{}");
  tell(old_fleet, event_type::guild_delete, guild(1), "{}");
  prove_all();
  EXPECT_EQ(shown, std::vector<std::string>{"GUILD_DELETE:{}"});
  EXPECT_TRUE(made->complete());
}

TEST_F(Cutover, InteractionsOfForeignGuildsAreToldOnceOnWhicheverShard) {
  prepare();
  open();
  shown.clear();
  tell(new_fleet, event_type::interaction_create, guild(77), R"({"id":"1"})", 0);
  tell(old_fleet, event_type::interaction_create, guild(77), R"({"id":"1"})", 0);
  tell(old_fleet, event_type::interaction_create, guild(77), R"({"id":"2"})");
  tell(new_fleet, event_type::interaction_create, guild(77), R"({"id":"2"})");
  EXPECT_EQ(shown.size(), 2U);
}

TEST_F(Cutover, RepliesComeFromWhereWasAsked) {
  prepare();
  open();
  message(old_fleet, guild(1), 60);
  message(new_fleet, guild(1), 60);
  shown.clear();
  // Asked of the old fleet before the guild moved; the rest of the answer comes afterwards.
  tell(old_fleet, event_type::guild_members_chunk, guild(1), R"({"chunk_index":1})");
  EXPECT_EQ(shown.size(), 1U);
  tell(new_fleet, event_type::guild_members_chunk, guild(1), R"({"chunk_index":1})");  // a copy
  EXPECT_EQ(shown.size(), 1U);
  tell(old_fleet, event_type::voice_server_update, guild(1), R"({"endpoint":"a"})");
  tell(new_fleet, event_type::voice_server_update, guild(1), R"({"endpoint":"b"})");
  EXPECT_EQ(shown.size(), 3U);
  tell(new_fleet, event_type::voice_server_update, guild(2), R"({"endpoint":"c"})");  // not yet its guild
  EXPECT_EQ(shown.size(), 3U);
}

TEST_F(Cutover, AGuildThatCannotBeAlignedIsAGap) {
  prepare();
  open();
  for (int i = 0; i < 30; ++i) {
    tell(old_fleet, event_type::typing_start, guild(1), "{}");
    tell(new_fleet, event_type::typing_start, guild(1), "{}");
  }
  prove_all(0ms);  // the others have been silent
  now += 60'000ms;
  tell(old_fleet, event_type::typing_start, guild(1), "{}");
  cutover::output out;
  made->tick(now, out);
  made->proved(new_fleet, 1, now + 1'100ms, now + 1'100ms, out);
  ASSERT_FALSE(out.batch.rows.empty());
  const auto& row = out.batch.rows.back();
  EXPECT_EQ(row.type, event_type::gap);
  EXPECT_EQ(row.guild, guild(1));
  EXPECT_EQ(row.shard_count, 0);
  EXPECT_EQ(made->summary(now).guilds_with_gap, 1U);
}

TEST_F(Cutover, TurningBackBeforeTheCutsLeavesTheOldFleet) {
  prepare();
  message(new_fleet, guild(1), 80);
  cutover::output out;
  made->turn_back(now, out);
  EXPECT_TRUE(made->complete());
  EXPECT_TRUE(made->may_close(new_fleet, 1));
  message(old_fleet, guild(1), 80);
  message(new_fleet, guild(1), 81);
  message(old_fleet, guild(1), 81);
  EXPECT_EQ(shown, (std::vector<std::string>{text(80), text(81)}));
  EXPECT_EQ(made->held_bytes(), 0U);
}

TEST_F(Cutover, TurningBackBringsMovedGuildsHome) {
  prepare();
  open();
  now += 2'000ms;
  message(old_fleet, guild(1), 90);
  message(new_fleet, guild(1), 90);
  tell(new_fleet, event_type::guild_create, guild(8), R"({"joined_at":"now"})");
  tell(old_fleet, event_type::guild_create, guild(8), R"({"joined_at":"now"})");
  shown.clear();
  moves.clear();
  cutover::output out;
  made->turn_back(now, out);
  show(out);
  EXPECT_FALSE(made->complete());
  EXPECT_EQ(made->owner_of(guild(1)), new_fleet);
  EXPECT_EQ(made->owner_of(guild(2)), old_fleet);
  now += 1'001ms;
  message(old_fleet, guild(1), 91);
  message(new_fleet, guild(1), 91);
  EXPECT_EQ(made->owner_of(guild(1)), old_fleet);
  message(new_fleet, guild(1), 92);
  message(old_fleet, guild(1), 92);
  message(new_fleet, guild(8), 93);
  message(old_fleet, guild(8), 93);
  EXPECT_EQ(shown, (std::vector<std::string>{text(91), text(92), text(93)}));
  EXPECT_TRUE(made->complete());
  EXPECT_TRUE(made->summary(now).aborted);
  EXPECT_EQ(moves.size(), 2U);
}

TEST_F(Cutover, TooMuchHeldAltogetherIsLetGo) {
  auto few = options();
  few.held_bytes_max = 4'000;
  made = std::make_unique<cutover>(few, fleet_shape{2}, fleet_shape{3}, now);
  prepare();
  for (int i = 0; i < 100; ++i) {
    message(new_fleet, guild(1 + static_cast<std::uint64_t>(i) % 5), 1'000 + i);
    EXPECT_LE(made->held_bytes(), 4'000U);
  }
  open();
  for (int i = 0; i < 100; ++i) message(old_fleet, guild(1 + static_cast<std::uint64_t>(i) % 5), 1'000 + i);
  EXPECT_EQ(std::ranges::count_if(shown, [](const auto& s) { return s.starts_with("MESSAGE"); }), 100);
}

TEST_F(Cutover, WhoHoldsMostLetsGo) {
  auto few = options();
  few.held_bytes_max = 4'000;
  made = std::make_unique<cutover>(few, fleet_shape{2}, fleet_shape{3}, now);
  prepare();
  int id = 1'000;
  std::size_t one_more = 0;
  while (made->held_bytes() + one_more <= few.held_bytes_max) {
    const auto before = made->held_bytes();
    message(new_fleet, guild(1), id++);
    one_more = made->held_bytes() - before;
  }
  message(new_fleet, guild(2), 500);  // too much now, and not this guild's fault
  EXPECT_EQ(made->held_bytes(), one_more - 1) << "of guild 2, whose id has one digit less";
  open();
  now += 1'001ms;
  message(old_fleet, guild(2), 500);
  EXPECT_EQ(made->owner_of(guild(2)), new_fleet);
}

TEST_F(Cutover, CountersStayWithTheirMessages) {
  prepare();
  open();
  auto held = one(new_fleet, event_type::message_create, guild(1), R"({"id":"5"})");
  held.counters.push_back({.offset = flow::offset{0}, .guild = guild(1), .channel = 3, .message = 5});
  cutover::output out;
  made->take(new_fleet, one(new_fleet, event_type::message_create, guild(1), R"({"id":"4"})"), now, out);
  made->take(new_fleet, held, now, out);
  made->take(old_fleet, one(old_fleet, event_type::message_create, guild(1), R"({"id":"4"})"), now, out);
  ASSERT_EQ(out.batch.rows.size(), 2U);
  ASSERT_EQ(out.batch.counters.size(), 1U);
  EXPECT_EQ(out.batch.counters[0].offset.value, 1U);
  EXPECT_EQ(out.batch.counters[0].message, 5U);
}

TEST_F(Cutover, TheReceiptIsOneLineOfJson) {
  prepare();
  open();
  prove_all();
  EXPECT_EQ(
      made->summary(t0 + 5'000ms).to_json(),
      R"({"from":2,"to":3,"outcome":"completed","duration_ms":5000,"guilds":{"all":6,"at_event":0,)"
      R"("in_silence":6,"with_gap":0,"joined":0,"came_back":0},"events":{"matched":0,"delivered_by_old":0,)"
      R"("delivered_by_new":0,"lost":0,"doubled":0,"doubles_averted":0,"one_sided":0,"reordered":0}})");
}

}  // namespace
}  // namespace evergate::control::cutover_cases
