// The public library against simulated Discord: what a program sees, asks and is told.
#include <algorithm>
#include <future>

#include "library_scene.h"

namespace evergate::app {
namespace {

using namespace std::chrono_literals;

/// Places of `what` in the order of a book.
std::size_t place_of(const std::vector<std::string>& order, const std::string& what) {
  return static_cast<std::size_t>(std::ranges::find(order, what) - order.begin());
}

TEST_F(library, tells_of_a_shard_from_its_connection_to_its_heartbeats) {
  start_ready(options());
  ASSERT_TRUE(book.await("heartbeat_ack 1"));
  const auto order = book.order();
  const std::vector<std::string> steps{"connecting 1", "connected 1", "hello 1", "identifying 1", "ready 1"};
  for (std::size_t i = 1; i < steps.size(); ++i) {
    EXPECT_LT(place_of(order, steps[i - 1]), place_of(order, steps[i])) << steps[i];
  }
  EXPECT_LT(place_of(order, "heartbeat 1"), place_of(order, "heartbeat_ack 1"));
  EXPECT_EQ(manager->event_failures(), 0u);
}

TEST_F(library, tells_of_reconnects_and_lost_sessions) {
  auto with = options();
  with.events.gap = [this](const gap_event& gap) {
    if (gap.d.contains("invalid_session")) book.note("gap");
  };
  start_ready(std::move(with));
  discord.fault(sim::fault_kind::op7, 0);
  ASSERT_TRUE(book.await("requested_reconnect 0"));
  ASSERT_TRUE(book.await("disconnected 0 4000 op7"));
  ASSERT_TRUE(book.await("resuming 0"));
  ASSERT_TRUE(book.await("resumed 0"));
  discord.fault(sim::fault_kind::close, 1, 4000);
  ASSERT_TRUE(book.await("disconnected 1 4000 "));
  ASSERT_TRUE(book.await("resumed 1"));
  discord.fault(sim::fault_kind::op9, 0);
  ASSERT_TRUE(book.await("invalid_session false 0"));
  ASSERT_TRUE(book.await("ready 0", 2));
  ASSERT_TRUE(book.await("gap"));
  EXPECT_EQ(manager->shard(0)->gaps, 1u);
}

TEST_F(library, gives_each_dispatch_once_and_in_order_after_its_commit) {
  auto with = options();
  std::uint64_t newest = 0;
  bool ascending = true;
  with.events.dispatch = [&](const dispatch_event& event) {
    ascending = ascending && event.offset > newest && event.d.starts_with('{');
    newest = event.offset;
    book.note(std::string(event.type));
  };
  start_ready(std::move(with));
  discord.emit(200);
  ASSERT_TRUE(book.await("MESSAGE_CREATE", 200));
  manager->shutdown();
  EXPECT_EQ(book.count("MESSAGE_CREATE"), 200u);
  EXPECT_EQ(book.count("GUILD_CREATE"), 20u);
  EXPECT_EQ(book.count("READY"), 0u);
  EXPECT_TRUE(ascending);
}

TEST_F(library, continues_dispatching_after_the_offset_that_was_worked_off) {
  std::uint64_t middle = 0;
  auto with = options();
  with.events.dispatch = [&](const dispatch_event& event) {
    if (event.type != "MESSAGE_CREATE") return;
    book.note("first");
    if (book.count("first") == 60) middle = event.offset;
  };
  start_ready(std::move(with));
  discord.emit(100);
  ASSERT_TRUE(book.await("first", 100));
  manager.reset();

  auto again = options();
  again.dispatch_from = {start_position::kind::offset, middle};
  again.events.dispatch = [&](const dispatch_event& event) {
    if (event.type == "MESSAGE_CREATE") book.note("second");
  };
  start(std::move(again));
  ASSERT_TRUE(book.await("resumed 0"));
  ASSERT_TRUE(book.await("second", 40));
  discord.emit(10);
  ASSERT_TRUE(book.await("second", 50));
  manager->shutdown();
  EXPECT_EQ(book.count("second"), 50u);
}

TEST_F(library, counts_a_listener_that_throws_and_goes_on) {
  auto with = options();
  with.events.dispatch = [this](const dispatch_event& event) {
    if (event.type != "MESSAGE_CREATE") return;
    book.note("called");
    throw std::runtime_error("of the test");
  };
  start_ready(std::move(with));
  discord.emit(5);
  ASSERT_TRUE(book.await("called", 5));
  manager->shutdown();
  EXPECT_EQ(manager->event_failures(), 5u);
}

TEST_F(library, shows_shards_buckets_limits_fleets_and_where_things_belong) {
  start_ready(options());
  ASSERT_TRUE(until([this] { return manager->journal().guilds == 20; }));
  const auto shards = manager->shards();
  ASSERT_EQ(shards.size(), 2u);
  EXPECT_EQ(shards[0].state, "live");
  EXPECT_EQ(shards[1].worker, 1u) << "even blocks over two workers";
  EXPECT_TRUE(shards[0].session);
  EXPECT_FALSE(manager->shard(2));
  const auto buckets = manager->buckets();
  ASSERT_EQ(buckets.size(), 16u);
  EXPECT_EQ(buckets[0].waiting, 0u);
  const auto limits = manager->limits();
  EXPECT_TRUE(limits.known);
  EXPECT_EQ(limits.recommended_shards, 2u);
  EXPECT_EQ(limits.max_concurrency, 16u);
  EXPECT_EQ(limits.total, 1000u);
  EXPECT_EQ(limits.remaining, 998u);
  EXPECT_EQ(limits.starts, 2u);
  const auto fleets = manager->fleets();
  ASSERT_EQ(fleets.size(), 1u);
  EXPECT_EQ(fleets[0].count, 2u);
  EXPECT_EQ(fleets[0].last, 1u);
  EXPECT_EQ(fleets[0].ready, 2u);
  const auto guild = discord.some_guild(1, 2);
  EXPECT_EQ(manager->calculate_shard_id(guild), 1u);
  EXPECT_EQ(manager->calculate_shard_id(guild, 1), 0u);
  EXPECT_EQ(manager->calculate_worker_id(1), 1u);
  EXPECT_EQ(manager->calculate_total_shards().value_or(0), 2u);
  ASSERT_TRUE(book.await("heartbeat_ack 0"));
  EXPECT_GE(manager->latency(), 0);
  EXPECT_GT(manager->journal().guilds, 0u);
}

TEST_F(library, shows_the_load_of_each_worker) {
  auto with = options();
  start_ready(std::move(with));
  discord.emit(500);
  std::vector<worker_status> workers;
  ASSERT_TRUE(until([&] {
    workers = manager->workers();
    return std::ranges::all_of(workers, [](const auto& one) { return one.busy > 0 && one.events > 20; });
  }));
  ASSERT_EQ(workers.size(), 2u);
  EXPECT_EQ(workers[0].shards, 1u);
  EXPECT_EQ(workers[1].shards, 1u);
  EXPECT_LE(workers[0].busy, 1.0);
}

TEST_F(library, starts_shards_when_it_is_told_to) {
  auto with = options();
  with.spawn = false;
  start(std::move(with));
  EXPECT_TRUE(manager->shards().empty());
  ASSERT_TRUE(manager->spawn_shards());
  ASSERT_TRUE(book.await("ready 1"));
}

TEST_F(library, kills_disconnects_and_identifies_single_shards) {
  start_ready(options());
  ASSERT_TRUE(manager->disconnect(0));
  ASSERT_TRUE(book.await("disconnected 0 0 dropped"));
  EXPECT_EQ(state_of(0), "offline");
  EXPECT_TRUE(manager->shard(0)->session);
  ASSERT_TRUE(manager->connect(0));
  ASSERT_TRUE(book.await("resumed 0"));

  ASSERT_TRUE(manager->resume(0));
  ASSERT_TRUE(book.await("resumed 0", 2));
  EXPECT_EQ(manager->shard(0)->identifies, 1u);

  ASSERT_TRUE(manager->kill(1));
  ASSERT_TRUE(book.await("disconnected 1 1000 logged_off"));
  EXPECT_FALSE(manager->shard(1)->session);
  EXPECT_EQ(state_of(1), "offline");
  ASSERT_TRUE(manager->spawn_shards());
  ASSERT_TRUE(book.await("ready 1", 2));
  EXPECT_EQ(book.count("ready 0"), 1u) << "the one that was live stays as it is";

  ASSERT_TRUE(manager->identify(0));
  ASSERT_TRUE(book.await("ready 0", 2));
  EXPECT_EQ(manager->shard(0)->identifies, 2u);
  EXPECT_EQ(manager->limits().starts + manager->limits().reidentifies, 4u);

  const auto wrong = manager->kill(7);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().detail.find("held here are 0 to 1"), std::string::npos) << wrong.error().text();
}

TEST_F(library, gathers_the_members_that_were_asked_for) {
  start_ready(options());
  const auto guild = discord.some_guild(0, 2);
  const auto got = manager->request_members({.guild_id = guild}).get();
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->guild_id, guild);
  ASSERT_FALSE(got->members.empty());
  EXPECT_TRUE(got->members.front().contains("\"user\""));

