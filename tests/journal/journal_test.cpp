#include "journal/journal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "core_rig.h"
#include "journal/dump.h"
#include "journal/errc.h"
#include "journal/lmdb_store.h"
#include "journal_rig.h"
#include "proto/json_view.h"
#include "proto/snowflake.h"

namespace evergate::journal {
namespace {

using nlohmann::json;
using test::batch_maker;
using test::g1;
using test::listener;
using test::temp_dir;
using enum proto::event_type;

base::logger& quiet() {
  static base::logger log(base::log_level::off);
  return log;
}

journal_options in(const std::filesystem::path& directory) {
  journal_options options;
  options.directory = directory;
  options.map_bytes = std::uint64_t{64} << 20;
  return options;
}

std::unique_ptr<journal> open(const journal_options& options) {
  auto made = journal::open(options, quiet());
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().text());
  return made ? std::move(*made) : nullptr;
}

void put(journal& to, std::unique_ptr<flow::event_batch> batch) {
  ASSERT_TRUE(to.append(batch));
}

std::uint64_t count_after(journal& from, std::uint64_t after) {
  std::uint64_t count = 0;
  for (;;) {
    const auto batch = from.read_after({after}, 1 << 16);
    EXPECT_TRUE(batch.has_value()) << batch.error().text();
    if (!batch || *batch == nullptr) return count;
    for (const auto& row : (*batch)->rows) {
      EXPECT_GT(row.offset.value, after);
      after = row.offset.value;
      ++count;
    }
  }
}

class journal_over : public ::testing::TestWithParam<std::pair<storage_kind, durability_kind>> {
 protected:
  journal_options options() const {
    auto out = in(directory_.path);
    out.storage = GetParam().first;
    out.durability = GetParam().second;
    return out;
  }
  temp_dir directory_;
};

TEST_P(journal_over, commits_and_shows_what_was_appended) {
  listener heard;
  const auto made = open(options());
  made->start({&heard});
  put(*made, batch_maker()
                 .ready(R"({"user":{"id":"900"},"guilds":[{"id":"4194304"}]})")
                 .session("s", 1)
                 .progress(1)
                 .done());
  heard.wait_for_head(1);
  EXPECT_FALSE(made->complete());
  put(*made, batch_maker().event(guild_create, g1, R"({"id":"4194304","name":"x"})", 2).progress(2).done());
  const auto done = heard.wait_for_head(2);
  EXPECT_TRUE(made->complete());
  ASSERT_FALSE(done->progress.empty());
  EXPECT_EQ(done->progress.front().seq.value(), 2);
  EXPECT_EQ(made->head().value, 2U);
  EXPECT_EQ(count_after(*made, 0), 2U);
  std::string text;
  const auto shown = made->guild(g1, made->head(), text);
  ASSERT_TRUE(shown && *shown);
  EXPECT_EQ(text, R"({"id":"4194304","name":"x","unavailable":false})");
  EXPECT_EQ(made->ready().value(), R"({"user":{"id":"900"},"guilds":[{"id":"4194304"}]})");
  made->stop();
}

TEST_P(journal_over, a_change_is_durable_when_it_says_so) {
  std::promise<void> told;
  listener heard;
  const auto made = open(options());
  made->start({&heard});
  auto change = test::cursor_at(7);
  change.done = [&] { told.set_value(); };
  made->change(std::move(change));
  told.get_future().wait();
  EXPECT_EQ(made->stored().value().consumers.front().layouts.front().cursors.front().value, 7U);
}

// Two readers ask for everything while the writer commits, evicts and keeps versions: the row at offset x
// names the guild x, so whatever is shown can be judged.
TEST_P(journal_over, readers_see_one_moment_while_it_writes) {
  auto options_here = options();
  options_here.max_events = 300;
  options_here.checkpoint_bytes_min = 500;
  options_here.checkpoint_blobs_max = 10;
  options_here.ring_bytes_max = 2000;
  listener heard;
  const auto made = open(options_here);
  made->start({&heard});
  constexpr std::uint64_t last = 1500;
  put(*made, batch_maker().event(guild_create, g1, R"({"id":"4194304","name":"1"})").done());
  heard.wait_for_head(1);
  made->change(test::cursor_at(1));
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> cursor{1};
  const auto read = [&] {
    while (!done) {
      const auto head = made->head();
      std::string text;
      const auto shown = made->guild(g1, head, text);
      ASSERT_TRUE(shown) << shown.error().text();
      ASSERT_TRUE(*shown);
      const auto name = proto::plain_string(proto::member(text, "name")).value_or("");
      const auto as_of = proto::parse_snowflake(name).value_or(0);
      // What no cursor needs any more may be gone: then the oldest moment that is kept is shown.
      if (head.value >= cursor) {
        ASSERT_EQ(as_of, head.value) << text;
      } else {
        ASSERT_GE(as_of, head.value) << text;
      }
      ASSERT_EQ(made->guilds({0, 1}, head)->size(), 1U);
      const auto after = head.value > 100 ? head.value - 100 : 0;
      const auto batch = made->read_after({after}, 4096);
      ASSERT_TRUE(batch) << batch.error().text();
      if (*batch != nullptr) ASSERT_GT((*batch)->rows.front().offset.value, after);
      (void)made->status();
      (void)made->complete();
    }
  };
  std::thread one(read);
  std::thread two(read);
  for (std::uint64_t i = 2; i <= last; ++i) {
    put(*made, batch_maker().event(guild_update, g1, R"({"name":")" + std::to_string(i) + "\"}").done());
    if (i % 50 != 0) continue;
    heard.wait_for_head(i);
    cursor = i - 20;
    made->change(test::cursor_at(i - 20));
  }
  heard.wait_for_head(last);
  done = true;
  one.join();
  two.join();
  EXPECT_EQ(made->lost_before().value, 0U);
}

