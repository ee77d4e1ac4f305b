#include "proto/json_splice.h"

#include <gtest/gtest.h>

namespace evergate::proto {
namespace {

std::string without(std::string_view object, std::string_view key) {
  std::string out;
  json_splice splice(object, out);
  if (const auto piece = member_with_comma(object, key); !piece.empty()) splice.replace(piece, {});
  splice.finish();
  return out;
}

TEST(json_splice, replaces_pieces_and_copies_the_rest) {
  const std::string text = R"({"a":1,"b":"x","c":[]})";
  std::string out = "head ";
  json_splice splice(text, out);
  splice.replace(member(text, "a"), "22");
  splice.skip_to(member(text, "c"));
  out += "null";
  splice.finish();
  EXPECT_EQ(out, R"(head {"a":22,"b":"x","c":null})");
}

TEST(json_splice, leaves_out_a_member_with_one_comma) {
  EXPECT_EQ(without(R"({"n":1,"b":2})", "n"), R"({"b":2})");
  EXPECT_EQ(without(R"({"a":1,"n":1,"b":2})", "n"), R"({"a":1,"b":2})");
  EXPECT_EQ(without(R"({"a":1 , "n":1 })", "n"), R"({"a":1 })");
  EXPECT_EQ(without(R"({ "n":1 })", "n"), R"({  })");
  EXPECT_EQ(without(R"({"a":{"n":1}})", "n"), R"({"a":{"n":1}})");
}

}  // namespace
}  // namespace evergate::proto
