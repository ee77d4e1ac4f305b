#include "pipeline/event_filter.h"

#include <gtest/gtest.h>

#include "pipeline/errc.h"

namespace evergate::pipeline {
namespace {

using proto::event_type;

TEST(event_filter, passes_everything_by_default) {
  const auto filter = event_filter::make({});
  ASSERT_TRUE(filter);
  EXPECT_FALSE(filter->drops_event(event_type::typing_start, "TYPING_START"));
  EXPECT_FALSE(filter->drops_event(event_type::unknown, "NEW"));
  EXPECT_FALSE(filter->drops_guild(5));
}

TEST(event_filter, drops_events_by_name) {
  const auto filter = event_filter::make(
      {.dropped_events = {"TYPING_START", "NEW_THING"}, .guilds_allowed = {}, .guilds_denied = {}});
  ASSERT_TRUE(filter);
  EXPECT_TRUE(filter->drops_event(event_type::typing_start, "TYPING_START"));
  EXPECT_FALSE(filter->drops_event(event_type::presence_update, "PRESENCE_UPDATE"));
  EXPECT_TRUE(filter->drops_event(event_type::unknown, "NEW_THING"));
  EXPECT_FALSE(filter->drops_event(event_type::unknown, "NEW_THINGS"));
}

TEST(event_filter, judges_guilds) {
  const auto filter =
      event_filter::make({.dropped_events = {}, .guilds_allowed = {9, 3, 5}, .guilds_denied = {5}});
  ASSERT_TRUE(filter);
  EXPECT_FALSE(filter->drops_guild(0));
  EXPECT_FALSE(filter->drops_guild(3));
  EXPECT_FALSE(filter->drops_guild(9));
  EXPECT_TRUE(filter->drops_guild(5));
  EXPECT_TRUE(filter->drops_guild(4));
  const auto denying = event_filter::make({.dropped_events = {}, .guilds_allowed = {}, .guilds_denied = {5}});
  EXPECT_TRUE(denying->drops_guild(5));
  EXPECT_FALSE(denying->drops_guild(4));
}

TEST(event_filter, refuses_what_may_not_be_dropped) {
  for (const std::string name :
       {"READY", "RESUMED", "GUILD_CREATE", "GUILD_DELETE", "", "typing_start", "A B"}) {
    const auto filter =
        event_filter::make({.dropped_events = {name}, .guilds_allowed = {}, .guilds_denied = {}});
    ASSERT_FALSE(filter) << name;
    EXPECT_EQ(filter.error().code, errc::bad_option);
    EXPECT_NE(filter.error().detail.find(std::string(name).substr(0, 80)), std::string::npos);
  }
}

}  // namespace
}  // namespace evergate::pipeline
