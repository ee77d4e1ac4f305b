#include "flow/position.h"

#include <gtest/gtest.h>

namespace evergate::flow {
namespace {

TEST(position, words_offsets_and_times) {
  using kind = position::kind;
  EXPECT_EQ(parse_position("now"), (position{kind::now, 0}));
  EXPECT_EQ(parse_position("earliest"), (position{kind::earliest, 0}));
  EXPECT_EQ(parse_position("18446744073709551615"), (position{kind::offset, ~std::uint64_t{0}}));
  EXPECT_EQ(parse_position("1970-01-01T00:00:01Z"), (position{kind::time, 1'000}));
  for (const auto* bad : {"", "Now", "-1", "1.5", "18446744073709551616", "yesterday", "12 "}) {
    EXPECT_EQ(parse_position(bad), std::nullopt) << bad;
  }
}

TEST(position, rfc3339_with_zones_and_fractions) {
  EXPECT_EQ(parse_rfc3339("2026-11-25T08:00:00Z"), 1'795'593'600'000);
  EXPECT_EQ(parse_rfc3339("2026-11-25T09:30:00.25+01:30"), 1'795'593'600'250);
  EXPECT_EQ(parse_rfc3339("2026-11-25t03:00:00.123987-05:00"), 1'795'593'600'123);
  EXPECT_EQ(parse_rfc3339("2024-02-29 00:00:00z"), 1'709'164'800'000);
  for (const auto* bad : {"2026-11-25T08:00:00", "2026-11-25", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z",
                          "2026-11-25T24:00:00Z", "2026-11-25T08:60:00Z", "2026-11-25T08:00:00.Z",
                          "2026-11-25T08:00:00+1:00", "2026-11-25T08:00:00Zx", "1969-12-31T23:59:59Z"}) {
    EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
  }
}

TEST(position, times_are_written_as_they_are_read) {
  EXPECT_EQ(rfc3339(1'795'593'600'250), "2026-11-25T08:00:00.250Z");
  EXPECT_EQ(parse_rfc3339(rfc3339(1'709'164'799'999)), 1'709'164'799'999);
}

}  // namespace
}  // namespace evergate::flow
