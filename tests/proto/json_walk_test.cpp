#include "proto/json_walk.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "guarded_page.h"
#include "json_generator.h"

namespace evergate::proto {
namespace {

constexpr std::size_t npos = std::string_view::npos;

std::vector<walk_variant> variants() {
  std::vector<walk_variant> out;
  for (const auto one : {walk_variant::words, walk_variant::sse2, walk_variant::avx2}) {
    if (walk_supported(one)) out.push_back(one);
  }
  return out;
}

/// The walk as one would write it by hand, byte by byte.
std::size_t plain_walk(std::string_view text, std::size_t at, int depth_max) {
  std::vector<char> open;
  bool in_string = false;
  for (std::size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '\\') {
      return npos;
    } else if (c == '{' || c == '[') {
      open.push_back(c);
      if (static_cast<int>(open.size()) > depth_max) return npos;
    } else if (c == '}' || c == ']') {
      const char first = open.front();
      open.pop_back();
      if (open.empty()) return c - first == 2 ? i + 1 : npos;
    }
  }
  return npos;
}

void expect_all_agree(std::string_view text, int depth_max) {
  member_ids reference;
  const std::size_t wanted = walk_container_with(walk_variant::words, text, 0, depth_max, &reference);
  for (const auto variant : variants()) {
    member_ids ids;
    ASSERT_EQ(walk_container_with(variant, text, 0, depth_max, &ids), wanted) << text;
    ASSERT_EQ(walk_container_with(variant, text, 0, depth_max, nullptr), wanted) << text;
    ASSERT_EQ(ids.id, reference.id) << text;
    ASSERT_EQ(ids.guild, reference.guild) << text;
    ASSERT_EQ(ids.channel, reference.channel) << text;
    ASSERT_EQ(ids.id_at, reference.id_at) << text;
    ASSERT_EQ(ids.guild_at, reference.guild_at) << text;
    ASSERT_EQ(ids.channel_at, reference.channel_at) << text;
  }
}

TEST(json_walk, variants_agree_with_the_plain_walk_on_documents) {
  test::json_generator generator(11);
  for (int i = 0; i < 10'000; ++i) {
    const std::string text = generator.object(5);
    const std::size_t end = plain_walk(text, 0, 512);
    ASSERT_EQ(end, text.size());
    for (const auto variant : variants()) {
      ASSERT_EQ(walk_container_with(variant, text, 0, 512, nullptr), end) << text;
      ASSERT_EQ(walk_container_with(variant, text + R"(,"t":"x\"y"})", 0, 512, nullptr), end) << text;
    }
    expect_all_agree(text, 512);
  }
}

TEST(json_walk, variants_agree_on_structural_noise) {
  base::rng rng(12);
  static constexpr char alphabet[] = "\"\"\\{{}}[]:,did__guil channel0123456789";
  for (int i = 0; i < 40'000; ++i) {
    std::string text(1, rng.chance(0.8) ? '{' : '[');
    for (auto n = rng.below(260); n > 0; --n) text += alphabet[rng.below(sizeof(alphabet) - 1)];
    const int depth_max = rng.chance(0.5) ? 512 : 4;
    expect_all_agree(text, depth_max);
    if (HasFatalFailure()) return;
    // A backslash outside strings is refused by the block, so only texts without one have a plain answer.
    if (text.find('\\') == npos) {
      ASSERT_EQ(walk_container(text, 0, depth_max), plain_walk(text, 0, depth_max)) << text;
    }
  }
}

TEST(json_walk, runs_of_backslashes_cross_blocks) {
  for (std::size_t lead = 0; lead < 130; ++lead) {
    for (std::size_t run = 0; run < 70; ++run) {
      const std::string text = "{\"" + std::string(lead, 'x') + std::string(run, '\\') + "\"}\"}";
      const std::size_t wanted = run % 2 == 0 ? lead + run + 4 : text.size();
      for (const auto variant : variants()) {
        ASSERT_EQ(walk_container_with(variant, text, 0, 512, nullptr), wanted) << text;
      }
    }
  }
}

TEST(json_walk, finds_keys_at_every_position_and_depth_one_only) {
  for (std::size_t lead = 0; lead < 200; ++lead) {
    const std::string text =
        R"({"p":")" + std::string(lead, 'd') +
        R"(","n":{"id":"1","guild_id":"2"},"channel_id" : "44","a":[{"id":"3"}],"id":"555","guild_id":"66"})";
    for (const auto variant : variants()) {
      member_ids ids;
      ASSERT_EQ(walk_container_with(variant, text, 0, 512, &ids), text.size());
      ASSERT_EQ(ids.id, 555u);
      ASSERT_EQ(ids.guild, 66u);
      ASSERT_EQ(ids.channel, 44u);
      ASSERT_EQ(text.substr(ids.channel_at, 4), R"("44")");
    }
  }
}

TEST(json_walk, bounds_the_depth_exactly) {
  for (const int depth : {1, 2, 63, 64, 65, 511, 512}) {
    const auto n = static_cast<std::size_t>(depth);
    const std::string text = std::string(n, '[') + std::string(n, ']');
    for (const auto variant : variants()) {
      EXPECT_EQ(walk_container_with(variant, text, 0, depth, nullptr), text.size());
      if (depth > 1) {
        EXPECT_EQ(walk_container_with(variant, text, 0, depth - 1, nullptr), npos);
      }
    }
  }
}

TEST(json_walk, reads_nothing_past_a_page) {
  test::json_generator generator(13);
  test::guarded_page page(std::size_t{1} << 16);
  for (int i = 0; i < 200; ++i) {
    std::string text = generator.object(4);
    text.resize(std::min<std::size_t>(text.size(), 400));
    for (std::size_t cut = 1; cut <= text.size(); ++cut) {
      for (const auto variant : variants()) {
        member_ids ids;
        const auto part = std::string_view(text).substr(0, cut);
        ASSERT_EQ(walk_container_with(variant, page.at_end(part), 0, 512, &ids),
                  walk_container_with(variant, page.at_begin(part), 0, 512, &ids));
      }
    }
  }
}

TEST(json_walk, ends_strings_where_they_end) {
  EXPECT_EQ(walk_string(R"("")", 0), 2u);
  EXPECT_EQ(walk_string(R"("a\"b"x)", 0), 6u);
  EXPECT_EQ(walk_string(R"("a\\"x)", 0), 5u);
  EXPECT_EQ(walk_string(R"("a\\\")", 0), npos);
  EXPECT_EQ(walk_string(R"(")", 0), npos);
}

}  // namespace
}  // namespace evergate::proto