INSTANTIATE_TEST_SUITE_P(stores, journal_over,
                         ::testing::Values(std::pair{storage_kind::disk, durability_kind::process},
                                           std::pair{storage_kind::disk, durability_kind::power},
                                           std::pair{storage_kind::memory, durability_kind::process}));

TEST(journal, comes_back_after_a_clean_stop) {
  const temp_dir directory;
  {
    listener heard;
    const auto made = open(in(directory.path));
    made->start({&heard});
    put(*made, batch_maker()
                   .session("s", 1)
                   .event(guild_create, g1, R"({"id":"4194304","name":"x"})")
                   .progress(5)
                   .done());
    for (int i = 0; i < 100; ++i) put(*made, batch_maker().message(g1, 300, 1, 1).progress(6 + i).done());
    made->stop();
    EXPECT_EQ(heard.head(), 101U);
  }
  const auto made = open(in(directory.path));
  EXPECT_EQ(made->head().value, 101U);
  EXPECT_EQ(count_after(*made, 0), 101U);
  EXPECT_EQ(count_after(*made, 50), 51U);
  const auto sessions = made->stored_sessions();
  ASSERT_TRUE(sessions);
  EXPECT_EQ(sessions->front().seq.value(), 105);
  std::string text;
  EXPECT_TRUE(made->guild(g1, made->head(), text).value());
}

TEST(journal, ring_and_disk_show_the_same) {
  const temp_dir directory;
  auto options = in(directory.path);
  options.ring_bytes_max = 4096;
  listener heard;
  const auto made = open(options);
  made->start({&heard});
  for (int i = 0; i < 200; ++i) {
    batch_maker batch;
    batch.event(message_create, g1, std::string(100, 'm'))
        .event(typing_start, g1, "{}")
        .event(guild_update, g1, "{}");
    put(*made, batch.done());
  }
  heard.wait_for_head(600);
  EXPECT_LT(made->status().ring_bytes, 8192U);
  for (const std::uint64_t after : {0ULL, 1ULL, 2ULL, 299ULL, 590ULL, 598ULL, 599ULL, 600ULL, 10'000ULL}) {
    EXPECT_EQ(count_after(*made, after), after > 600 ? 0 : 600 - after) << after;
  }
}

TEST(journal, refuses_when_full_and_tells_of_room) {
  auto image = std::make_shared<memory_image>();
  std::atomic<bool> blocked{true};
  image->before_commit = [&]() -> base::result<void> {
    if (blocked) return base::fail(errc::full, "no room");
    return {};
  };
  journal_options options;
  options.queue_items_max = 4;
  options.retry_min = options.retry_max = base::milliseconds(1);
  listener heard;
  auto made = journal::open_over(std::make_unique<memory_store>(image), options, quiet()).value();
  made->start({&heard});
  put(*made, batch_maker().event(message_create, g1, "{}").progress(1).done());
  heard.wait_for_stall();
  int accepted = 0;
  std::unique_ptr<flow::event_batch> batch;
  for (;;) {
    batch = batch_maker().event(message_create, g1, "{}").progress(2 + accepted).done();
    if (!made->append(batch)) break;
    ++accepted;
  }
  EXPECT_EQ(accepted, 4);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->rows.size(), 1U);
  EXPECT_TRUE(made->status().stalled);
  EXPECT_EQ(heard.head(), 0U);
  blocked = false;
  heard.wait_for_room();
  heard.wait_for_head(5);
  EXPECT_EQ(heard.stalls(), 1);
  EXPECT_FALSE(made->status().stalled);
  EXPECT_TRUE(made->append(batch));
  heard.wait_for_head(6);
}

