#include "journal/journal_core.h"

#include <gtest/gtest.h>

#include <map>

#include "core_rig.h"
#include "guild_model.h"
#include "journal/errc.h"
#include "journal/event_reader.h"

namespace evergate::journal {
namespace {

using test::batch_maker;
using test::core_rig;
using test::g1;
using test::g2;
using test::json;
using enum proto::event_type;

std::string ready_of(std::initializer_list<proto::snowflake> guilds) {
  json d = {{"user", {{"id", std::to_string(test::self_id)}, {"username", "bot"}}},
            {"session_id", "abc"},
            {"guilds", json::array()}};
  for (const auto id : guilds) d["guilds"].push_back({{"id", std::to_string(id)}, {"unavailable", true}});
  return d.dump();
}

std::string create_of(proto::snowflake id, const std::string& name = "n") {
  return json{{"id", std::to_string(id)},
              {"name", name},
              {"channels", json::array({{{"id", "300"}}})},
              {"members", json::array()},
              {"member_count", 1}}
      .dump();
}

json guild_with_self(proto::snowflake id, const json& user) {
  auto guild = json::parse(create_of(id));
  guild["members"].push_back({{"user", user}});
  return guild;
}

json account(const std::string& name) {
  return {{"id", std::to_string(test::self_id)}, {"username", name}};
}

std::vector<flow::event_row> rows_after(core_rig& rig, std::uint64_t after) {
  std::vector<flow::event_row> out;
  auto view = rig.store.read();
  for (;;) {
    auto batch = event_reader(**view).read(after, 1);
    EXPECT_TRUE(batch.has_value());
    if (!batch || *batch == nullptr) return out;
    for (const auto& row : (*batch)->rows) out.push_back(row);
    after = (*batch)->rows.back().offset.value;
  }
}

json shown(core_rig& rig, proto::snowflake guild, std::uint64_t as_of) {
  const auto text = rig.shown(guild, as_of);
  if (text.empty() || text.starts_with("error")) return text;
  test::guild_model model;
  model.doc = json::parse(text);
  return model.shown();
}

TEST(journal_core, tells_how_far_a_session_was_when_its_end_is_in_the_same_round) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().on(1, 3).session("s1", 1).progress(4).done());
  round work;
  work.batches.push_back(batch_maker().on(1, 3).progress(9).done());
  work.batches.push_back(batch_maker().on(1, 3).gap().session("", -1).done());
  const auto done = rig.run(work);
  // The shard waits for 9 before it identifies again; −1 alone would leave it waiting for ever.
  ASSERT_EQ(done->progress.size(), 2U);
  EXPECT_EQ(done->progress[0].seq.value(), 9);
  EXPECT_TRUE(done->progress[1].seq.none());
}

TEST(journal_core, gives_offsets_without_gaps_over_all_classes) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker()
                 .event(typing_start, g1, "{}")
                 .event(message_create, g1, "[1]")
                 .event(guild_update, g1, "{\"a\":1}")
                 .done());
  rig.commit(batch_maker().event(message_create, g1, "[2]").event(typing_start, g1, "{}").done());
  const auto rows = rows_after(rig, 0);
  ASSERT_EQ(rows.size(), 5U);
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].offset.value, i + 1);
  EXPECT_EQ(rows[1].type, message_create);
  EXPECT_EQ(rows_after(rig, 3).size(), 2U);
  EXPECT_EQ(rows_after(rig, 5).size(), 0U);
}

TEST(journal_core, stored_events_have_the_bytes_and_names_they_came_with) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  auto batch = std::make_unique<flow::event_batch>();
  flow::append_row(*batch, unknown, "SOME_NEW_EVENT", R"({"x":1})").guild = g1;
  flow::append_row(*batch, message_create, {}, R"({"content":"hi"})").target = 7;
  rig.commit(std::move(batch));
  auto view = rig.store.read();
  const auto read = event_reader(**view).read(0, 1000);
  ASSERT_TRUE(read && *read);
  EXPECT_EQ((*read)->name((*read)->rows[0]), "SOME_NEW_EVENT");
  EXPECT_EQ((*read)->data((*read)->rows[0]), R"({"x":1})");
  EXPECT_EQ((*read)->data((*read)->rows[1]), R"({"content":"hi"})");
  EXPECT_EQ((*read)->rows[1].target, 7U);
}

