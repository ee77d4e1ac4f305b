#include "journal/retention.h"

#include <gtest/gtest.h>

#include <map>

#include "core_rig.h"
#include "guild_model.h"
#include "journal/event_reader.h"

namespace evergate::journal {
namespace {

using test::batch_maker;
using test::core_rig;
using test::g1;
using test::g2;
using test::json;
using enum proto::event_type;

journal_options at_most(std::uint64_t events) {
  journal_options options;
  options.max_events = events;
  return options;
}

// Letters of the retained rows in order: e(phemeral), m(essage), s(tate), g(ap).
std::string kept(core_rig& rig) {
  std::string out;
  auto view = rig.store.read();
  std::uint64_t after = 0;
  for (;;) {
    const auto batch = event_reader(**view).read(after, 1 << 20);
    EXPECT_TRUE(batch.has_value()) << batch.error().text();
    if (!batch || *batch == nullptr) return out;
    for (const auto& row : (*batch)->rows) {
      out += row.type == gap ? 'g' : "ems"[static_cast<std::size_t>(row.retention)];
    }
    after = (*batch)->rows.back().offset.value;
  }
}

void add(core_rig& rig, std::string_view letters) {
  for (const char letter : letters) {
    batch_maker batch;
    if (letter == 'e') batch.event(typing_start, g1, "{}");
    if (letter == 'm') batch.event(message_create, g1, "{}");
    if (letter == 's') batch.event(voice_server_update, g1, "{}");
    ASSERT_NE(rig.commit(batch.done()), nullptr) << rig.error.text();
  }
}

TEST(retention, gives_up_the_oldest_of_what_is_acknowledged) {
  core_rig rig(at_most(6));
  ASSERT_TRUE(rig.recover());
  add(rig, "smesme");
  EXPECT_EQ(kept(rig), "smesme");
  rig.change(test::cursor_at(6));
  add(rig, "mm");
  EXPECT_EQ(kept(rig), "esmemm");
  EXPECT_EQ(rig.core.state().book.lost_before, 0U);
  EXPECT_EQ(rig.core.state().book.classes[1].evicted, 1U);
}

TEST(retention, then_ephemeral_then_messages_then_state) {
  core_rig rig(at_most(4));
  ASSERT_TRUE(rig.recover());
  rig.change(test::cursor_at(0));
  add(rig, "sesm");
  add(rig, "m");
  EXPECT_EQ(kept(rig), "ssmm");
  EXPECT_EQ(rig.core.state().book.lost_before, 2U);
  add(rig, "s");
  EXPECT_EQ(kept(rig), "ssms");
  EXPECT_EQ(rig.core.state().book.lost_before, 4U);
  add(rig, "s");
  EXPECT_EQ(kept(rig), "ssss");
  EXPECT_EQ(rig.core.state().book.lost_before, 5U);
  EXPECT_EQ(rig.core.state().book.classes[0].evicted_unacked, 1U);
  EXPECT_EQ(rig.core.state().book.classes[1].evicted_unacked, 2U);
  EXPECT_EQ(rig.core.state().book.classes[2].evicted_unacked, 0U);
}

TEST(retention, a_class_that_a_consumer_gave_up_counts_as_acknowledged) {
  core_rig rig(at_most(4));
  ASSERT_TRUE(rig.recover());
  auto change = test::cursor_at(0);
  change.consumers[0].dropped[1] = {3};
  rig.change(std::move(change));
  add(rig, "mmmesm");
  EXPECT_EQ(kept(rig), "mesm") << "messages up to 3 go before the ephemeral event, which somebody waits for";
  EXPECT_EQ(rig.core.state().book.classes[1].evicted, 2U);
  EXPECT_EQ(rig.core.state().book.classes[1].evicted_unacked, 0U);
  EXPECT_EQ(rig.core.state().book.lost_before, 0U);
}

// Consumer and cause of each GAP record, in order.
std::string gaps_of(core_rig& rig) {
  std::string out;
  for (const auto& gap : rig.core.gaps()) {
    const auto d = json::parse(gap.d);
    out += d.value("consumer", "") + ": " + d.at("cause").get<std::string>() + "\n";
  }
  return out;
}

void tell(core_rig& rig) {
  rig.time_ms += 5'000;
  for (int i = 0; i < 3; ++i) {
    round idle;
    rig.run(idle);
  }
}

TEST(retention, state_given_up_unseen_leaves_a_gap) {
  core_rig rig(at_most(3));
  ASSERT_TRUE(rig.recover());
  rig.change(test::cursor_at(0));
  add(rig, "ssss");
  EXPECT_TRUE(rig.core.owes_gaps());
  tell(rig);
  EXPECT_GT(rig.core.state().book.state_lost, 0U);
  EXPECT_EQ(gaps_of(rig), "main: evicted 1-1: 0 messages, 1 of state\n");
  EXPECT_NE(kept(rig).find('g'), std::string::npos);
}

TEST(retention, each_consumer_that_had_not_had_it_gets_a_gap_of_its_own) {
  core_rig rig(at_most(5));
  ASSERT_TRUE(rig.recover());
  rig.change(test::cursor_at(0));
  rig.change(test::cursor_at(2, "behind_by_one"));
  rig.change(test::cursor_at(3, "up_to_date"));
  add(rig, "mmmssss");
  EXPECT_EQ(rig.core.state().book.classes[1].evicted_unacked, 2U);
  EXPECT_EQ(gaps_of(rig), "") << "it is summed up first";
  add(rig, "s");
  tell(rig);
  EXPECT_EQ(gaps_of(rig),
            "behind_by_one: evicted 3-3: 1 messages, 0 of state\n"
            "main: evicted 1-3: 3 messages, 0 of state\n");
  // The records take room themselves, and nobody had had the state that gave way.
  EXPECT_TRUE(rig.core.owes_gaps());
}

TEST(retention, ephemeral_events_are_counted_without_a_gap) {
  core_rig rig(at_most(3));
  ASSERT_TRUE(rig.recover());
  rig.change(test::cursor_at(0));
  add(rig, "eeeeee");
  tell(rig);
  EXPECT_EQ(rig.core.state().book.classes[0].evicted_unacked, 3U);
  EXPECT_EQ(rig.core.state().book.gaps, 0U);
}

TEST(retention, a_lane_misses_only_the_events_of_its_own_guilds) {
  core_rig rig(at_most(3));
  ASSERT_TRUE(rig.recover());
  flow::consumer_change change;
  change.consumers.push_back({"main", 0, {{2, {{0}, {4}}}}});  // g2 is in lane 0, g1 in lane 1
  rig.change(std::move(change));
  for (const auto guild : {g1, g2, g1, g2, g1, g1, g1}) {
    ASSERT_NE(rig.commit(batch_maker().event(message_create, guild, "{}").done()), nullptr);
  }
  tell(rig);
  EXPECT_EQ(rig.core.state().book.classes[1].evicted_unacked, 5U);
  // Those of g2, which lane 0 has not had; g1 is lane 1's, which has had what lies before 5.
  EXPECT_EQ(gaps_of(rig), "main: evicted 2-4: 2 messages, 0 of state\n");
}

// Killed between the two: the store knows of the loss, and the next run tells of it.
TEST(retention, no_kill_comes_between_a_loss_and_its_gap) {
  auto image = std::make_shared<memory_image>();
  {
    core_rig rig(at_most(3), image);
    ASSERT_TRUE(rig.recover());
    rig.change(test::cursor_at(0));
    add(rig, "mmmmm");
    EXPECT_TRUE(rig.core.owes_gaps());
    EXPECT_EQ(gaps_of(rig), "");
  }
  core_rig again(at_most(3), image);
  ASSERT_TRUE(again.recover());
  EXPECT_TRUE(again.core.owes_gaps());
  again.change(test::cursor_at(5));
  tell(again);
  EXPECT_EQ(gaps_of(again), "main: evicted 1-2: 2 messages, 0 of state\n");
  core_rig third(at_most(3), image);
  ASSERT_TRUE(third.recover());
  EXPECT_FALSE(third.core.owes_gaps()) << "what is told is not told again";
}

// The index knows of a round's rows when it is committed: taken in the same round, no version would hold
// them.
TEST(retention, state_larger_than_the_bound_stays_until_its_guilds_are_written) {
  core_rig rig(at_most(3));
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().event(guild_create, g1, R"({"id":"4194304","name":"a"})").done());
  rig.change(test::cursor_at(1));
  rig.keep(g1);
  batch_maker large;
  for (int i = 0; i < 5; ++i) large.event(guild_update, g1, R"({"name":"b"})");
  ASSERT_NE(rig.commit(large.done()), nullptr);
  const auto shown = R"({"id":"4194304","name":"b","unavailable":false})";
  EXPECT_EQ(rig.shown(g1, rig.head()), shown);
  EXPECT_TRUE(rig.core.unfinished());
  for (int i = 0; i < 3; ++i) {
    round idle;
    rig.run(idle);
    rig.keep();
  }
  EXPECT_EQ(kept(rig), "");
  EXPECT_EQ(rig.shown(g1, rig.head()), shown);
}

TEST(retention, what_is_too_old_goes_whatever_it_is) {
  journal_options options;
  options.max_age = std::chrono::seconds(60);
  core_rig rig(options);
  ASSERT_TRUE(rig.recover());
  rig.change(test::cursor_at(0));
  add(rig, "em");
  rig.time_ms += 61'000;
  add(rig, "m");
  EXPECT_EQ(kept(rig), "m");
  EXPECT_EQ(rig.core.state().book.lost_before, 2U);
}

TEST(retention, bytes_are_a_bound_too) {
  journal_options options;
  options.max_bytes = 64 << 10;
  core_rig rig(options);
  ASSERT_TRUE(rig.recover());
  for (int i = 0; i < 200; ++i) {
    rig.commit(batch_maker().event(message_create, g1, std::string(1000, 'm')).done());
    EXPECT_LE(rig.core.state().book.classes[1].bytes, options.max_bytes);
  }
  EXPECT_GT(rig.core.state().book.classes[1].events, 40U);
}

TEST(retention, one_round_evicts_a_bounded_number) {
  auto options = at_most(2);
  auto image = std::make_shared<memory_image>();
  {
    core_rig rig({}, image);
    ASSERT_TRUE(rig.recover());
    add(rig, std::string(50, 'm'));
  }
  options.evict_blobs_max = 10;
  core_rig rig(options, image);
  ASSERT_TRUE(rig.recover());
  round idle;
  rig.run(idle);
  EXPECT_EQ(kept(rig).size(), 40U);
  EXPECT_TRUE(rig.core.unfinished());
  for (int i = 0; i < 5; ++i) {
    round more;
    rig.run(more);
  }
  EXPECT_EQ(kept(rig).size(), 2U);
  EXPECT_FALSE(rig.core.unfinished());
}

TEST(retention, state_waits_for_the_guilds_that_need_it) {
  core_rig rig(at_most(4));
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().event(guild_create, g1, R"({"id":"4194304","name":"a"})").done());
  rig.change(test::cursor_at(1));
  rig.commit(batch_maker().event(guild_update, g1, R"({"name":"b"})").done());
  rig.change(test::cursor_at(2));
  add(rig, "sssss");
  rig.change(test::cursor_at(7));
  EXPECT_EQ(kept(rig).size(), 7U);
  ASSERT_EQ(rig.requests.size(), 1U);
  EXPECT_EQ(rig.requests[0].guild, g1);
  EXPECT_TRUE(rig.requests[0].urgent);
  EXPECT_EQ(rig.keep(), 1U);
  add(rig, "s");
  EXPECT_EQ(kept(rig).size(), 4U);
  core_rig again(at_most(4), rig.image);
  ASSERT_TRUE(again.recover());
  for (auto* const one : {&rig, &again})
    EXPECT_EQ(one->shown(g1, one->head()), R"({"id":"4194304","name":"b","unavailable":false})");
}

