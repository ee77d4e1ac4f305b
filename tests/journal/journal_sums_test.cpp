#include <gtest/gtest.h>

#include "core_rig.h"
#include "journal/journal_core.h"

namespace evergate::journal {
namespace {

using test::batch_maker;
using test::core_rig;
using enum proto::event_type;

// Values that are whole in themselves, but missing, of an earlier commit, or back again.
TEST(journal_core, notices_what_is_missing_old_or_back) {
  core_rig rig;
  ASSERT_TRUE(rig.recover());
  rig.commit(batch_maker().ready(R"({"user":{"id":"9"},"guilds":[]})").session("s", 1).progress(1).done());
  rig.commit(batch_maker().on(1, 3).session("gone", 1).event(user_update, 0, R"({"id":"9"})").done());
  rig.change(test::cursor_at(1));
  const auto old = rig.image->tables;
  rig.commit(batch_maker().event(guild_create, 1ULL << 22, R"({"id":"4194304"})").progress(2).done());
  rig.commit(batch_maker().on(1, 3).session("", -1).done());
  rig.change(test::cursor_at(2));
  rig.keep(1ULL << 22);
  const auto now = rig.image->tables;
  const auto found = [&](const char* what) {
    core_rig next({}, rig.image);
    const auto recovered = next.core.recover(false);
    rig.image->tables = now;
    EXPECT_FALSE(recovered) << what;
    return recovered ? std::string() : recovered.error().text();
  };
  std::size_t tried = 0;
  for (std::size_t where = 0; where < table_count; ++where) {
    if (static_cast<table>(where) == table::events) continue;
    for (const auto& [key, value] : now[where]) {
      rig.image->tables[where].erase(key);
      found("missing");
      ++tried;
      const auto before = old[where].find(key);
      if (before == old[where].end() || before->second == value) continue;
      rig.image->tables[where][key] = before->second;
      found("of an earlier commit");
      ++tried;
    }
    for (const auto& [key, value] : old[where]) {
      if (now[where].contains(key)) continue;
      rig.image->tables[where][key] = value;
      found("back again");
      ++tried;
    }
  }
  EXPECT_GT(tried, 10U);
  core_rig whole({}, rig.image);
  EXPECT_TRUE(whole.core.recover(true));
}

}  // namespace
}  // namespace evergate::journal
