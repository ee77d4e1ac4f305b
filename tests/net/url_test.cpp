#include "net/url.h"

#include <gtest/gtest.h>

#include "net/errc.h"

namespace evergate::net {
namespace {

TEST(url_test, parts_and_defaults) {
  struct row {
    const char* text;
    const char* scheme;
    const char* host;
    std::uint16_t port;
    const char* target;
    const char* authority;
  };
  const row table[] = {
      {"wss://gateway.discord.gg", "wss", "gateway.discord.gg", 443, "/", "gateway.discord.gg"},
      {"ws://localhost:8080/a/b/?v=10&x=/", "ws", "localhost", 8080, "/a/b?v=10&x=/", "localhost:8080"},
      {"HTTP://Example.COM:80/", "http", "example.com", 80, "/", "example.com"},
      {"https://[::1]:444?q", "https", "::1", 444, "/?q", "[::1]:444"},
      {"http://127.0.0.1/api", "http", "127.0.0.1", 80, "/api", "127.0.0.1"},
  };
  for (const auto& r : table) {
    const auto got = parse_url(r.text);
    ASSERT_TRUE(got) << r.text << ": " << got.error().text();
    EXPECT_EQ(got->scheme, r.scheme);
    EXPECT_EQ(got->host, r.host);
    EXPECT_EQ(got->port, r.port);
    EXPECT_EQ(got->target(), r.target);
    EXPECT_EQ(got->authority(), r.authority);
    EXPECT_EQ(parse_url(got->text())->text(), got->text());
  }
}

TEST(url_test, bad_ones_are_refused) {
  for (const std::string_view text : {"",
                                      "localhost",
                                      "ftp://x",
                                      "://x",
                                      "http://",
                                      "http://:80",
                                      "http://user@x",
                                      "http://u:p@x/",
                                      "http://x/#f",
                                      "http://x:0",
                                      "http://x:65536",
                                      "http://x:",
                                      "http://x:8a",
                                      "http://[::1",
                                      "http://[zz]",
                                      "http://[::1]x",
                                      "http://x y",
                                      "http://x/\r\nHost: y",
                                      "http://x/\x01",
                                      "http://\xc3\xa9/",
                                      "http://a,b/"}) {
    const auto got = parse_url(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code, errc::bad_address);
    EXPECT_FALSE(got.error().detail.empty());
  }
  EXPECT_FALSE(parse_url("http://x/" + std::string(9000, 'a')));
}

}  // namespace
}  // namespace evergate::net