TEST(retention, a_guild_that_left_leaves_nothing_behind) {
  core_rig rig(at_most(3));
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().event(guild_create, g1, R"({"id":"4194304","name":"a"})").done());
  rig.keep(g1);
  rig.commit(batch_maker().event(guild_delete, g1, R"({"id":"4194304"})").done());
  rig.change(test::cursor_at(2));
  EXPECT_EQ(rig.image->tables[static_cast<std::size_t>(table::guilds)].size(), 1U);
  add(rig, "sssss");
  rig.change(test::cursor_at(7));
  add(rig, "s");
  EXPECT_EQ(rig.image->tables[static_cast<std::size_t>(table::guilds)].size(), 0U);
  EXPECT_EQ(rig.guilds.index().find(g1), nullptr);
}

TEST(retention, a_guild_is_written_again_once_its_rows_outweigh_it) {
  journal_options options;
  options.checkpoint_bytes_min = 1000;
  core_rig rig(options);
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker()
                 .event(guild_create, g1, R"({"id":"4194304","pad":")" + std::string(3000, 'x') + "\"}")
                 .done());
  EXPECT_EQ(rig.keep(), 1U);
  int rounds = 0;
  for (; rig.requests.empty(); ++rounds) {
    rig.commit(batch_maker().event(guild_update, g1, R"({"name":")" + std::string(80, 'y') + "\"}").done());
    ASSERT_LT(rounds, 100);
  }
  EXPECT_GT(rounds * 90, 2900);
  EXPECT_EQ(rig.keep(), 1U);
}

