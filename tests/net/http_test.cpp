#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <deque>
#include <future>

#include "harness.h"
#include "net/errc.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace evergate::net {
namespace {

using test::raw_client;
using test::running_loop;
using exchange_ptr = std::unique_ptr<http_exchange>;

class http_test : public ::testing::Test {
 protected:
  void serve(http_server::on_request handler, listen_options options = {}) {
    auto made = http_server::listen({&*server_loop_}, std::move(options), std::move(handler));
    ASSERT_TRUE(made) << made.error().text();
    server_ = std::move(*made);
  }
  void serve_hello(listen_options options = {}) {
    serve([](exchange_ptr e) { e->respond({200, {{"X-Path", std::string(e->request().path())}}, "hello"}); },
          std::move(options));
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
  }
  [[nodiscard]] std::string url_of(const std::string& path, const std::string& scheme = "http") const {
    return fmt::format("{}://localhost:{}{}", scheme, server_->port(), path);
  }
  base::result<http_response> fetch(http_client::request what, http_client_options options = {}) {
    if (!client_) client_ = std::make_unique<http_client>(options);
    std::promise<base::result<http_response>> promise;
    client_->fetch(*client_loop_, std::move(what),
                   [&promise](base::result<http_response> got) { promise.set_value(std::move(got)); });
    return promise.get_future().get();
  }
  std::string exchange_raw(std::string_view bytes) {
    raw_client raw(server_->port());
    raw.send(bytes);
    return raw.read_to_end();
  }

  running_loop server_loop_;
  running_loop client_loop_;
  std::unique_ptr<http_server> server_;
  std::unique_ptr<http_client> client_;
};

TEST_F(http_test, fetch_gets_status_headers_and_body) {
  serve_hello();
  for (int i = 0; i < 3; ++i) {
    const auto got = fetch({.url = url_of("/a/b?c=d")});
    ASSERT_TRUE(got) << got.error().text();
    EXPECT_EQ(got->status, 200U);
    EXPECT_EQ(got->body, "hello");
    http_request as_request{.method = {}, .target = {}, .headers = got->headers, .peer_address = {}};
    EXPECT_EQ(as_request.header("x-path"), "/a/b");
  }
}

TEST_F(http_test, fetch_sends_method_headers_and_body) {
  serve([](exchange_ptr e) {
    auto* exchange = e.get();
    exchange->read_body(1000, [e = std::move(e)](std::string body) {
      const auto& r = e->request();
      e->respond(
          {201,
           {},
           fmt::format("{} {} {} {}", r.method, r.header("authorization"), r.header("content-type"), body)});
    });
  });
  const auto got = fetch({.method = "PATCH",
                          .url = url_of("/"),
                          .headers = {{"Authorization", "Bot x"}, {"Content-Type", "application/json"}},
                          .body = "{}"});
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->body, "PATCH Bot x application/json {}");
}

