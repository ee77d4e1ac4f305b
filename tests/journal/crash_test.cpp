// What is left after the process died at any instant.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "base/rng.h"
#include "core_rig.h"
#include "journal/journal.h"
#include "journal_rig.h"

namespace evergate::journal {
namespace {

using test::batch_maker;
using test::temp_dir;
using enum proto::event_type;

constexpr proto::snowflake guild_of[2] = {1ULL << 22, 2ULL << 22};

journal_options small(const std::filesystem::path& directory) {
  journal_options options;
  options.directory = directory;
  options.map_bytes = std::uint64_t{64} << 20;
  options.max_events = 3000;
  options.checkpoint_bytes_min = 2000;
  options.checkpoint_blobs_max = 20;
  options.ring_bytes_max = 100'000;
  return options;
}

// Tells the parent each commit it hears of: head, then the sequences of both shards.
class teller final : public flow::commit_listener {
 public:
  explicit teller(int to) : to_(to) {}
  void on_commit(const std::shared_ptr<const flow::commit>& done) override {
    for (const auto& one : done->progress) numbers_[1 + one.shard.id] = one.seq.value();
    numbers_[0] = static_cast<std::int64_t>(done->head.value);
    if (::write(to_, numbers_, sizeof(numbers_)) != sizeof(numbers_)) ::_exit(1);
  }
  void on_room() override {
    ++rooms_;
    rooms_.notify_all();
  }
  void on_stalled(const std::string&) override { ::_exit(2); }
  [[nodiscard]] int rooms() const { return rooms_; }
  void wait_past(int rooms) const { rooms_.wait(rooms); }

 private:
  int to_;
  std::atomic<int> rooms_{0};
  std::int64_t numbers_[3] = {0, 0, 0};
};

// Two shards, one guild each; every event of a shard carries its sequence, state events name it.
[[noreturn]] void write_until_killed(const std::filesystem::path& directory, int to, std::uint64_t seed) {
  base::rng random(seed);
  base::logger log(base::log_level::off);
  auto made = journal::open(small(directory), log);
  if (!made) ::_exit(3);
  std::int64_t seqs[2] = {0, 0};
  for (const auto& one : (*made)->stored_sessions().value()) seqs[one.record.shard.id] = one.seq.value();
  teller told(to);
  (*made)->start({&told});
  for (;;) {
    const auto shard = static_cast<std::uint16_t>(random.below(2));
    batch_maker batch;
    batch.on(shard, 2);
    const auto guild = guild_of[shard];
    if (seqs[shard] == 0) {
      batch.session("s", ++seqs[shard]);
      batch.event(guild_create, guild, R"({"id":"1","name":"1"})", 1);
    }
    for (auto n = 1 + random.below(20); n > 0; --n) {
      const auto seq = static_cast<std::uint32_t>(++seqs[shard]);
      const auto d = R"({"id":"1","name":")" + std::to_string(seq) + R"(","pad":")" +
                     std::string(random.below(200), 'p') + "\"}";
      batch.event(random.chance(0.3)   ? guild_update
                  : random.chance(0.5) ? message_create
                                       : typing_start,
                  guild, d, seq);
    }
    batch.progress(seqs[shard]);
    auto full = batch.done();
    for (int rooms = told.rooms(); !(*made)->append(full); rooms = told.rooms()) told.wait_past(rooms);
    if (random.chance(0.1)) (*made)->change(test::cursor_at((*made)->head().value));
  }
}

void check_consistent(const std::filesystem::path& directory, const std::int64_t (&told)[3]) {
  base::logger log(base::log_level::off);
  auto made = journal::open(small(directory), log);
  ASSERT_TRUE(made) << made.error().text();
  const auto head = (*made)->head().value;
  EXPECT_GE(head, static_cast<std::uint64_t>(told[0]));
  std::int64_t stored[2] = {-1, -1};
  for (const auto& one : (*made)->stored_sessions().value()) stored[one.record.shard.id] = one.seq.value();
  for (int shard = 0; shard < 2; ++shard)
    EXPECT_GE(stored[shard], told[1 + shard] == 0 ? -1 : told[1 + shard]);
  // Rows: ascending, none missing past what was evicted, sequences without holes, the newest is the stored
  // one.
  std::int64_t newest[2] = {-1, -1};
  std::uint32_t last_name[2] = {0, 0};
  const auto floor = [&] {
    std::uint64_t highest = 0;
    for (const auto& one : (*made)->status().book.classes) highest = std::max(highest, one.floor);
    return highest;
  }();
  std::uint64_t after = 0;
  for (;;) {
    const auto batch = (*made)->read_after({after}, 1 << 16);
    ASSERT_TRUE(batch) << batch.error().text();
    if (*batch == nullptr) break;
    for (const auto& row : (*batch)->rows) {
      if (after >= floor) ASSERT_EQ(row.offset.value, after + 1);
      after = row.offset.value;
      if (row.type == gap) continue;  // of our own, after state was given up unseen
      // At or before the floor rows of the evicted classes are missing in between.
      if (after > floor) {
        if (newest[row.shard] >= 0) ASSERT_EQ(row.seq, newest[row.shard] + 1) << "offset " << after;
        newest[row.shard] = row.seq;
      }
      if (row.type == guild_update) last_name[row.shard] = row.seq;
    }
  }
  EXPECT_EQ(std::max(after, floor), head);
  for (int shard = 0; shard < 2; ++shard) {
    if (newest[shard] >= 0) EXPECT_EQ(newest[shard], stored[shard]);
    if (last_name[shard] == 0) continue;
    std::string text;
    const auto shown = (*made)->guild(guild_of[shard], {head}, text);
    ASSERT_TRUE(shown && *shown) << (shown ? "not shown" : shown.error().text());
    EXPECT_NE(text.find(R"("name":")" + std::to_string(last_name[shard]) + "\""), std::string::npos) << text;
  }
}

TEST(crash, whatever_was_announced_survives_a_kill_at_any_instant) {
  const temp_dir directory;
  base::rng random(11);
  for (std::uint64_t round = 0; round < 25; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(directory.path, ends[1], round);
    }
    ::close(ends[1]);
    std::int64_t told[3] = {0, 0, 0};
    std::int64_t next[3];
    for (auto left = 1 + random.below(80); left > 0 && ::read(ends[0], next, sizeof(next)) == sizeof(next);
         --left) {
      std::copy(std::begin(next), std::end(next), told);
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    while (::read(ends[0], next, sizeof(next)) == sizeof(next))
      std::copy(std::begin(next), std::end(next), told);
    ::close(ends[0]);
    check_consistent(directory.path, told);
    if (::testing::Test::HasFailure()) FAIL() << "round " << round;
  }
}

}  // namespace
}  // namespace evergate::journal