  const auto none = manager->request_members({.guild_id = guild, .user_ids = {17}}).get();
  ASSERT_TRUE(none) << none.error().text();
  EXPECT_EQ(none->not_found, std::vector<std::uint64_t>{17});

  const auto wrong = manager->request_members({.guild_id = guild, .query = "a"}).get();
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().detail.find("limit"), std::string::npos);
}

detached ask_in_turn(gateway_manager& manager, std::uint64_t first, std::uint64_t second, event_book& book) {
  const auto one = co_await manager.request_members({.guild_id = first});
  const auto two = co_await manager.request_members({.guild_id = second});
  book.note(one && two && one->guild_id != two->guild_id ? "both" : "neither");
}

TEST_F(library, is_awaited_by_coroutines) {
  start_ready(options());
  ask_in_turn(*manager, discord.some_guild(0, 2), discord.some_guild(1, 2), book);
  ASSERT_TRUE(book.await("both"));
}

TEST_F(library, answers_every_request_at_its_end) {
  auto with = options();
  start_ready(std::move(with));
  ASSERT_TRUE(manager->disconnect(0));
  ASSERT_TRUE(book.await("disconnected 0 0 dropped"));
  std::promise<result<guild_members>> answered;
  manager->request_members({.guild_id = discord.some_guild(0, 2)},
                           [&](result<guild_members> got) { answered.set_value(std::move(got)); });
  manager->shutdown();
  const auto got = answered.get_future().get();
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().detail.find("stops"), std::string::npos);
}