// Tight bounds, a moving cursor, versions that come late, restarts: whatever a consumer may still ask for is
// what a replay gives.
TEST(retention, never_takes_what_a_guild_as_of_a_cursor_needs) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    base::rng random(seed);
    auto options = at_most(20 + random.below(60));
    options.checkpoint_bytes_min = 200 + random.below(3000);
    options.checkpoint_blobs_max = 5 + random.below(30);
    auto image = std::make_shared<memory_image>();
    auto rig = std::make_unique<core_rig>(options, image);
    ASSERT_TRUE(rig->recover());
    std::map<proto::snowflake, test::guild_model> models;
    std::map<std::pair<proto::snowflake, std::uint64_t>, json> memories;
    std::uint64_t cursor = 0;
    rig->commit(batch_maker().ready(R"({"user":{"id":"900"},"guilds":[]})").done());
    rig->change(test::cursor_at(0));
    for (int step = 0; step < 250; ++step) {
      batch_maker batch;
      for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
        const auto guild = random.chance(0.7) ? g1 : g2;
        auto& model = models[guild];
        if (!model.present || random.chance(0.02)) {
          const auto d = test::make_guild(random, guild);
          batch.event(guild_create, guild, d.dump());
          model.apply(guild_create, d);
        } else if (random.chance(0.01)) {
          batch.event(guild_delete, guild, R"({"id":"1"})");
          model.present = false;
        } else if (const auto event = test::make_event(random, guild); event.counter) {
          batch.message(guild, event.channel, event.message, event.added);
          model.count(event.channel, event.message, event.added, event.added > 0 ? event.added : 0);
        } else if (event.type != user_update) {
          batch.event(event.type, guild, event.d.dump());
          model.apply(event.type, event.d);
        }
      }
      ASSERT_NE(rig->commit(batch.done()), nullptr) << rig->error.text();
      const auto head = rig->head();
      for (const auto guild : {g1, g2})
        memories[{guild, head}] = models[guild].present ? models[guild].shown() : json("");
      if (random.chance(0.3)) {
        cursor = std::max(cursor, head - std::min<std::uint64_t>(head, random.below(30)));
        rig->change(test::cursor_at(cursor));
      }
      if (random.chance(0.4)) rig->keep();
      if (random.chance(0.04)) {
        rig = std::make_unique<core_rig>(options, image);
        ASSERT_TRUE(rig->recover());
      }
      const auto from = std::max({cursor, rig->core.state().book.state_lost});
      for (const auto& [key, expected] : memories) {
        if (key.second < from || !random.chance(0.1)) continue;
        const auto text = rig->shown(key.first, key.second);
        test::guild_model shown;
        if (!text.empty()) {
          ASSERT_TRUE(json::accept(text)) << text << " seed " << seed << " step " << step;
          shown.doc = json::parse(text);
        }
        const json got = text.empty() ? json("") : shown.shown();
        ASSERT_EQ(got, expected) << "seed " << seed << " step " << step << " guild " << key.first << " as of "
                                 << key.second << " of " << head << " cursor " << cursor << "\n"
                                 << json::diff(got, expected) << "\n"
                                 << test::told(*rig, key.first);
      }
      std::erase_if(memories, [&](const auto& one) { return one.first.second < from; });
      const auto& book = rig->core.state().book;
      ASSERT_TRUE(rig->failures.empty()) << rig->failures.front();
      for (const auto& one : rig->guilds.guilds({0, 1}, head)) {
        ASSERT_LE(rig->guilds.index().find(one.id)->versions.size(), 3U);
      }
      ASSERT_LE(book.lost_before, rig->head());
    }
    for (int i = 0; i < 20; ++i) rig->keep();
    EXPECT_LE(kept(*rig).size(), options.max_events + 8);
  }
}

TEST(retention, choose_overflow_decides_what_gives_way) {
  controller_table table;
  overflow_question seen;
  table.choose_overflow = [&seen](const auto& asked, const auto&) {
    seen = asked;
    return event_group::message;
  };
  const decide::desk decisions(table, nullptr, std::chrono::seconds(1));
  auto options = at_most(4);
  options.decisions = &decisions;
  core_rig rig(options);
  ASSERT_TRUE(rig.recover());
  rig.change(test::cursor_at(0));
  add(rig, "sesm");
  add(rig, "m");
  EXPECT_EQ(kept(rig), "sesm");
  EXPECT_TRUE(seen.groups[0].there);
  EXPECT_EQ(seen.groups[2].events, 2u);
  add(rig, "s");
  EXPECT_EQ(kept(rig), "sess");
  add(rig, "s");
  EXPECT_EQ(kept(rig), "ssss") << "there are no messages left: the standard";
  EXPECT_EQ(decisions.choose_overflow.status().failures, 1u);
}

}  // namespace
}  // namespace evergate::journal
