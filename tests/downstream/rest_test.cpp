// The HTTP side of the gateway over real sockets: the shim, our own pages and the pass-through to a stand-in
// for Discord's REST API.
#include "gateway_fixture.h"

namespace evergate::downstream {
namespace {

using nlohmann::json;

class RestTest : public testing::GatewayTest {
 protected:
  RestTest() {
    auto server = net::http_server::listen(
        {&upstream_.loop()}, {}, [this](std::unique_ptr<net::http_exchange> one) { serve(std::move(one)); });
    server_ = std::move(*server);
    options_.rest_base = fmt::format("http://127.0.0.1:{}/api", server_->port());
  }
  ~RestTest() override {
    stop();
    server_.reset();
    upstream_.call([this] { exchanges_.clear(); });
  }
  /// Echoes the request as JSON with the headers of a rate-limited answer.
  void serve(std::unique_ptr<net::http_exchange> exchange) {
    auto* one = exchange.get();
    exchanges_.push_back(std::move(exchange));
    one->read_body(64 << 20, [one](std::string body) {
      json seen = {
          {"method", one->request().method}, {"target", one->request().target}, {"body_bytes", body.size()}};
      seen["body"] = body.substr(0, 100);
      for (const auto& header : one->request().headers) seen["headers"][header.name] = header.value;
      one->respond(
          {429,
           {{"X-RateLimit-Bucket", "abc"}, {"Retry-After", "3"}, {"Content-Type", "application/json"}},
           seen.dump()});
    });
  }
  static std::string header(const net::http_response& from, std::string_view name) {
    for (const auto& one : from.headers) {
      if (std::ranges::equal(one.name, name, [](unsigned char x, unsigned char y) {
            return std::tolower(x) == std::tolower(y);
          }))
        return one.value;
    }
    return "";
  }

