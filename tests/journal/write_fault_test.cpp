// Every single call to the store fails once, in a script of rounds that uses all tables, evicts and closes:
// nothing is half applied, the repeated write succeeds, and what is stored in the end is byte for byte what a
// script without failures stores.
#include <gtest/gtest.h>

#include "core_rig.h"
#include "failing_store.h"

namespace evergate::journal {
namespace {

using test::batch_maker;
using test::call_counter;
using test::failing_store;
using test::g1;
using test::g2;
using enum proto::event_type;

constexpr int rounds = 14;

journal_options cramped() {
  journal_options options;
  options.max_events = 24;
  options.checkpoint_bytes_min = 100;
  options.checkpoint_blobs_max = 2;
  options.user_updates_max = 1;
  return options;
}

// A core over a store that fails, with the rounds of the script.
class script {
 public:
  explicit script(call_counter& counter)
      : image(std::make_shared<memory_image>()),
        memory(image),
        store(memory, counter),
        guilds(store, options.document_bytes_max),
        ring(options.ring_bytes_max),
        core(store, guilds, ring, options) {
    EXPECT_TRUE(core.recover(true));
  }

  [[nodiscard]] round next(int i) {
    round work;
    batch_maker batch;
    const auto n = std::to_string(i);
    if (i == 0) {
      batch.ready(R"({"user":{"id":"9"},"guilds":[{"id":"4194304"},{"id":"8388608"}]})").session("s", 1);
      batch.event(guild_create, g1, R"({"id":"4194304","name":"a"})", 1);
      batch.event(guild_create, g2, R"({"id":"8388608","name":"b"})", 1);
    }
    batch.event(guild_update, g1, R"({"id":"4194304","name":")" + n + "\"}",
                static_cast<std::uint32_t>(i + 2));
    batch.message(g2, 5, static_cast<std::uint64_t>(i + 1), 1).event(typing_start, g2, "{}");
    if (i % 3 == 0) batch.event(user_update, 0, R"({"id":"9","username":")" + n + "\"}");
    if (i == 7) batch.gap();
    work.batches.push_back(batch.progress(i + 2).done());
    flow::consumer_change change = test::cursor_at(core.state().book.head / 2);
    flow::downstream_record session;
    session.id = "d" + std::to_string(i % 3);
    session.number = static_cast<std::uint32_t>(i);
    if (i % 4 == 3) {
      change.sessions_removed.push_back(session.id);
    } else {
      change.sessions.push_back(session);
    }
    work.changes.add(std::move(change));
    for (const auto& one : std::exchange(requests, {}))
      work.checkpoints.push_back(make_checkpoint(guilds, one, 1));
    core.prepare(work);
    return work;
  }
  void settle(round& work) {
    requests = work.requests;
    const auto done = core.settle(work);
    ASSERT_NE(done, nullptr);
    EXPECT_EQ(done->head.value, core.state().book.head);
  }

  journal_options options = cramped();
  std::shared_ptr<memory_image> image;
  memory_store memory;
  failing_store store;
  mirror guilds;
  batch_ring ring;
  journal_core core;
  std::vector<checkpoint_request> requests;
};

using tables = std::array<memory_image::rows, table_count>;

// Returns what is stored in the end.
tables run_through(call_counter& counter, std::uint64_t& failed) {
  script all(counter);
  for (int i = 0; i < rounds; ++i) {
    auto work = all.next(i);
    for (;;) {
      const auto before = all.image->tables;
      const auto head = all.core.state().book.head;
      const auto wrote = all.core.write(work, 1'700'000'000'000 + i);
      if (wrote) break;
      ++failed;
      EXPECT_EQ(all.image->tables, before) << "half a round is stored";
      EXPECT_EQ(all.core.state().book.head, head);
    }
    all.settle(work);
  }
  while (!all.core.close()) ++failed;
  // What is stored can be read by the next life.
  memory_store again(all.image);
  mirror guilds(again, all.options.document_bytes_max);
  batch_ring ring(all.options.ring_bytes_max);
  journal_core next(again, guilds, ring, all.options);
  const auto recovered = next.recover(true);
  EXPECT_TRUE(recovered) << (recovered ? "" : recovered.error().text());
  return all.image->tables;
}

TEST(write_faults, any_call_may_fail_once_and_nothing_is_half_done) {
  call_counter none;
  std::uint64_t failed = 0;
  const auto truth = run_through(none, failed);
  ASSERT_EQ(failed, 0U);
  ASSERT_GT(none.calls, 300U);
  for (std::uint64_t at = 1; at <= none.calls; ++at) {
    call_counter counter{.fail_at = at, .with = at % 2 == 0 ? errc::full : errc::io};
    failed = 0;
    const auto stored = run_through(counter, failed);
    ASSERT_EQ(failed, 1U) << "call " << at;
    ASSERT_EQ(stored, truth) << "call " << at;
    ASSERT_FALSE(HasFailure()) << "call " << at;
  }
}

TEST(write_faults, a_store_that_fails_for_a_while_goes_on_where_it_was) {
  call_counter none;
  std::uint64_t failed = 0;
  const auto truth = run_through(none, failed);
  for (const std::uint64_t at : {1U, 40U, 95U, 170U, 260U}) {
    call_counter counter{.fail_at = at, .failures = 50, .with = errc::full};
    failed = 0;
    ASSERT_EQ(run_through(counter, failed), truth);
    ASSERT_EQ(failed, 50U);
  }
}

}  // namespace
}  // namespace evergate::journal