TEST_F(http_test, connections_are_dealt_out_over_the_loops) {
  running_loop second;
  std::atomic<int> on_first{0};
  std::atomic<int> on_second{0};
  auto made = http_server::listen({&*server_loop_, &*second}, {}, [&](exchange_ptr e) {
    if ((*server_loop_).in_loop()) ++on_first;
    if ((*second).in_loop()) ++on_second;
    e->respond({200, {}, "ok"});
  });
  ASSERT_TRUE(made);
  server_ = std::move(*made);
  // All stay open: one that has ended leaves its place whenever the server comes to it.
  std::deque<raw_client> open;
  for (int i = 0; i < 6; ++i) {
    open.emplace_back(server_->port()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(open.back().read_until("ok"), "");
  }
  EXPECT_EQ(on_first.load(), 3);
  EXPECT_EQ(on_second.load(), 3);
  server_.reset();
}

TEST_F(http_test, fetch_bounds_how_many_run_at_once) {
  exchange_ptr kept;
  std::promise<void> arrived;
  serve([&](exchange_ptr e) {
    kept = std::move(e);
    arrived.set_value();
  });
  client_ = std::make_unique<http_client>(http_client_options{.transfers_max = 1});
  std::promise<base::result<http_response>> first;
  client_->fetch(*client_loop_, {.url = url_of("/")}, [&](auto got) { first.set_value(std::move(got)); });
  arrived.get_future().wait();
  EXPECT_EQ(fetch({.url = url_of("/")}).error().code, errc::too_many);
  server_loop_.call([&] { kept->respond({200, {}, "ok"}), kept.reset(); });
  EXPECT_TRUE(first.get_future().get());
}

TEST_F(http_test, fetch_bounds_the_response) {
  serve([](exchange_ptr e) { e->respond({200, {}, std::string(200'000, 'x')}); });
  const auto got = fetch({.url = url_of("/")}, {.response_bytes_max = 100'000});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::too_large) << got.error().text();
}

TEST_F(http_test, fetch_does_not_follow_redirects) {
  serve([](exchange_ptr e) { e->respond({302, {{"Location", "/elsewhere"}}, ""}); });
  const auto got = fetch({.url = url_of("/")});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 302U);
}

TEST_F(http_test, fetch_times_out_and_names_no_path) {
  exchange_ptr kept;
  serve([&kept](exchange_ptr e) { kept = std::move(e); });
  const auto got = fetch({.url = url_of("/webhooks/1/verysecret"), .timeout = base::milliseconds(50)});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::timed_out) << got.error().text();
  EXPECT_EQ(got.error().text().find("verysecret"), std::string::npos);
  server_loop_.call([&] { kept.reset(); });
}

TEST_F(http_test, fetch_refuses_bad_requests) {
  serve_hello();
  EXPECT_EQ(fetch({.url = "ftp://localhost/"}).error().code, errc::bad_address);
  EXPECT_EQ(fetch({.method = "GET /", .url = url_of("/")}).error().code, errc::protocol_error);
  EXPECT_EQ(fetch({.url = url_of("/"), .headers = {{"X", "a\r\nY: b"}}}).error().code, errc::protocol_error);
}

TEST_F(http_test, fetch_says_when_nobody_listens) {
  serve_hello();
  const auto dead = url_of("/");
  server_.reset();
  server_loop_.call([] {});
  EXPECT_EQ(fetch({.url = dead}).error().code, errc::connect_failed);
}

TEST_F(http_test, destroying_the_client_silences_its_callbacks) {
  std::promise<void> arrived;
  exchange_ptr kept;
  serve([&](exchange_ptr e) {
    kept = std::move(e);
    arrived.set_value();
  });
  bool called = false;
  client_ = std::make_unique<http_client>(http_client_options{});
  client_->fetch(*client_loop_, {.url = url_of("/")}, [&called](const auto&) { called = true; });
  arrived.get_future().wait();
  client_.reset();
  server_loop_.call([&] { kept->respond({200, {}, "late"}), kept.reset(); });
  client_loop_.call([] {});
  EXPECT_FALSE(called);
}

TEST_F(http_test, a_transfer_streams_both_ways_with_back_pressure) {
  // The server echoes each piece; both sides are far larger than any buffer.
  constexpr std::size_t total = 8'000'000;
  struct echo {
    exchange_ptr e;
  };
  serve([](exchange_ptr e) {
    auto held = std::make_shared<echo>(std::move(e));
    held->e->respond_head(200, {{"X-Kind", "echo"}});
    held->e->stream_body(
        [held](std::string_view piece) {
          if (piece.empty()) return held->e->respond_end();
          held->e->respond_piece(piece);
          if (!held->e->congested()) return;
          held->e->pause_body(true);
          held->e->on_writable([held] { held->e->pause_body(false); });
        },
        [] {});
  });
  client_ = std::make_unique<http_client>(http_client_options{});
  std::unique_ptr<http_transfer> transfer;
  std::size_t sent = 0;
  std::size_t received = 0;
  int pauses = 0;
  bool intact = true;
  std::promise<base::result<void>> ended;
  unsigned status = 0;
  const auto letter = [](std::size_t at) { return static_cast<char>('a' + at % 23); };
  const auto fill = [&] {
    for (bool room = true; room && sent < total;) {
      std::string piece(10'000, ' ');
      for (auto& c : piece) c = letter(sent++);
      room = transfer->send_piece(piece);
    }
    if (sent >= total) transfer->send_end();
  };
  client_loop_.call([&] {
    http_transfer_handler handler;
    handler.on_head = [&](unsigned code, const auto&) { status = code; };
    handler.on_piece = [&](std::string_view piece) {
      for (const char c : piece) intact = intact && c == letter(received++);
      transfer->pause_receiving(true);
      ++pauses;
      (*client_loop_).post([&] { transfer->pause_receiving(false); });
    };
    handler.on_send_ready = [&] { fill(); };
    handler.on_end = [&](base::result<void> how) { ended.set_value(std::move(how)); };
    transfer =
        client_->transfer(*client_loop_, {.method = "POST", .url = url_of("/")}, true, std::move(handler));
    fill();
  });
  const auto how = ended.get_future().get();
  EXPECT_TRUE(how) << how.error().text();
  EXPECT_EQ(status, 200U);
  EXPECT_EQ(received, total);
  EXPECT_TRUE(intact);
  EXPECT_GT(pauses, 1);
  client_loop_.call([&] { transfer.reset(); });
}

TEST_F(http_test, a_client_that_leaves_aborts_the_body) {
  std::promise<void> aborted;
  std::promise<void> started;
  exchange_ptr kept;
  serve([&](exchange_ptr e) {
    kept = std::move(e);
    kept->stream_body([&](std::string_view) { started.set_value(); }, [&] { aborted.set_value(); });
  });
  {
    raw_client raw(server_->port());
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nten bytes!");
    started.get_future().wait();
  }
  aborted.get_future().wait();
  server_loop_.call([&] {
    kept->respond({200, {}, "to nobody"});
    kept.reset();
  });
}

TEST_F(http_test, keep_alive_and_pipelining_answer_in_order) {
  serve_hello();
  const auto answer = exchange_raw(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto one = answer.find("X-Path: /1");
  const auto two = answer.find("X-Path: /2");
  const auto three = answer.find("X-Path: /3");
  ASSERT_NE(three, std::string::npos) << answer;
  EXPECT_LT(one, two);
  EXPECT_LT(two, three);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(http_test, http_10_closes_and_head_has_no_body) {
  serve_hello();
  EXPECT_TRUE(exchange_raw("GET / HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nhello"));
  const auto head = exchange_raw("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 5"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST_F(http_test, a_half_closed_client_is_still_answered) {
  serve_hello();
  raw_client raw(server_->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  raw.shut_writing();
  EXPECT_TRUE(raw.read_to_end().ends_with("hello"));
}

TEST_F(http_test, chunked_bodies_are_joined_and_continue_is_said) {
  serve([](exchange_ptr e) {
    auto* exchange = e.get();
    exchange->read_body(1000, [e = std::move(e)](std::string body) { e->respond({200, {}, "got " + body}); });
  });
  raw_client raw(server_->port());
  raw.send(
      "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\nConnection: "
      "close\r\n\r\n");
  EXPECT_EQ(raw.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  raw.send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_TRUE(raw.read_to_end().ends_with("got abcde"));
}

TEST_F(http_test, a_body_over_its_bound_gets_413) {
  serve([](exchange_ptr e) {
    auto* exchange = e.get();
    exchange->read_body(1000, [e = std::move(e)](std::string) { e->respond({200, {}, "no"}); });
  });
  raw_client raw(server_->port());
  raw.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + std::string(500'000, 'x'));
  EXPECT_TRUE(raw.read_to_end().starts_with("HTTP/1.1 413"));
}

TEST_F(http_test, bad_requests_are_refused) {
  serve_hello();
  const std::pair<std::string, std::string> table[] = {
      {"garbage\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n", "417"},
      {"GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'y') + "\r\n\r\n", "431"},
      {"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
       "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
       "426"},
      {"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
       "short\r\nSec-WebSocket-Version: 13\r\n\r\n",
       "400"},
      {"POST / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
       "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
       "400"},
  };
  for (const auto& [request, status] : table) {
    EXPECT_TRUE(exchange_raw(request).starts_with("HTTP/1.1 " + status)) << request.substr(0, 100);
  }
}

TEST_F(http_test, header_injection_by_a_handler_is_dropped) {
  serve([](exchange_ptr e) {
    e->respond({200, {{"X-Good", "1"}, {"X-Bad", "a\r\nX-Evil: 1"}, {"X:Y", "z"}}, "ok"});
  });
  const auto answer = exchange_raw("GET / HTTP/1.0\r\n\r\n");
  EXPECT_NE(answer.find("X-Good"), std::string::npos);
  EXPECT_EQ(answer.find("X-Evil"), std::string::npos);
  EXPECT_EQ(answer.find("X:Y"), std::string::npos);
}

TEST_F(http_test, a_head_that_never_ends_is_cut_off) {
  listen_options options;
  options.limits.head_timeout = base::milliseconds(30);
  serve_hello(options);
  raw_client raw(server_->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  EXPECT_EQ(raw.read_to_end(), "");
}

TEST_F(http_test, dropping_an_exchange_closes_the_connection) {
  serve([](const exchange_ptr&) {});
  EXPECT_EQ(exchange_raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "");
}

TEST_F(http_test, connections_over_a_bound_are_closed) {
  listen_options options;
  options.limits.pending_per_address_max = 1;
  serve_hello(options);
  raw_client first(server_->port());
  raw_client second(server_->port());
  EXPECT_EQ(second.read_to_end(), "") << "one pending connection of this address is allowed";
  first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(first.read_until("hello").ends_with("hello"));
  raw_client third(server_->port());
  third.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(third.read_to_end().ends_with("hello")) << "the first one is pending no more";
}

TEST_F(http_test, an_inherited_listening_socket_is_used) {
  auto first = http_server::listen({&*server_loop_}, {}, [](const exchange_ptr&) {});
  ASSERT_TRUE(first);
  const int plain = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_FALSE(http_server::listen({&*server_loop_}, {.inherited_fd = plain}, [](const exchange_ptr&) {}));
  ASSERT_EQ(::listen(plain, 16), 0);
  serve_hello({.inherited_fd = plain});
  EXPECT_NE(server_->port(), 0);
  EXPECT_TRUE(exchange_raw("GET / HTTP/1.0\r\n\r\n").ends_with("hello"));
}

TEST_F(http_test, the_address_of_a_socket_is_told) {
  const int any = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(local_address(any), "0.0.0.0");
  ::close(any);
  EXPECT_EQ(local_address(-1), "");
}

TEST_F(http_test, listen_errors_name_the_address) {
  const auto bad =
      http_server::listen({&*server_loop_}, {.address = "local host"}, [](const exchange_ptr&) {});
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().text().find("local host"), std::string::npos);
  serve_hello();
  const auto taken =
      http_server::listen({&*server_loop_}, {.port = server_->port()}, [](const exchange_ptr&) {});
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().text().find(std::to_string(server_->port())), std::string::npos);
}

}  // namespace
}  // namespace evergate::net