  testing::loop_thread upstream_;
  std::vector<std::unique_ptr<net::http_exchange>> exchanges_;
  std::unique_ptr<net::http_server> server_;
};

TEST_F(RestTest, GatewayTellsOurUrl) {
  run();
  for (const char* path : {"/api/v10/gateway", "/api/v9/gateway", "/v10/gateway"}) {
    const auto got = fetch({.url = path});
    EXPECT_EQ(got.status, 200u);
    EXPECT_EQ(json::parse(got.body)["url"], fmt::format("ws://127.0.0.1:{}", gateway_->port()));
  }
  EXPECT_EQ(json::parse(fetch({.url = "/c/staging/api/v10/gateway"}).body)["url"],
            fmt::format("ws://127.0.0.1:{}/c/staging", gateway_->port()));
  const auto forged = fetch({.url = "/api/v10/gateway", .headers = {{"Host", "evil\"/x"}}});
  EXPECT_EQ(forged.body.find("evil"), std::string::npos);
}

TEST_F(RestTest, GatewayBotNeedsTheToken) {
  run();
  EXPECT_EQ(fetch({.url = "/api/v10/gateway/bot"}).status, 401u);
  EXPECT_EQ(fetch({.url = "/api/v10/gateway/bot", .headers = {{"Authorization", "Bot MTA.x.z"}}}).status,
            401u);
  const auto got = fetch({.url = "/api/v10/gateway/bot", .headers = {{"Authorization", "Bot MTA.x.y"}}});
  ASSERT_EQ(got.status, 200u);
  const auto body = json::parse(got.body);
  EXPECT_EQ(body["shards"], 3) << "one per 100 of 230";
  EXPECT_GE(body["session_start_limit"]["remaining"], 1000);
  EXPECT_GE(body["session_start_limit"]["max_concurrency"], 16);
  EXPECT_EQ(body["session_start_limit"]["total"].is_number() &&
                body["session_start_limit"]["reset_after"].is_number(),
            true);
}

TEST_F(RestTest, ConfiguredUrlAndLanes) {
  options_.public_url = "wss://bots.example/";
  options_.lanes = 7;
  run();
  const auto body =
      json::parse(fetch({.url = "/c/x/api/v10/gateway/bot", .headers = {{"Authorization", "MTA.x.y"}}}).body);
  EXPECT_EQ(body["url"], "wss://bots.example/c/x");
  EXPECT_EQ(body["shards"], 7);
}

TEST_F(RestTest, PassesOnWhatIsNotOurs) {
  run();
  const auto got = fetch({.method = "POST",
                          .url = "/api/v10/channels/5/messages?wait=1",
                          .headers = {{"Authorization", "Bot MTA.x.y"},
                                      {"Content-Type", "application/json"},
                                      {"X-Audit-Log-Reason", "because"},
                                      {"Keep-Alive", "x"}},
                          .body = R"({"content":"hi"})"});
  EXPECT_EQ(got.status, 429u);
  EXPECT_EQ(header(got, "X-RateLimit-Bucket"), "abc");
  EXPECT_EQ(header(got, "Retry-After"), "3");
  const auto seen = json::parse(got.body);
  EXPECT_EQ(seen["method"], "POST");
  EXPECT_EQ(seen["target"], "/api/v10/channels/5/messages?wait=1");
  EXPECT_EQ(seen["body"], R"({"content":"hi"})");
  EXPECT_EQ(seen["headers"]["Authorization"], "Bot MTA.x.y");
  EXPECT_EQ(seen["headers"]["X-Audit-Log-Reason"], "because");
  EXPECT_FALSE(seen["headers"].contains("Keep-Alive"));
  EXPECT_EQ(seen["headers"]["Host"], fmt::format("127.0.0.1:{}", server_->port()));
  const auto plain = fetch({.url = "/c/x/api/v10/users/@me"});
  EXPECT_EQ(json::parse(plain.body)["target"], "/api/v10/users/@me");
}

TEST_F(RestTest, LargeBodiesAreStreamed) {
  run();
  const auto got = fetch({.method = "PUT", .url = "/api/v10/x", .body = std::string(20 << 20, 'b')});
  EXPECT_EQ(json::parse(got.body)["body_bytes"], 20 << 20);
}

TEST_F(RestTest, BodiesAreBounded) {
  options_.body_bytes_max = 1000;
  run();
  EXPECT_EQ(fetch({.method = "PUT", .url = "/api/v10/x", .body = std::string(1001, 'b')}).status, 413u);
  EXPECT_EQ(fetch({.method = "PUT", .url = "/api/v10/x", .body = std::string(1000, 'b')}).status, 429u);
}

TEST_F(RestTest, AnUpstreamThatIsAwayGives502) {
  options_.rest_base = "http://127.0.0.1:1/api";
  run();
  const auto got = fetch({.url = "/api/v10/users/@me"});
  EXPECT_EQ(got.status, 502u);
  EXPECT_TRUE(json::parse(got.body)["message"].is_string());
}

TEST_F(RestTest, Health) {
  run();
  EXPECT_EQ(fetch({.url = "/health"}).status, 200u);
  fleet_.ready = 229;
  EXPECT_EQ(fetch({.url = "/health"}).status, 503u);
}

TEST_F(RestTest, UnknownPaths) {
  run();
  EXPECT_EQ(fetch({.url = "/"}).status, 404u);
  EXPECT_EQ(fetch({.url = "/c/BAD/api/v10/gateway"}).status, 400u);
}

TEST(RestProxyTest, OnlyEndToEndHeadersTravel) {
  const auto got = rest_proxy::end_to_end({{"connection", "close, X-Private"},
                                           {"X-private", "1"},
                                           {"TE", "trailers"},
                                           {"transfer-encoding", "chunked"},
                                           {"Upgrade", "h2c"},
                                           {"Host", "a"},
                                           {"Accept", "b"}});
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].name, "Accept");
}

}  // namespace
}  // namespace evergate::downstream
