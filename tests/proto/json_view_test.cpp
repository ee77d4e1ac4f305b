#include "proto/json_view.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "json_generator.h"

namespace evergate::proto {
namespace {

TEST(json_view, walks_members_as_raw_bytes) {
  const std::string_view text = R"( { "a" : [1, {"b":2}] ,"k\"":"v\\" , "n":-1.5e3 } )";
  object_cursor c(text);
  ASSERT_TRUE(c.next());
  EXPECT_EQ(c.key(), "a");
  EXPECT_EQ(c.value(), R"([1, {"b":2}])");
  EXPECT_EQ(text.substr(c.member_begin(), 3), R"("a")");
  ASSERT_TRUE(c.next());
  EXPECT_EQ(c.key(), R"(k\")");
  EXPECT_EQ(c.value(), R"("v\\")");
  ASSERT_TRUE(c.next());
  EXPECT_EQ(c.value(), "-1.5e3");
  EXPECT_FALSE(c.next());
  EXPECT_TRUE(c.ok());
  EXPECT_FALSE(c.next());
  EXPECT_TRUE(c.ok());
}

TEST(json_view, tells_broken_objects_and_arrays) {
  for (const std::string_view text :
       {"", "[]", "{", R"({"a"})", R"({"a":})", R"({"a":1)", R"({"a":1,})", R"({"a":1 "b":2})", R"({"a":1}x)",
        R"({a:1})", R"({"a":"})", R"({"a":[1})", R"({,"a":1})", "{\"a\":\x01}"}) {
    object_cursor c(text);
    while (c.next()) {
    }
    EXPECT_FALSE(c.ok()) << text;
  }
  for (const std::string_view text : {"", "{}", "[", "[1", "[1,]", "[,1]", "[1 2]", "[1]x", "[\"]", "[1}"}) {
    array_cursor c(text);
    while (c.next()) {
    }
    EXPECT_FALSE(c.ok()) << text;
  }
  for (const std::string_view text : {"{}", " { } ", R"({"a":{}})"}) {
    object_cursor c(text);
    while (c.next()) {
    }
    EXPECT_TRUE(c.ok()) << text;
  }
}

TEST(json_view, agrees_with_simdjson_on_every_member) {
  test::json_generator generator(21);
  simdjson::dom::parser parser;
  simdjson::dom::parser piece_parser;
  for (int i = 0; i < 3'000; ++i) {
    const std::string text = generator.object(4);
    simdjson::dom::object object;
    ASSERT_EQ(parser.parse(text).get(object), simdjson::SUCCESS);
    object_cursor c(text);
    for (const auto field : object) {
      ASSERT_TRUE(c.next()) << text;
      EXPECT_EQ(decoded_string('"' + std::string(c.key()) + '"'), field.key) << text;
      simdjson::dom::element piece;
      ASSERT_EQ(piece_parser.parse(simdjson::padded_string(c.value())).get(piece), simdjson::SUCCESS)
          << c.value();
      EXPECT_EQ(simdjson::minify(piece), simdjson::minify(field.value));
      std::string_view decoded;
      if (field.value.get(decoded) == simdjson::SUCCESS) {
        EXPECT_EQ(decoded_string(c.value()), decoded);
      }
      std::int64_t number = 0;
      if (field.value.get(number) == simdjson::SUCCESS) {
        EXPECT_EQ(integer_of(c.value()), number);
      }
    }
    EXPECT_FALSE(c.next());
    EXPECT_TRUE(c.ok()) << text;
  }
}

TEST(json_view, finds_the_first_of_repeated_members) {
  EXPECT_EQ(member(R"({"a":1,"b":2,"a":3})", "a"), "1");
  EXPECT_EQ(member(R"({"a":1})", "b"), "");
  EXPECT_EQ(member("[1]", "a"), "");
  EXPECT_EQ(member("", "a"), "");
}

TEST(json_view, reads_plain_and_escaped_strings) {
  EXPECT_EQ(plain_string(R"("abc")"), "abc");
  EXPECT_EQ(plain_string(R"("")"), "");
  EXPECT_FALSE(plain_string(R"("a\n")"));
  EXPECT_FALSE(plain_string("abc"));
  EXPECT_FALSE(plain_string("\""));
  EXPECT_EQ(decoded_string(R"("\u0041\n\/\"\ud83d\ude00\ud800x\udc00")"),
            "A\n/\"\xf0\x9f\x98\x80\xef\xbf\xbdx\xef\xbf\xbd");
  EXPECT_EQ(decoded_string(R"("\ud800\u0041")"),
            "\xef\xbf\xbd"
            "A");
  for (const std::string_view bad :
       {R"("\x")", R"("\u12")", R"("\u12g4")", R"("a)", R"("\")", R"("a"b)", "1", "", "\"\n\""}) {
    EXPECT_FALSE(decoded_string(bad)) << bad;
  }
}

TEST(json_view, reads_ids_and_integers) {
  EXPECT_EQ(snowflake_of(R"("1307423459381510246")"), 1307423459381510246u);
  EXPECT_EQ(snowflake_of("1307423459381510246"), 1307423459381510246u);
  EXPECT_EQ(snowflake_of(R"("18446744073709551615")"), 18446744073709551615u);
  for (const std::string_view bad : {R"("18446744073709551616")", R"("")", R"("12)", R"("1a")", R"("-1")",
                                     "-1", "1.5", "null", "", R"("00000000000000000000001")"}) {
    EXPECT_EQ(snowflake_of(bad), 0u) << bad;
  }
  EXPECT_EQ(integer_of("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(integer_of("0"), 0);
  for (const std::string_view bad :
       {"9223372036854775808", "1.0", "1e3", "01", "-01", "+1", "", "-", "\"1\"", "null"}) {
    EXPECT_FALSE(integer_of(bad)) << bad;
  }
}

TEST(json_view, quotes_so_that_it_reads_back) {
  const std::string text("a\"b\\c\n\t\x01 ü\x1f", 12);
  std::string quoted;
  append_quoted(quoted, text);
  EXPECT_EQ(decoded_string(quoted), text);
}

TEST(json_view, skips_whole_values) {
  EXPECT_EQ(skip_value(R"(  "a\"b" ,)", 0), 8u);
  EXPECT_EQ(skip_value("-12.5e+7]", 0), 8u);
  EXPECT_EQ(skip_value("{\"a\":[1]}x", 0), 9u);
  EXPECT_EQ(skip_value("  ", 0), std::string_view::npos);
  EXPECT_EQ(skip_value(",", 0), std::string_view::npos);
  EXPECT_EQ(skip_value("", 3), std::string_view::npos);
}

}  // namespace
}  // namespace evergate::proto
