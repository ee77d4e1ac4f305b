#include "upstream/gateway_url.h"

#include <gtest/gtest.h>

#include "upstream/gateway_info.h"

namespace evergate::upstream {
namespace {

TEST(GatewayUrl, KeepsPathAndQueryAndSetsOurs) {
  using proto::compression;
  const std::tuple<const char*, compression, const char*> rows[] = {
      {"wss://gateway.discord.gg", compression::none, "wss://gateway.discord.gg/?v=10&encoding=json"},
      {"wss://gateway.discord.gg/", compression::zstd_stream,
       "wss://gateway.discord.gg/?v=10&encoding=json&compress=zstd-stream"},
      {"ws://127.0.0.1:8080/a/b?x=1&v=9&compress=zlib-stream", compression::zlib_stream,
       "ws://127.0.0.1:8080/a/b?v=10&encoding=json&compress=zlib-stream&x=1"},
      {"https://host/p", compression::none, "wss://host/p?v=10&encoding=json"},
      {"http://[::1]:9", compression::none, "ws://[::1]:9/?v=10&encoding=json"},
  };
  for (const auto& [base, kind, expected] : rows) {
    const auto url = gateway_url(base, kind);
    ASSERT_TRUE(url) << base;
    EXPECT_EQ(url->text(), expected);
  }
}

TEST(GatewayUrl, RefusesWhatIsNoUrl) {
  for (const auto* bad :
       {"", "gateway.discord.gg", "ftp://x", "wss://", "wss://user@host", "wss://h\r\nX: y"}) {
    EXPECT_FALSE(gateway_url(bad, proto::compression::none)) << bad;
  }
}

TEST(GatewayInfo, ReadsEveryMember) {
  const auto info = parse_gateway_info(
      R"({"url":"wss://g","shards":9,"session_start_limit":{"total":1000,"remaining":999,"reset_after":14400000,"max_concurrency":16},"more":[]})");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->url, "wss://g");
  EXPECT_EQ(info->shards, 9U);
  EXPECT_EQ(info->total, 1'000U);
  EXPECT_EQ(info->remaining, 999U);
  EXPECT_EQ(info->reset_after.count(), 14'400'000);
  EXPECT_EQ(info->max_concurrency, 16U);
}

TEST(GatewayInfo, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "no JSON"},
      {"[]", "no JSON"},
      {"{}", "url"},
      {R"({"url":5,"shards":1})", "url"},
      {R"({"url":"wss://g","shards":0})", "shards"},
      {R"({"url":"wss://g","shards":99999999})", "shards"},
      {R"({"url":"wss://g","shards":"1"})", "shards"},
      {R"({"url":"wss://g","shards":1})", "session_start_limit"},
      {R"({"url":"wss://g","shards":1,"session_start_limit":{"total":1,"remaining":-1,"reset_after":0,"max_concurrency":1}})",
       "remaining"},
      {R"({"url":"wss://g","shards":1,"session_start_limit":{"total":1,"remaining":1,"reset_after":0,"max_concurrency":0}})",
       "max_concurrency"},
  };
  for (const auto& [body, word] : rows) {
    const auto info = parse_gateway_info(body);
    ASSERT_FALSE(info) << body;
    EXPECT_NE(info.error().text().find(word), std::string::npos) << info.error().text();
  }
}

}  // namespace
}  // namespace evergate::upstream
