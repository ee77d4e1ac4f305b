#include "downstream/ready_document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace evergate::downstream {
namespace {

using nlohmann::json;

TEST(ReadyDocumentTest, KeepsEverythingButWhatIsOurs) {
  const std::string upstream =
      R"({"v":10,"guilds":[{"id":"1","unavailable":true}],"user":{"id":"77","x":"\u00e9"},"session_id":"up",)"
      R"("resume_gateway_url":"wss://up","shard":[3,4],"application":{"id":"77","flags":1},"new":[{}]})";
  const flow::guild_entry guilds[] = {{5, true}, {9, false}};
  std::string out;
  ASSERT_TRUE(append_ready(upstream, {"own", "ws://here/c/x", guilds, {1, 2}}, out));
  EXPECT_EQ(json::parse(out),
            json::parse(R"({"v":10,"user":{"id":"77","x":"é"},"application":{"id":"77","flags":1},
    "new":[{}],"private_channels":[],"session_id":"own","resume_gateway_url":"ws://here/c/x","shard":[1,2],
    "guilds":[{"id":"5","unavailable":true},{"id":"9","unavailable":true}]})"));
  EXPECT_EQ(self_id(upstream), 77u);
}

TEST(ReadyDocumentTest, KeepsDiscordsPrivateChannels) {
  std::string out;
  ASSERT_TRUE(append_ready(R"({"private_channels":[1]})", {"a", "b", {}, {0, 1}}, out));
  EXPECT_EQ(json::parse(out)["private_channels"], json::parse("[1]"));
  EXPECT_EQ(json::parse(out)["guilds"], json::array());
}

TEST(ReadyDocumentTest, RefusesWhatIsNoObject) {
  std::string out;
  EXPECT_FALSE(append_ready("[]", {"a", "b", {}, {0, 1}}, out));
  EXPECT_FALSE(append_ready(R"({"a":)", {"a", "b", {}, {0, 1}}, out));
  EXPECT_EQ(self_id("{}"), 0u);
}

}  // namespace
}  // namespace evergate::downstream