TEST(journal_core, a_commit_says_each_shards_newest_sequence) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().on(1, 3).session("s1", 1).progress(4).done());
  round work;
  work.batches.push_back(batch_maker().on(1, 3).progress(5).done());
  work.batches.push_back(batch_maker().on(1, 3).progress(9).done());
  const auto done = rig.run(work);
  ASSERT_EQ(done->progress.size(), 1U);
  EXPECT_EQ(done->progress[0].seq.value(), 9);
  auto view = rig.store.read();
  const auto sessions = journal_core::sessions_in(**view);
  ASSERT_TRUE(sessions);
  ASSERT_EQ(sessions->size(), 1U);
  EXPECT_EQ(sessions->front().seq.value(), 9);
  EXPECT_EQ(sessions->front().record.session_id, "s1");
}

TEST(journal_core, a_plans_records_are_kept_by_name) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  const auto keep = [&](std::string name, std::string value) {
    auto batch = std::make_unique<flow::event_batch>();
    batch->records.push_back({std::move(name), std::move(value)});
    EXPECT_FALSE(batch->empty());
    rig.commit(std::move(batch));
  };
  keep("identify", "one");
  keep("reshard", "plan");
  keep("identify", std::string("two\0", 4));
  keep("reshard", "");
  core_rig next({}, rig.image);
  ASSERT_TRUE(next.core.recover(true));
  auto view = next.store.read();
  const auto records = journal_core::records_in(**view);
  ASSERT_TRUE(records);
  EXPECT_EQ(*records, (std::map<std::string, std::string>{{"identify", std::string("two\0", 4)}}));
}

TEST(journal_core, a_session_of_known_guilds_touches_none_of_them) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(
      batch_maker().session("old", 1).ready(ready_of({g1})).event(guild_create, g1, create_of(g1)).done());
  auto taken_over = batch_maker().on(0, 1).session("new", 1).ready(ready_of({g2})).done();
  taken_over->rows.back().flags = flow::row_flag::known_guilds;
  const auto head = rig.core.state().book.head;
  rig.commit(std::move(taken_over));
  // g2 is not waited for, g1 is not gone: one record, nothing else.
  EXPECT_EQ(rig.core.state().book.head, head + 1);
  EXPECT_EQ(rows_after(rig, head).size(), 1U);
  core_rig next({}, rig.image);
  ASSERT_TRUE(next.core.recover(true));
  EXPECT_EQ(next.guilds.awaiting(), 0U);
}

TEST(journal_core, a_session_that_ended_is_not_resumed) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().session("s1", 1).progress(4).done());
  rig.commit(batch_maker().session("", -1).done());
  auto view = rig.store.read();
  EXPECT_TRUE(journal_core::sessions_in(**view)->empty());
}

TEST(journal_core, a_failed_commit_changes_nothing_and_can_be_repeated) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().event(guild_create, g1, create_of(g1)).progress(1).done());
  int failures = 3;
  rig.image->before_commit = [&]() -> base::result<void> {
    if (failures-- > 0) return base::fail(errc::full, "no room");
    return {};
  };
  round work;
  work.batches.push_back(batch_maker().event(channel_create, g1, R"({"id":"301"})").progress(2).done());
  rig.core.prepare(work);
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(rig.core.write(work, rig.time_ms));
    EXPECT_EQ(rig.head(), 1U);
    EXPECT_EQ(shown(rig, g1, 9)["channels"].size(), 1U);
  }
  ASSERT_TRUE(rig.core.write(work, rig.time_ms));
  const auto done = rig.core.settle(work);
  EXPECT_EQ(done->head.value, 2U);
  EXPECT_EQ(shown(rig, g1, 2)["channels"].size(), 2U);
  EXPECT_EQ(rows_after(rig, 0).size(), 2U);
}