TEST(journal, stop_gives_up_on_a_store_that_cannot_be_written) {
  auto image = std::make_shared<memory_image>();
  image->before_commit = []() -> base::result<void> { return base::fail(errc::io, "broken"); };
  journal_options options;
  options.stop_wait = base::milliseconds(1);
  options.retry_min = base::milliseconds(1);
  listener heard;
  auto made = journal::open_over(std::make_unique<memory_store>(image), options, quiet()).value();
  made->start({&heard});
  put(*made, batch_maker().event(message_create, g1, "{}").done());
  made->stop();
  EXPECT_EQ(made->head().value, 0U);
}

TEST(journal, a_directory_belongs_to_one_daemon) {
  const temp_dir directory;
  const auto made = open(in(directory.path));
  const auto second = journal::open(in(directory.path), quiet());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, make_error_code(errc::locked));
  EXPECT_NE(second.error().detail.find(directory.path.string()), std::string::npos);
}

TEST(journal, says_what_is_wrong_with_a_directory) {
  const temp_dir directory;
  std::ofstream(directory.path / "file") << "x";
  const auto file = journal::open(in(directory.path / "file"), quiet());
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, make_error_code(errc::unusable));
  std::filesystem::create_directory(directory.path / "garbage");
  std::ofstream(directory.path / "garbage" / "data.mdb") << std::string(10'000, 'x');
  auto strict = in(directory.path / "garbage");
  strict.on_damage = damage_policy::refuse;
  const auto garbage = journal::open(strict, quiet());
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().code, make_error_code(errc::damaged));
  auto bad = in(directory.path);
  bad.max_events = 0;
  const auto option = journal::open(bad, quiet());
  ASSERT_FALSE(option);
  EXPECT_EQ(option.error().code, make_error_code(errc::bad_option));
  EXPECT_NE(option.error().detail.find("queue.max_events is 0"), std::string::npos);
}

TEST(journal, a_full_disk_stalls_and_room_ends_it) {
  const temp_dir directory;
  listener heard;
  const auto made = open(in(directory.path));
  made->start({&heard});
  put(*made, batch_maker().event(message_create, g1, "{}").progress(1).done());
  heard.wait_for_head(1);
  // A limit on the file's size is as good as a full disk: the write fails half-way.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  const auto size = std::filesystem::file_size(directory.path / "data.mdb");
  const rlimit tight{size + 65'536, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  put(*made, batch_maker().event(message_create, g1, std::string(1 << 20, 'm')).progress(2).done());
  heard.wait_for_stall();
  EXPECT_EQ(made->head().value, 1U);
  EXPECT_FALSE(made->status().last_error.empty());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  heard.wait_for_head(2);
  made->stop();
  EXPECT_EQ(count_after(*made, 0), 2U);
}

TEST(journal, the_map_grows_with_what_is_stored) {
  const temp_dir directory;
  auto options = in(directory.path);
  options.map_bytes = 1 << 20;
  listener heard;
  const auto made = open(options);
  made->start({&heard});
  for (int i = 0; i < 32; ++i)
    put(*made, batch_maker().event(message_create, g1, std::string(1 << 18, 'm')).done());
  heard.wait_for_head(32);
  EXPECT_EQ(heard.stalls(), 0);
  EXPECT_EQ(count_after(*made, 0), 32U);
}

TEST(journal, dumps_beside_the_running_daemon) {
  const temp_dir directory;
  listener heard;
  const auto made = open(in(directory.path));
  made->start({&heard});
  put(*made, batch_maker().on(3, 8).event(message_create, g1, R"({"content":"é"})", 9).gap("because").done());
  heard.wait_for_head(2);
  std::ostringstream out;
  // LMDB allows one environment a process, so another process looks.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::ostringstream text;
    const auto dumped = dump(directory.path, text);
    const auto said = dumped ? text.str() : dumped.error().text();
    const bool whole = ::write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size());
    ::_exit(whole ? 0 : 1);
  }
  ::close(ends[1]);
  std::string said;
  char piece[4096];
  for (ssize_t n = 0; (n = ::read(ends[0], piece, sizeof(piece))) > 0;)
    said.append(piece, static_cast<std::size_t>(n));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  std::istringstream lines(said);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line)) << said;
  EXPECT_EQ(
      json::parse(line),
      json::parse(
          R"({"offset":1,"guild":"4194304","type":"MESSAGE_CREATE","shard":3,"shard_count":8,"seq":9,"flags":0,"d":{"content":"é"}})"));
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(json::parse(line)["d"]["cause"], "because");
  EXPECT_FALSE(dump(directory.path / "nothing", out));
}

}  // namespace
}  // namespace evergate::journal
