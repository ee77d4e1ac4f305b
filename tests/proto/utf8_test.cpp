#include "proto/utf8.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace evergate::proto {
namespace {

std::string repaired(std::string_view text) {
  std::string out;
  append_repaired_utf8(text, out);
  return out;
}

TEST(utf8, leaves_valid_text_alone) {
  for (const std::string_view text :
       {"", "plain", "ü日本😀", "\\ud800 escaped", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(valid_utf8(text));
    EXPECT_EQ(repaired(text), text);
  }
}

TEST(utf8, replaces_each_maximal_subpart) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(repaired("a\xff"
                     "b"),
            "a" + r + "b");
  EXPECT_EQ(repaired("\xc0\xaf"), r + r);
  EXPECT_EQ(repaired("\xe0\x80\xaf"), r + r + r);
  EXPECT_EQ(repaired("\xed\xa0\x80"), r + r + r);
  EXPECT_EQ(repaired("\xe2\x82\"}"), r + "\"}");
  EXPECT_EQ(repaired("\xf0\x9f\x98"), r);
  EXPECT_EQ(repaired("\xf4\x90\x80\x80"), r + r + r + r);
  EXPECT_EQ(repaired("\x80\xc3"), r + r);
}

TEST(utf8, makes_any_bytes_valid_and_keeps_ascii) {
  base::rng rng(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto n = rng.below(100); n > 0; --n)
      text += static_cast<char>(rng.chance(0.5) ? rng.below(128) : rng.below(256));
    const std::string out = repaired(text);
    EXPECT_TRUE(valid_utf8(out));
    if (valid_utf8(text)) {
      EXPECT_EQ(out, text);
    }
    std::string ascii_in;
    std::string ascii_out;
    for (const char c : text)
      if (static_cast<unsigned char>(c) < 128) ascii_in += c;
    for (const char c : out)
      if (static_cast<unsigned char>(c) < 128) ascii_out += c;
    ASSERT_EQ(ascii_in, ascii_out);
  }
}

}  // namespace
}  // namespace evergate::proto
