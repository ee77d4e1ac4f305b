#include "net/request_head.h"

#include <gtest/gtest.h>

namespace evergate::net {
namespace {

judged_head judged(std::string_view text) {
  request_parser parser;
  begin_head(parser, 1024);
  const auto progress = feed_head(parser, text);
  EXPECT_TRUE(progress.done);
  EXPECT_EQ(progress.used, text.size());
  return judge_head(parser);
}

TEST(request_head, is_taken_with_what_it_asks_for) {
  const auto head = judged("GET /a?b=1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(head.refused, 0U);
  EXPECT_EQ(head.request.target, "/a?b=1");
  EXPECT_TRUE(head.http_11 && head.keep_alive && head.expects_continue);
  EXPECT_FALSE(head.head_only || head.request.upgrade_websocket);
}

TEST(request_head, is_refused_by_name) {
  EXPECT_EQ(judged("GET / HTTP/1.1\r\n\r\n").refused, 400U);
  EXPECT_EQ(judged("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n").refused, 400U);
  EXPECT_EQ(judged("GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n").refused, 417U);
  const auto old = judged("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
  EXPECT_EQ(old.refused, 426U);
  ASSERT_EQ(old.answer.size(), 1U);
  EXPECT_EQ(old.answer[0].value, "13");
}

TEST(request_head, too_long_or_no_http_is_refused_while_it_arrives) {
  request_parser parser;
  begin_head(parser, 16);
  EXPECT_EQ(feed_head(parser, "GET /0123456789 HTTP/1.1\r\nHost: x\r\n\r\n").refused, 431U);
  request_parser other;
  begin_head(other, 1024);
  EXPECT_EQ(feed_head(other, "\x16\x03\x01\r\n\r\n").refused, 400U);
}

// A tolerated empty line may arrive in two pieces; its first half was taken for a request and refused.
TEST(request_head, half_an_empty_line_is_no_request) {
  EXPECT_EQ(empty_lines("\r\n\r\nGET"), 4U);
  EXPECT_EQ(empty_lines("\rGET"), 0U);
  EXPECT_FALSE(begins_request(""));
  EXPECT_FALSE(begins_request("\r"));
  EXPECT_TRUE(begins_request("\rG"));
}

}  // namespace
}  // namespace evergate::net