TEST(journal_core, shows_a_guild_as_of_any_offset) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().ready(ready_of({g1, g2})).done());
  rig.change(test::cursor_at(0));
  rig.commit(
      batch_maker().event(guild_create, g1, create_of(g1)).event(guild_update, g1, R"({"name":"b"})").done());
  rig.commit(batch_maker().event(guild_delete, g1, R"({"id":"1","unavailable":true})").done());
  rig.commit(batch_maker()
                 .event(guild_create, g1, create_of(g1, "c"))
                 .event(guild_delete, g1, R"({"id":"1"})")
                 .done());
  EXPECT_EQ(rig.shown(g1, 1), "");
  EXPECT_EQ(shown(rig, g1, 2)["name"], "n");
  EXPECT_EQ(shown(rig, g1, 3)["name"], "b");
  EXPECT_EQ(rig.shown(g1, 4), "");
  EXPECT_EQ(shown(rig, g1, 5)["name"], "c");
  EXPECT_EQ(rig.shown(g1, 6), "");
  const auto listed = [&](std::uint64_t as_of) {
    std::string out;
    for (const auto& one : rig.guilds.guilds({0, 1}, as_of)) out += one.available ? 'a' : 'u';
    return out;
  };
  EXPECT_EQ(listed(0), "");
  EXPECT_EQ(listed(1), "uu");
  EXPECT_EQ(listed(2), "au");
  EXPECT_EQ(listed(4), "uu");
  EXPECT_EQ(listed(6), "u");
  EXPECT_EQ(rig.guilds.guilds({1, 2}, 1).size(), 1U);
  EXPECT_EQ(rig.guilds.awaiting(), 1U);
}

TEST(journal_core, a_guild_that_a_ready_no_longer_lists_is_deleted) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().ready(ready_of({g1, g2})).event(guild_create, g1, create_of(g1)).done());
  rig.commit(batch_maker().gap().ready(ready_of({g1})).event(message_create, g1, "{}").done());
  const auto rows = rows_after(rig, 2);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].type, gap);
  EXPECT_EQ(rows[1].type, session_started);
  EXPECT_EQ(rows[2].type, guild_delete);
  EXPECT_EQ(rows[2].guild, g2);
  EXPECT_EQ(rows[2].seq, 0U);
  EXPECT_EQ(rows[2].flags, 0);
  EXPECT_EQ(rows[3].type, message_create);
  EXPECT_EQ(rig.guilds.guilds({0, 1}, rig.head()).size(), 1U);
}

TEST(journal_core, a_ready_with_another_user_updates_the_user_everywhere) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  const auto guild = guild_with_self(g1, account("bot"));
  rig.commit(batch_maker().ready(ready_of({g1})).event(guild_create, g1, guild.dump()).done());
  auto ready = json::parse(ready_of({g1}));
  ready["user"]["username"] = "renamed";
  rig.commit(batch_maker().gap().ready(ready.dump()).done());
  rig.commit(batch_maker().on(0, 1).ready(ready.dump()).done());
  const auto rows = rows_after(rig, 2);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].type, gap);
  EXPECT_EQ(rows[1].type, session_started);
  EXPECT_EQ(rows[2].type, user_update);
  EXPECT_EQ(rows[2].guild, 0U);
  EXPECT_EQ(rows[2].flags, 0);
  EXPECT_EQ(rows[3].type, session_started) << "the second time it is known";
  const auto known = json::parse(rig.shown(g1, rig.head()));
  EXPECT_EQ(known["members"][0]["user"]["username"], "renamed");
}

// Seed 1438 of the simulation: the guild's shard was away while shard 0 told of the new name.
TEST(journal_core, the_own_member_has_the_newest_account_though_its_shard_lags) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().ready(ready_of({g1})).done());
  rig.commit(batch_maker().event(user_update, 0, account("renamed").dump()).done());
  const auto name = [&](std::uint64_t as_of) {
    return json::parse(rig.shown(g1, as_of))["members"][0]["user"]["username"];
  };
  rig.commit(batch_maker().event(guild_create, g1, guild_with_self(g1, account("bot")).dump()).done());
  EXPECT_EQ(name(rig.head()), "renamed");
  rig.keep(g1);
  const json old = {{"guild_id", std::to_string(g1)}, {"user", account("bot")}, {"nick", "n"}};
  rig.commit(batch_maker().event(guild_member_update, g1, old.dump()).done());
  EXPECT_EQ(name(rig.head()), "renamed") << "past a checkpoint as well";
  const auto before = rig.head();
  rig.commit(batch_maker().event(user_update, 0, account("again").dump()).done());
  EXPECT_EQ(name(before), "renamed");
  EXPECT_EQ(name(rig.head()), "again");
}

