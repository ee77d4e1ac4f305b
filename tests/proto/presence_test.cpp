#include "proto/presence.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proto/errc.h"

namespace evergate::proto::presence_cases {
namespace {

TEST(Presence, AWholeOnePasses) {
  const std::string whole =
      R"({"since":91879201,"activities":[{"name":"Save the Oxford Comma","type":0}],"status":"dnd","afk":true})";
  EXPECT_EQ(whole_presence(whole), whole);
}

TEST(Presence, WhatIsMissingIsFilledInAndWhatIsUnknownLeftOut) {
  const std::string empty = R"({"since":null,"activities":[],"status":"online","afk":false})";
  for (const auto* d : {"{}", R"({"activities":null})", R"({"game":{"name":"x"}})",
                        R"({"status":null,"afk":null})", R"({"status":"online"})"}) {
    EXPECT_EQ(whole_presence(d), empty) << d;
  }
  EXPECT_EQ(whole_presence(R"({"status":"idle","activities":[{"name":"x"}]})"),
            R"({"since":null,"activities":[{"name":"x"}],"status":"idle","afk":false})");
}

TEST(Presence, AWrongMemberIsNamed) {
  const std::pair<const char*, const char*> rows[] = {
      {"[]", "is not one object"},
      {"{} {}", "is not one object"},
      {R"({"since":"1"})", "since"},
      {R"({"since":true})", "since"},
      {R"({"activities":{}})", "activities"},
      {R"({"activities":[1]})", "activities"},
      {R"({"activities":[{"type":0}]})", "activities"},
      {R"({"activities":[{"name":null,"type":0}]})", "activities"},
      {R"({"activities":[{"name":"x","type":"PLAYING"}]})", "activities"},
      {R"({"status":"away"})", "status"},
      {R"({"afk":0})", "afk"},
  };
  for (const auto& [d, word] : rows) {
    const auto done = whole_presence(d);
    ASSERT_FALSE(done) << d;
    EXPECT_EQ(done.error().code, errc::bad_json) << d;
    EXPECT_NE(done.error().text().find(word), std::string::npos) << done.error().text();
  }
}

TEST(Presence, OneThatWouldNotFitIntoAnIdentifyIsTooLarge) {
  const auto of = [](std::size_t bytes) {
    return whole_presence(
        fmt::format(R"({{"activities":[{{"name":"{}","type":0}}]}})", std::string(bytes, 'x')));
  };
  EXPECT_TRUE(of(2'900));
  EXPECT_EQ(of(3'000).error().code, errc::too_large);
}

}  // namespace
}  // namespace evergate::proto::presence_cases
