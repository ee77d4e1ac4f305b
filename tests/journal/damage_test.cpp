// A data directory whose store is damaged: found at the start or while running, never served, and the journal
// goes on.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "core_rig.h"
#include "journal/errc.h"
#include "journal/journal.h"
#include "journal/verifier.h"
#include "journal_rig.h"

namespace evergate::journal {
namespace {

using test::batch_maker;
using test::g1;
using test::listener;
using test::temp_dir;
using enum proto::event_type;
namespace fs = std::filesystem;

class damaged_journal : public ::testing::Test {
 protected:
  damaged_journal() {
    options_.directory = directory_.path / "data";
    options_.map_bytes = std::uint64_t{16} << 20;
    options_.ring_bytes_max = 0;
    options_.checkpoint_bytes_min = 1 << 20;
  }
  /// A store with a session, a guild and messages, each with a text of its own.
  void fill() {
    listener heard;
    const auto made = open();
    made->start({&heard});
    put(*made,
        batch_maker().session("kept", 1).event(guild_create, g1, R"({"id":"4194304","name":"gggg"})").done());
    for (int i = 0; i < 20; ++i) {
      const auto text = R"({"content":"message-)" + std::to_string(i) + "-" + std::string(600, 'm') + "\"}";
      put(*made, batch_maker()
                     .event(message_create, g1, text, static_cast<std::uint32_t>(i + 2))
                     .progress(i + 2)
                     .done());
      heard.wait_for_head(static_cast<std::uint64_t>(i + 2));
    }
    made->stop();
  }
  [[nodiscard]] std::unique_ptr<journal> open() {
    auto made = journal::open(options_, log_);
    EXPECT_TRUE(made) << (made ? "" : made.error().text());
    return made ? std::move(*made) : nullptr;
  }
  static void put(journal& to, std::unique_ptr<flow::event_batch> batch) { ASSERT_TRUE(to.append(batch)); }
  [[nodiscard]] fs::path file() const { return options_.directory / "data.mdb"; }
  /// Changes one bit of every place that holds `text`.
  void damage(const std::string& text) const {
    std::ifstream in(file(), std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    std::size_t found = 0;
    for (auto at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1), ++found)
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
    ASSERT_GT(found, 0U);
    std::ofstream(file(), std::ios::binary) << bytes;
  }
  /// A verifier that is a shell script.
  void verify_by(const std::string& body) {
    const auto path = directory_.path / "verify.sh";
    std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
    ::chmod(path.c_str(), 0700);
    options_.verifier.program = path;
  }
  void other_boot() const {
    auto marks = run_marks::load(options_.directory);
    ASSERT_TRUE(marks.known);
    marks.boot = "another";
    marks.clean = false;
    ASSERT_TRUE(marks.save(options_.directory));
  }
  [[nodiscard]] std::vector<std::string> causes(const journal& of) const {
    std::vector<std::string> out;
    for (const auto& one : of.gaps()) {
      const auto at = one.d.find(R"("cause":")") + 9;
      out.push_back(one.d.substr(at, one.d.size() - at - 2));
    }
    return out;
  }
  [[nodiscard]] std::size_t set_aside() const {
    std::size_t out = 0;
    for (const auto& one : fs::directory_iterator(options_.directory))
      out += one.path().filename().string().starts_with("damaged-") ? 1 : 0;
    return out;
  }

