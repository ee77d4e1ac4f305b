#include "admin/server.h"

#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "net/http_client.h"

namespace evergate::admin {
namespace {

using nlohmann::json;

constexpr const char* token = "0123456789abcdef0123456789abcdef";

class AdminServerTest : public ::testing::Test {
 protected:
  AdminServerTest() : thread_([this] { loop_.run(); }) {}
  ~AdminServerTest() override {
    if (server_) server_->stop();
    loop_.stop();
  }
  void run(std::vector<operation> all, std::size_t body_bytes_max = 1'000) {
    server_options options;
    options.port = 0;
    options.token = base::secret(token);
    options.body_bytes_max = body_bytes_max;
    server_ = std::make_unique<server>(std::move(options), log_);
    const auto started = server_->start(std::move(all));
    ASSERT_TRUE(started) << started.error().text();
  }
  std::future<base::result<net::http_response>> begin(net::http_client::request what,
                                                      bool with_token = true) {
    what.url = fmt::format("http://127.0.0.1:{}{}", server_->port(), what.url);
    if (with_token) what.headers.push_back({"Authorization", std::string("Bearer ") + token});
    auto done = std::make_shared<std::promise<base::result<net::http_response>>>();
    client_.fetch(loop_, std::move(what),
                  [done](base::result<net::http_response> got) { done->set_value(std::move(got)); });
    return done->get_future();
  }
  net::http_response ask(net::http_client::request what, bool with_token = true) {
    auto got = begin(std::move(what), with_token).get();
    EXPECT_TRUE(got) << got.error().text();
    return got ? std::move(*got) : net::http_response{.status = 0, .headers = {}, .body = {}};
  }
  static operation echo(std::string method, std::string path) {
    return {std::move(method),
            std::move(path),
            "echo",
            "Says what it was called with",
            {},
            [](call asked, reply back) {
              json out{{"path", asked.path}, {"body", asked.body}, {"x", asked.query("x").value_or("")}};
              back({200, out.dump()});
            }};
  }

  base::logger log_{base::log_level::off};
  net::event_loop loop_;
  std::jthread thread_;
  net::http_client client_{{}};
  std::unique_ptr<server> server_;
};

TEST_F(AdminServerTest, OperationsGetTheirParameters) {
  run({echo("GET", "/v1/things/{name}/part"), echo("POST", "/v1/things/{name}")});
  const auto got = ask({.url = "/v1/things/a-b/part?x=1%202"});
  EXPECT_EQ(got.status, 200u);
  EXPECT_EQ(json::parse(got.body), (json{{"path", {{"name", "a-b"}}}, {"body", ""}, {"x", "1 2"}}));
  const auto posted = ask({.method = "POST", .url = "/v1/things/z", .body = R"({"k":1})"});
  EXPECT_EQ(json::parse(posted.body)["body"], R"({"k":1})");
}

TEST_F(AdminServerTest, StrangersLearnNothing) {
  int calls = 0;
  auto counted = echo("POST", "/v1/x");
  counted.run = [&](call, reply back) {
    ++calls;
    back({200, "{}"});
  };
  run({counted});
  for (const auto* path : {"/v1/x", "/v1/nothing", "/openapi.json"}) {
    const auto got = ask({.method = "POST", .url = path}, false);
    EXPECT_EQ(got.status, 401u) << path;
    EXPECT_EQ(json::parse(got.body)["error"]["code"], "unauthorized");
  }
  EXPECT_EQ(calls, 0);
}

TEST_F(AdminServerTest, WrongCallsAreToldApart) {
  run({echo("POST", "/v1/x")});
  EXPECT_EQ(ask({.url = "/v1/x"}).status, 405u);
  EXPECT_EQ(ask({.url = "/v1/y"}).status, 404u);
  EXPECT_EQ(ask({.url = "/v1/x/"}).status, 405u);
  EXPECT_EQ(ask({.method = "POST", .url = "/v1/x", .body = "[1]"}).status, 400u);
  EXPECT_EQ(ask({.method = "POST", .url = "/v1/x", .body = '{' + std::string(1'000, ' ')}).status, 413u);
  EXPECT_EQ(ask({.method = "POST", .url = "/v1/x", .body = '{' + std::string(999, ' ')}).status, 200u);
}

TEST_F(AdminServerTest, RepliesMayComeLaterFromAnyThreadOrNever) {
  std::promise<reply> kept;
  operation later{"GET", "/v1/later", "later",
                  "",    {},          [&](const call&, reply back) {
                    kept.set_value(std::move(back)); }};
  operation never{"GET", "/v1/never", "never", "", {}, [](const call&, reply) {}};
  run({later, never});
  EXPECT_EQ(ask({.url = "/v1/never"}).status, 500u);
  auto open = begin({.url = "/v1/later"});
  auto back = kept.get_future().get();
  std::jthread([&] { back({200, "{}"}); }).join();
  EXPECT_EQ(open.get()->status, 200u);
}

TEST_F(AdminServerTest, AReplyAfterTheEndGoesNowhere) {
  std::promise<reply> kept;
  run({{"GET", "/v1/later", "later", "", {}, [&](const call&, reply back) {
          kept.set_value(std::move(back));
        }}});
  auto open = begin({.url = "/v1/later"});
  auto back = kept.get_future().get();
  server_->stop();
  EXPECT_FALSE(open.get()) << "its connection was dropped";
  bool made = false;
  back.made_there([&made] {
    made = true;
    return answer{200, "{}"};
  });
  EXPECT_FALSE(made) << "what it looks at may be gone";
}

TEST_F(AdminServerTest, AnAnswerIsMadeOnTheServersOwnThread) {
  std::thread::id there;
  std::thread::id made;
  run({{"GET", "/v1/later", "later", "", {}, [&](const call&, reply back) {
          there = std::this_thread::get_id();
          std::jthread([&made, back = std::move(back)]() mutable {
            back.made_there([&made] {
              made = std::this_thread::get_id();
              return answer{200, "{}"};
            });
          }).join();
        }}});
  EXPECT_EQ(ask({.url = "/v1/later"}).status, 200u);
  EXPECT_EQ(made, there);
}

}  // namespace
}  // namespace evergate::admin