TEST_F(library, sends_commands_and_hears_what_comes_of_them) {
  auto with = options();
  with.events.dispatch = [this](const dispatch_event& event) { book.note(std::string(event.type)); };
  start_ready(std::move(with));
  const auto guild = discord.some_guild(1, 2);
  std::uint64_t channel = 0;
  discord.with([&](sim::discord& core, std::int64_t) {
    const auto& found = core.world().touch(*core.world().index_of(guild));
    for (const auto& one : found.channels) {
      if (one.type == sim::channel_type::voice) channel = one.id;
    }
  });
  ASSERT_NE(channel, 0u);
  ASSERT_TRUE(manager->join_voice_channel(guild, channel, {.self_deaf = true}));
  ASSERT_TRUE(book.await("VOICE_SERVER_UPDATE"));
  const auto joined = book.count("VOICE_STATE_UPDATE");
  ASSERT_TRUE(manager->leave_voice_channel(guild));
  ASSERT_TRUE(book.await("VOICE_STATE_UPDATE", joined + 1));
  ASSERT_TRUE(manager->request_soundboard_sounds({guild}));
  ASSERT_TRUE(book.await("SOUNDBOARD_SOUNDS"));
  ASSERT_TRUE(manager->request_channel_info(guild));
  ASSERT_TRUE(book.await("CHANNEL_INFO"));
  ASSERT_TRUE(manager->send_payload(
      1, 8, R"({"guild_id":")" + std::to_string(guild) + R"(","query":"","limit":0,"nonce":"mine"})"));
  ASSERT_TRUE(book.await("GUILD_MEMBERS_CHUNK"));
  EXPECT_FALSE(manager->send_payload(0, 2, "{}"));
  EXPECT_FALSE(manager->send_payload(0, 4, "{},\"x\":{}"));
  EXPECT_FALSE(manager->send_payload(2, 4, "{}"));
}