TEST(journal_core, the_ready_of_another_shard_says_nothing_of_the_account_once_shard_0_runs) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  auto ready = json::parse(ready_of({}));
  const auto username = [&] { return json::parse(rig.core.state().ready)["user"]["username"]; };
  ready["user"]["username"] = "first";
  rig.commit(batch_maker().on(1, 2).ready(ready.dump()).done());
  EXPECT_EQ(username(), "first");
  ready["user"]["username"] = "second";
  rig.commit(batch_maker().on(1, 2).ready(ready.dump()).done());
  EXPECT_EQ(username(), "second") << "nobody else speaks";
  rig.commit(
      batch_maker().on(0, 2).ready(ready.dump()).event(user_update, 0, account("third").dump()).done());
  rig.commit(batch_maker().on(1, 2).ready(ready.dump()).done());
  EXPECT_EQ(username(), "third");
  EXPECT_EQ(rows_after(rig, rig.head() - 1).front().type, session_started) << "no USER_UPDATE was made";
  rig.commit(batch_maker().on(0, 2).ready(ready.dump()).done());
  EXPECT_EQ(username(), "second");
}

TEST(journal_core, a_ready_without_guilds_deletes_none) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().ready(ready_of({g1})).event(guild_create, g1, create_of(g1)).done());
  for (const auto* const bad :
       {R"({"user":{"id":"5"}})", R"({"guilds":null})", R"({"guilds":[{"id":"4194304"})", "nonsense"}) {
    rig.commit(batch_maker().ready(bad).done());
  }
  EXPECT_EQ(rig.guilds.guilds({0, 1}, rig.head()).size(), 1U);
  EXPECT_EQ(rig.failures.size(), 4U);
}

TEST(journal_core, after_a_gap_an_equal_guild_is_not_shown_again) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker()
                 .ready(ready_of({g1}))
                 .event(guild_create, g1, create_of(g1))
                 .message(g1, 300, 77, 1)
                 .done());
  auto same = json::parse(create_of(g1));
  same["channels"][0]["last_message_id"] = "77";
  same["unavailable"] = false;
  rig.commit(batch_maker().gap().ready(ready_of({g1})).event(guild_create, g1, same.dump()).done());
  const auto rows = rows_after(rig, 3);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[2].type, guild_create);
  EXPECT_EQ(rows[2].flags & flow::row_flag::internal, flow::row_flag::internal);
  // Only the first one after the gap is compared.
  rig.commit(batch_maker().event(guild_create, g1, same.dump()).done());
  EXPECT_EQ(rows_after(rig, 6).front().flags, 0);
}

TEST(journal_core, after_a_gap_a_changed_guild_is_shown_as_down_and_back) {
  for (const bool restart : {false, true}) {
    auto image = std::make_shared<memory_image>();
    auto rig = std::make_unique<core_rig>(journal_options{}, image);
    ASSERT_TRUE(rig->recover());
    rig->commit(batch_maker().ready(ready_of({g1, g2})).event(guild_create, g1, create_of(g1)).done());
    rig->commit(batch_maker().gap().ready(ready_of({g1, g2})).done());
    if (restart) {
      rig->keep(g1);
      rig = std::make_unique<core_rig>(journal_options{}, image);
      ASSERT_TRUE(rig->recover());
    }
    rig->commit(batch_maker()
                    .event(guild_create, g1, create_of(g1, "new"))
                    .event(guild_create, g2, create_of(g2))
                    .done());
    const auto rows = rows_after(*rig, 4);
    ASSERT_EQ(rows.size(), 3U) << restart;
    EXPECT_EQ(rows[0].type, guild_delete);
    EXPECT_EQ(rows[0].guild, g1);
    EXPECT_EQ(rows[0].flags, 0);
    EXPECT_EQ(rows[1].type, guild_create);
    EXPECT_EQ(rows[1].flags, 0);
    EXPECT_EQ(rows[2].guild, g2);
    EXPECT_EQ(rig->shown(g1, 5), "");
    EXPECT_EQ(shown(*rig, g1, 6)["name"], "new");
  }
}

