#include "base/secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace evergate::base {
namespace {

TEST(secret, matches_with_and_without_the_prefix_and_nothing_else) {
  const secret token("abc.def");
  EXPECT_TRUE(token.matches("abc.def"));
  EXPECT_TRUE(token.matches("Bot abc.def"));
  for (const auto* wrong :
       {"", "Bot ", "abc.de", "abc.deff", "abc.def ", "bot abc.def", "abc.defabc.def", "xbc.def"}) {
    EXPECT_FALSE(token.matches(wrong)) << wrong;
  }
}

TEST(secret, an_empty_one_matches_nothing) {
  EXPECT_FALSE(secret().matches(""));
}

TEST(secret, has_no_way_into_text) {
  static_assert(!fmt::is_formattable<secret>::value);
  static_assert(!std::is_convertible_v<secret, std::string>);
  static_assert(!std::is_convertible_v<secret, std::string_view>);
}

}  // namespace
}  // namespace evergate::base
