// Consumers through the public library, with a bot that reads one.
#include "../downstream/raw_bot.h"
#include "library_scene.h"

namespace evergate::app {
namespace {

using namespace std::chrono_literals;
using downstream::testing::loop_thread;
using downstream::testing::raw_bot;

class library_consumer : public library {
 protected:
  void start_with_bot(gateway_options with) {
    with.events.consumer = [this](const consumer_event& what) {
      constexpr const char* names[] = {"identified", "resumed",  "left",   "paused",
                                       "goes_on",    "draining", "gave_up"};
      book.note(what.consumer + ' ' + names[static_cast<int>(what.what)] +
                (what.lanes == 0 ? std::string() : ' ' + std::to_string(what.lane)));
    };
    start_ready(std::move(with));
    ASSERT_TRUE(until([this] { return manager->journal().guilds == 20; }));
    connect();
  }
  void connect() {
    bot = std::make_unique<raw_bot>(
        thread, "ws://127.0.0.1:" + std::to_string(manager->port()) + "/?v=10&encoding=json");
    bot->start({{"token", sim::default_token}, {"intents", sim::intent::all}});
    ASSERT_TRUE(book.await("main identified 0", ++lives));
  }
  [[nodiscard]] lane_status lane() const { return manager->consumers().at(0).lanes.at(0); }
  void TearDown() override {
    bot.reset();
    library::TearDown();
  }

  loop_thread thread;
  std::unique_ptr<raw_bot> bot;
  std::size_t lives = 0;  ///< of bots, so far
};

TEST_F(library_consumer, is_seen_with_its_lanes_and_its_bots_leaving) {
  start_with_bot(options());
  const auto all = manager->consumers();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "main");
  ASSERT_EQ(all[0].lanes.size(), 1u);
  EXPECT_TRUE(all[0].lanes[0].connected);
  std::uint32_t connections = 0;
  for (const auto& one : manager->workers()) connections += one.connections;
  EXPECT_EQ(connections, 1u);
  bot->cut();
  ASSERT_TRUE(book.await("main left 0"));
  EXPECT_FALSE(lane().connected);
}

TEST_F(library_consumer, is_paused_and_resumed) {
  start_with_bot(options());
  ASSERT_TRUE(manager->pause_consumer("main").get());
  ASSERT_TRUE(book.await("main paused"));
  EXPECT_TRUE(manager->consumers()[0].paused);
  discord.emit(7);
  ASSERT_TRUE(until([this] { return lane().lag >= 7; }));
  ASSERT_TRUE(manager->resume_consumer("main").get());
  ASSERT_TRUE(book.await("main goes_on"));
  EXPECT_EQ(bot->next_event("MESSAGE_CREATE")["op"], 0);
  ASSERT_TRUE(until([this] { return lane().lag == 0; }));
}

TEST_F(library_consumer, is_drained_when_its_bot_has_acknowledged) {
  start_with_bot(options());
  discord.emit(3);
  for (int i = 0; i < 3; ++i) bot->next_event("MESSAGE_CREATE");
  std::promise<result<drain_result>> answered;
  manager->drain_consumer("main", 60s, [&](result<drain_result> got) { answered.set_value(std::move(got)); });
  ASSERT_TRUE(book.await("main draining"));
  bot->beat();
  const auto got = answered.get_future().get();
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_TRUE(got->drained);
  EXPECT_EQ(got->unacknowledged, 0u);
  EXPECT_TRUE(lane().held);
}

TEST_F(library_consumer, is_not_drained_while_its_bot_is_silent) {
  start_with_bot(options());
  discord.emit(3);
  for (int i = 0; i < 3; ++i) bot->next_event("MESSAGE_CREATE");
  const auto got = manager->drain_consumer("main", 200ms).get();
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_FALSE(got->drained);
  EXPECT_GE(got->unacknowledged, 3u);
}

TEST_F(library_consumer, gives_up_a_class_of_what_is_queued) {
  start_with_bot(options());
  bot->cut();
  ASSERT_TRUE(book.await("main left 0"));
  discord.emit(5, "TYPING_START");
  discord.emit(4, "MESSAGE_CREATE");
  ASSERT_TRUE(until([this] { return lane().lag >= 9; }));
  ASSERT_TRUE(manager->drop_consumer_class("main", event_group::ephemeral).get());
  ASSERT_TRUE(book.await("main gave_up"));
  EXPECT_EQ(manager->consumers()[0].given_up, 5u);
  EXPECT_EQ(manager->journal().gaps, 0u) << "of ephemeral events there is only the count";
}

TEST_F(library_consumer, has_the_events_that_its_bots_died_of) {
  auto with = options();
  with.poison.suspect_after = 1;
  with.poison.convict_after = 1;
  start_with_bot(std::move(with));
  discord.emit(1, "CHANNEL_UPDATE");
  for (;;) {
    bot->next_event("CHANNEL_UPDATE");
    bot->cut();
    ASSERT_TRUE(book.await("main left 0", lives));
    if (lives == 2) break;
    connect();
  }
  ASSERT_TRUE(until([this] { return !manager->dead_letters().empty(); }));
  const auto letters = manager->dead_letters();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].consumer, "main");
  EXPECT_EQ(letters[0].type, "CHANNEL_UPDATE");
  EXPECT_EQ(letters[0].lane, (shard_id{0, 1}));
  EXPECT_NE(letters[0].guild, 0u);
  EXPECT_TRUE(letters[0].d.starts_with('{'));
  EXPECT_FALSE(manager->replay_dead_letter("main", letters[0].offset)) << "nobody is there";

  connect();
  ASSERT_TRUE(manager->replay_dead_letter("main", letters[0].offset));
  EXPECT_EQ(bot->next_event("CHANNEL_UPDATE")["d"], nlohmann::json::parse(letters[0].d));
  EXPECT_FALSE(manager->discard_dead_letter("main", letters[0].offset + 1));
  ASSERT_TRUE(manager->discard_dead_letter("main", letters[0].offset));
  EXPECT_TRUE(manager->dead_letters().empty());
}

TEST_F(library_consumer, gives_up_what_is_queued_with_a_gap) {
  auto with = options();
  with.events.gap = [this](const gap_event& gap) {
    if (gap.d.contains("\"consumer\":\"main\"")) book.note("gap of main");
  };
  start_with_bot(std::move(with));
  bot->cut();
  ASSERT_TRUE(book.await("main left 0"));
  discord.emit(9);
  ASSERT_TRUE(until([this] { return lane().lag >= 9; }));
  ASSERT_TRUE(manager->skip_consumer("main", {}).get());
  ASSERT_TRUE(book.await("main gave_up"));
  ASSERT_TRUE(book.await("gap of main"));
  EXPECT_GE(manager->consumers()[0].given_up, 9u);
}

}  // namespace
}  // namespace evergate::app