TEST(journal_core, gaps_are_remembered_and_bounded) {
  journal_options options;
  options.gaps_max = 3;
  auto image = std::make_shared<memory_image>();
  core_rig rig(options, image);
  ASSERT_TRUE(rig.recover());
  for (int i = 0; i < 5; ++i) rig.commit(batch_maker().gap("cause " + std::to_string(i)).done());
  core_rig again(options, image);
  ASSERT_TRUE(again.recover());
  for (auto* const one : {&rig, &again}) {
    ASSERT_EQ(one->core.gaps().size(), 3U);
    EXPECT_EQ(one->core.gaps().back().offset, 5U);
    EXPECT_NE(one->core.gaps().back().d.find("cause 4"), std::string::npos);
    EXPECT_EQ(one->core.state().book.gaps, 5U);
  }
}

TEST(journal_core, the_ready_keeps_its_user_up_to_date) {
  auto image = std::make_shared<memory_image>();
  core_rig rig({}, image);
  ASSERT_TRUE(rig.recover());
  rig.commit(
      batch_maker().ready(ready_of({})).event(user_update, 0, R"({"username":"new","avatar":"a"})").done());
  core_rig again({}, image);
  ASSERT_TRUE(again.recover());
  const auto d = json::parse(again.core.state().ready);
  EXPECT_EQ(d["user"]["username"], "new");
  EXPECT_EQ(d["user"]["avatar"], "a");
  EXPECT_EQ(d["user"]["id"], std::to_string(test::self_id));
  EXPECT_EQ(d["session_id"], "abc");
}

TEST(journal_core, consumers_and_sessions_come_back) {
  auto image = std::make_shared<memory_image>();
  core_rig rig({}, image);
  ASSERT_TRUE(rig.recover());
  flow::consumer_change change;
  change.consumers.push_back(
      {"main", 2, {{2, {{5}, {6}}, {{7}, {8}}}, {1, {{9}}, {{9}}}}, {{0, {7}, {9}, 4, 3, 1}}});
  change.sessions.push_back({"one", 41, "main", 2, {1, 2}, 513, 3, 17, {8}, true});
  change.sessions.push_back({"two", 42, "main", 2, {0, 2}, 513, 3, 1, {8}, false});
  rig.change(std::move(change));
  flow::consumer_change removal;
  removal.sessions_removed.push_back("two");
  rig.change(std::move(removal));
  core_rig again({}, image);
  ASSERT_TRUE(again.recover());
  auto view = again.store.read();
  const auto stored = journal_core::consumers_in(**view);
  ASSERT_TRUE(stored);
  ASSERT_EQ(stored->consumers.size(), 1U);
  EXPECT_EQ(stored->consumers[0].layouts[0].cursors[1].value, 6U);
  EXPECT_EQ(stored->consumers[0].layouts[0].interactions[0].value, 7U);
  ASSERT_EQ(stored->consumers[0].suspicions.size(), 1U);
  EXPECT_EQ(stored->consumers[0].suspicions[0].upto.value, 9U);
  ASSERT_EQ(stored->sessions.size(), 1U);
  EXPECT_EQ(stored->sessions[0].anchor_seq, 17U);
  EXPECT_TRUE(stored->sessions[0].resumable);
  EXPECT_EQ(stored->next_session_number, 43U);
}

TEST(journal_core, dead_letters_are_kept_until_discarded) {
  const auto image = std::make_shared<memory_image>();
  const auto stored = [&image] {
    core_rig rig({}, image);
    EXPECT_TRUE(rig.recover());
    auto view = rig.store.read();
    return journal_core::consumers_in(**view)->dead_letters;
  };
  {
    core_rig rig({}, image);
    ASSERT_TRUE(rig.recover());
    flow::consumer_change change;
    for (std::uint64_t at : {5U, 300U}) {
      change.dead_letters.push_back(std::make_shared<const flow::dead_letter>(
          flow::dead_letter{"main", {0, 1}, {at}, "MESSAGE_CREATE", 7, 99, R"({"a":1})"}));
    }
    rig.change(std::move(change));
  }
  ASSERT_EQ(stored().size(), 2U);
  EXPECT_EQ(stored()[1].at.value, 300U);
  EXPECT_EQ(stored()[1].type, "MESSAGE_CREATE");
  EXPECT_EQ(stored()[1].d, R"({"a":1})");
  {
    core_rig rig({}, image);
    ASSERT_TRUE(rig.recover());
    flow::consumer_change change;
    change.dead_letters_removed.push_back({"main", {5}});
    rig.change(std::move(change));
  }
  ASSERT_EQ(stored().size(), 1U);
  EXPECT_EQ(stored()[0].at.value, 300U);
}