TEST_F(library, sets_presences_of_all_shards_and_of_one) {
  start_ready(options());
  const auto presence = [](const char* status) {
    return std::string(R"({"since":null,"activities":[],"status":")") + status + R"(","afk":false})";
  };
  const auto told = [this](std::uint32_t shard, const std::string& status) {
    return until([&] {
      bool seen = false;
      discord.with([&](sim::discord& core, std::int64_t) {
        for (const auto& [id, one] : core.sessions()) {
          seen = seen || (one->shard == shard && one->status == status);
        }
      });
      return seen;
    });
  };
  ASSERT_TRUE(manager->edit_bot_status(presence("idle")));
  EXPECT_TRUE(told(0, "idle"));
  EXPECT_TRUE(told(1, "idle"));
  ASSERT_TRUE(manager->edit_shard_status(1, presence("dnd")));
  EXPECT_TRUE(told(1, "dnd"));
  EXPECT_TRUE(told(0, "idle"));
  EXPECT_FALSE(manager->edit_bot_status("idle"));
}

TEST_F(library, says_who_has_never_read) {
  start_ready(options());
  EXPECT_TRUE(manager->consumers().empty());
  const auto paused = manager->pause_consumer("nobody").get();
  ASSERT_FALSE(paused);
  EXPECT_NE(paused.error().detail.find("nobody"), std::string::npos);
  EXPECT_FALSE(manager->drain_consumer("nobody", 1s).get());
  EXPECT_FALSE(manager->skip_consumer("nobody", {}).get());
  EXPECT_FALSE(manager->drop_consumer_class("nobody", event_group::message).get());
  EXPECT_TRUE(manager->dead_letters().empty());
  EXPECT_FALSE(manager->replay_dead_letter("nobody", 7));
  EXPECT_FALSE(manager->discard_dead_letter("nobody", 7));
}

TEST_F(library, tells_that_it_cannot_go_on) {
  discord.with([](sim::discord& core, std::int64_t) { core.set_token(base::secret("an.other.token")); });
  auto with = options();
  with.events.fatal = [this](const std::string& why) { book.note(why.empty() ? "nothing" : "fatal"); };
  start(std::move(with));
  ASSERT_TRUE(book.await("fatal"));
  EXPECT_FALSE(manager->fatal().empty());
  const auto spawned = manager->spawn_shards();
  ASSERT_FALSE(spawned);
  EXPECT_NE(spawned.error().detail.find("failed"), std::string::npos);
}

TEST_F(library, reshards_and_tells_of_each_phase) {
  auto with = options();
  with.reshard.skew_max = 200ms;
  with.events.resharding = [this](const resharding_status& now) { book.note("phase " + now.phase); };
  start_ready(std::move(with));
  const auto plan = manager->plan_resharding(4);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->identifies, 4u);
  // Not while its guilds are still arriving.
  while (!manager->start_resharding(4)) std::this_thread::yield();
  ASSERT_TRUE(book.await("phase prepare"));
  const auto busy = manager->kill(0);
  ASSERT_FALSE(busy);
  EXPECT_NE(busy.error().detail.find("resharding"), std::string::npos);
  ASSERT_TRUE(book.await("phase overlap"));
  ASSERT_EQ(manager->fleets().size(), 2u);
  EXPECT_EQ(manager->fleets().back().count, 4u);
  EXPECT_FALSE(manager->shards().back().serving);
  EXPECT_EQ(manager->resharding().to, 4u);
  ASSERT_TRUE(manager->abort_resharding());
}

}  // namespace
}  // namespace evergate::app
