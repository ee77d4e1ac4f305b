#include "journal/stretches.h"

#include <gtest/gtest.h>

#include "core_rig.h"

namespace evergate::journal {
namespace {

using enum proto::event_type;
using kind = proto::event_class;
using test::core_rig;
using test::g1;

/// Commits a batch a word: e(phemeral), m(essage), s(tate).
void commit(core_rig& rig, std::initializer_list<std::string_view> batches) {
  for (const auto letters : batches) {
    test::batch_maker batch;
    for (const char letter : letters) {
      batch.event(letter == 'e'   ? typing_start
                  : letter == 'm' ? message_create
                                  : voice_server_update,
                  g1, "{}");
    }
    ASSERT_NE(rig.commit(batch.done()), nullptr) << rig.error.text();
  }
}

/// "first-last:events" of each.
std::string told(core_rig& rig, kind of, std::uint64_t after, std::uint64_t upto) {
  std::string out;
  auto view = rig.store.read();
  const auto done = stretches_in(**view, of, {after}, {upto}, [&](const flow::stretch& one) {
    out += fmt::format("{}{}-{}:{}", out.empty() ? "" : " ", one.first.value, one.last.value, one.events);
    EXPECT_GT(one.bytes, 0U);
    return true;
  });
  EXPECT_TRUE(done.has_value());
  return out;
}

TEST(stretches, are_the_blobs_of_a_class_and_cut_at_the_borders) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  commit(rig, {"memem", "sss", "mme", "m"});  // offsets 1-5, 6-8, 9-11, 12
  EXPECT_EQ(told(rig, kind::message, 0, 12), "1-5:3 9-10:2 12-12:1");
  EXPECT_EQ(told(rig, kind::ephemeral, 0, 12), "2-4:2 11-11:1");
  EXPECT_EQ(told(rig, kind::state, 0, 12), "6-8:3");
  EXPECT_EQ(told(rig, kind::message, 1, 12), "3-5:2 9-10:2 12-12:1") << "the first lies across the border";
  EXPECT_EQ(told(rig, kind::message, 4, 9), "5-5:1 9-9:1");
  EXPECT_EQ(told(rig, kind::message, 3, 4), "") << "nothing of it lies in between";
  EXPECT_EQ(told(rig, kind::message, 5, 8), "");
  EXPECT_EQ(told(rig, kind::state, 6, 7), "7-7:1");
  EXPECT_EQ(told(rig, kind::state, 8, 12), "");
}

// A GAP record that counted as waiting would itself be given up some day, with a GAP record.
TEST(stretches, records_of_the_journals_own_wait_for_nobody) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  ASSERT_NE(rig.commit(test::batch_maker().gap().done()), nullptr);
  ASSERT_NE(rig.commit(test::batch_maker().event(voice_server_update, g1, "{}").gap().gap().done()), nullptr);
  EXPECT_EQ(told(rig, kind::state, 0, 4), "2-4:1");
  EXPECT_EQ(told(rig, kind::state, 1, 3), "2-2:1");
  EXPECT_EQ(told(rig, kind::state, 2, 3), "");
}

TEST(stretches, end_when_no_more_is_wanted) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  commit(rig, {"m", "m", "m"});
  int calls = 0;
  auto view = rig.store.read();
  ASSERT_TRUE(stretches_in(**view, kind::message, {0}, {3}, [&](const flow::stretch&) {
                return ++calls < 2;
              }).has_value());
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace evergate::journal