  temp_dir directory_;
  journal_options options_;
  base::logger log_{base::log_level::off};
};

TEST_F(damaged_journal, a_verifier_that_dies_hangs_or_babbles_counts_as_damage) {
  const std::string scripts[] = {"kill -SEGV $$", "exec sleep 1000", "echo sound", "echo nonsense; echo end"};
  options_.verifier.timeout = base::milliseconds(300);
  options_.damaged_kept = 2;
  for (const auto& script : scripts) {
    fill();
    other_boot();
    verify_by(script);
    const auto before = set_aside();
    const auto made = open();
    ASSERT_NE(made, nullptr) << script;
    EXPECT_EQ(made->head().value, 1U) << script;
    EXPECT_EQ(causes(*made), std::vector<std::string>{"store_damaged"}) << script;
    EXPECT_EQ(set_aside(), std::min<std::size_t>(before + 1, 2));
    made->stop();
    options_.verifier.program.clear();
    fs::remove(file());
    fs::remove(options_.directory / "evergate.runs");
  }
}

TEST_F(damaged_journal, the_gaps_name_what_the_verifier_could_read) {
  fill();
  other_boot();
  verify_by("printf 'damaged 6261\\nsession 0 1 21 6b657074\\nsession 1 2 5 78\\nend\\n'");
  const auto made = open();
  ASSERT_NE(made, nullptr);
  ASSERT_EQ(made->gaps().size(), 2U);
  EXPECT_NE(made->gaps()[0].d.find(R"("shard":[0,1],"session_id":"kept","last_seq":21)"), std::string::npos);
  EXPECT_TRUE(made->stored_sessions()->empty());
  EXPECT_EQ(made->status().book.gaps, 2U);
}

TEST_F(damaged_journal, a_verifier_that_cannot_run_is_done_without) {
  fill();
  other_boot();
  options_.verifier.program = directory_.path / "nothing";
  EXPECT_EQ(open()->head().value, 21U);
  other_boot();
  damage("message-7-");
  const auto made = open();
  EXPECT_EQ(causes(*made), std::vector<std::string>{"store_damaged"});
}

TEST_F(damaged_journal, a_store_that_is_gone_leaves_a_gap) {
  fill();
  fs::remove(file());
  const auto made = open();
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(causes(*made), std::vector<std::string>{"store_damaged"});
}

TEST_F(damaged_journal, a_gap_that_is_owed_is_written_by_the_next_start) {
  fill();
  auto marks = run_marks::load(options_.directory);
  marks.gap_owed = true;
  ASSERT_TRUE(marks.save(options_.directory));
  EXPECT_EQ(causes(*open()), std::vector<std::string>{"store_damaged"});
  EXPECT_EQ(open()->gaps().size(), 1U);
}

TEST_F(damaged_journal, damaged_events_are_skipped_with_a_gap_and_the_rest_is_served) {
  fill();
  damage("message-7-");
  listener heard;
  const auto made = open();
  ASSERT_NE(made, nullptr);
  ASSERT_EQ(made->head().value, 21U);
  made->start({&heard});
  std::vector<std::uint64_t> seen;
  for (std::uint64_t after = 0; after < 21;) {
    const auto batch = made->read_after({after}, 1);
    ASSERT_TRUE(batch) << batch.error().text();
    ASSERT_NE(*batch, nullptr);
    for (const auto& row : (*batch)->rows) seen.push_back(row.offset.value);
    after = seen.back();
  }
  EXPECT_EQ(seen.size(), 20U);
  EXPECT_EQ(std::ranges::count(seen, 9U), 0);
  heard.wait_for_head(22);
  EXPECT_EQ(causes(*made), std::vector<std::string>{"damaged 9-9"});
  EXPECT_EQ(made->status().damaged, 1U);
  // Once, however often it is read.
  ASSERT_TRUE(made->read_after({8}, 1));
  put(*made, batch_maker().event(typing_start, g1, "{}").done());
  heard.wait_for_head(23);
  EXPECT_EQ(made->gaps().size(), 1U);
}

TEST_F(damaged_journal, a_damaged_guild_is_down_and_stays_so_until_it_is_sent_again) {
  fill();
  damage(R"("name":"gggg")");
  listener heard;
  const auto made = open();
  ASSERT_NE(made, nullptr);
  made->start({&heard});
  std::string text;
  EXPECT_FALSE(made->guild(g1, made->head(), text).value());
  EXPECT_EQ(made->status().damaged, 1U);
  put(*made, batch_maker().event(guild_create, g1, R"({"id":"4194304","name":"new"})").done());
  heard.wait_for_head(22);
  // It is up again once its being down is on disk: until then the damaged events lie before the new ones.
  while (!made->guild(g1, made->head(), text).value()) std::this_thread::yield();
  EXPECT_NE(text.find("new"), std::string::npos) << text;
  made->stop();
}

TEST_F(damaged_journal, what_a_child_says_is_not_trusted) {
  EXPECT_TRUE(heard("sound\nend\n"));
  for (const std::uint32_t count : {2U, 2U | flow::twin_fleet}) {
    const auto whole = heard(told({.found = {}, .book = {}, .sessions = {{{1, count}, "id", "", 7}}}));
    ASSERT_TRUE(whole) << count;
    EXPECT_EQ(whole->sessions[0].seq, 7);
    EXPECT_EQ(whole->sessions[0].shard.count, count);
  }
  for (const auto* const text :
       {"", "sound", "sound\n", "end\n", "sound\nend", "sound\nend\nmore\n", "damaged 6\nend\n",
        "damaged zz\nend\n", "sound\nsession 2 2 1 61\nend\n", "sound\nsession 0 99999999999 1 61\nend\n",
        "sound\nsession 0 1 x 61\nend\n", "sound\nsession 0 131073 1 61\nend\n",
        "sound\nsession 2 65538 1 61\nend\n", "sound\nsession 0 1 1 6\nend\n", "sound\nsession\nend\n"})
    EXPECT_FALSE(heard(text)) << text;
}

TEST(run_marks, forget_what_is_long_ago_and_what_ended_well) {
  const temp_dir directory;
  run_marks marks = run_marks::load(directory.path);
  EXPECT_FALSE(marks.known);
  for (std::int64_t now = 1000; now < 1005; ++now)
    EXPECT_EQ(marks.begin(now, 0, "b"), static_cast<std::size_t>(now - 1000));
  EXPECT_EQ(marks.begin(5000, 1003, "b"), 2U);
  ASSERT_TRUE(marks.save(directory.path));
  marks = run_marks::load(directory.path);
  ASSERT_TRUE(marks.known);
  EXPECT_EQ(marks.starts.size(), 3U);
  marks.end_cleanly();
  EXPECT_EQ(marks.begin(6000, 0, "b"), 0U);
  std::ofstream(directory.path / "evergate.runs") << "runs-1 made=1 clean=2";
  EXPECT_FALSE(run_marks::load(directory.path).known);
}

}  // namespace
}  // namespace evergate::journal