// What is young at a restart is told by the times of its blobs, later by the clock.
TEST(journal_core, knows_what_was_committed_within_the_last_seconds) {
  const auto image = std::make_shared<memory_image>();
  core_rig rig({}, image);
  ASSERT_TRUE(rig.recover());
  const auto commit = [](core_rig& to, std::int64_t time_ms) {
    to.time_ms = time_ms;
    to.commit(batch_maker().event(proto::event_type::message_create, 1, "{}").done());
  };
  for (std::int64_t second = 0; second < 20; ++second) commit(rig, 1'000'000 + second * 1'000);
  EXPECT_EQ(rig.core.recent_after().value, 14U) << "6 of 20 are not more than 5 s old";
  core_rig again({}, image);
  ASSERT_TRUE(again.recover());
  EXPECT_EQ(again.core.recent_after().value, 14U);
  commit(again, 1'060'000);
  commit(again, 1'061'000);
  commit(again, 1'066'000);
  EXPECT_EQ(again.core.recent_after().value, 21U);
}

// Random events, random versions, random restarts: any guild as of any offset equals a replay of the rows.
TEST(journal_core, any_guild_as_of_any_offset_equals_a_replay) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    base::rng random(seed);
    auto image = std::make_shared<memory_image>();
    auto rig = std::make_unique<core_rig>(journal_options{}, image);
    ASSERT_TRUE(rig->recover());
    rig->commit(batch_maker().ready(ready_of({g1, g2})).done());
    rig->change(test::cursor_at(0));
    std::map<proto::snowflake, test::guild_model> models;
    json user;
    struct memory {
      proto::snowflake guild;
      std::uint64_t as_of;
      json expected;
    };
    std::vector<memory> memories;
    for (int step = 0; step < 120; ++step) {
      batch_maker batch;
      for (std::uint64_t n = 1 + random.below(6); n > 0; --n) {
        const auto guild = random.chance(0.5) ? g1 : g2;
        auto& model = models[guild];
        if (random.chance(0.03)) {
          const auto d = test::make_guild(random, guild);
          batch.event(guild_create, guild, d.dump());
          model.apply(guild_create, d);
          continue;
        }
        const auto event = test::make_event(random, guild);
        if (event.counter) {
          batch.message(guild, event.channel, event.message, event.added);
          model.count(event.channel, event.message, event.added, event.added > 0 ? event.added : 0);
        } else if (event.type == user_update) {
          batch.event(user_update, 0, event.d.dump());
          user = event.d;
        } else {
          batch.event(event.type, guild, event.d.dump());
          model.apply(event.type, event.d);
        }
      }
      if (!user.is_null()) {
        for (auto& [id, one] : models) one.user(user);
      }
      ASSERT_NE(rig->commit(batch.done()), nullptr);
      for (const auto guild : {g1, g2})
        memories.push_back({guild, rig->head(), models[guild].present ? models[guild].shown() : json("")});
      if (random.chance(0.1)) rig->keep(random.chance(0.5) ? g1 : g2);
      if (random.chance(0.05)) {
        rig = std::make_unique<core_rig>(journal_options{}, image);
        ASSERT_TRUE(rig->recover());
      }
      for (int i = 0; i < 3; ++i) {
        const auto& one = memories[random.below(memories.size())];
        ASSERT_EQ(shown(*rig, one.guild, one.as_of), one.expected)
            << "seed " << seed << " step " << step << " as of " << one.as_of;
      }
    }
  }
}

}  // namespace
}  // namespace evergate::journal
