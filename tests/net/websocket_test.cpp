#include "net/websocket.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "harness.h"
#include "net/errc.h"

namespace evergate::net {
namespace {

using test::recorder;
using test::running_loop;

/// A server whose upgraded connections are given to one recorder, and the ways to connect to it.
class websocket_test : public ::testing::TestWithParam<bool> {
 protected:
  void listen(listen_options options = {}) {
    if (GetParam()) {
      options.tls =
          *tls_context::server({certificates_->file("server.crt"), certificates_->file("server.key"), ""});
      client_tls_ = *tls_context::client({certificates_->file("ca.crt")});
    }
    auto made =
        http_server::listen({&*server_loop_}, std::move(options), [this](std::unique_ptr<http_exchange> e) {
          if (!e->request().upgrade_websocket) return e->respond({404, {}, "no\n"});
          auto socket = e->accept_websocket(server_, server_options_, first_send_delay_);
          accepted_.change([&](std::shared_ptr<websocket>& held) { held = std::move(socket); });
        });
    ASSERT_TRUE(made) << made.error().text();
    http_ = std::move(*made);
  }
  void connect(const std::string& path = "/") {
    const auto target =
        *parse_url(fmt::format("{}://localhost:{}{}", GetParam() ? "wss" : "ws", http_->port(), path));
    client_loop_.call([&] {
      socket_ = websocket::connect(*client_loop_, target, client_tls_, client_options_, client_, 7);
    });
  }
  void open() {
    listen();
    connect();
    client_.await_open();
    accepted_.wait([](const auto& held) { return held != nullptr; });
  }
  template <class Work>
  auto on_client(Work work) {
    return client_loop_.call(std::move(work));
  }
  template <class Work>
  auto on_server(Work work) {
    return server_loop_.call([this, &work] { return work(*accepted_.get()); });
  }
  void TearDown() override {
    on_client([this] { socket_.reset(); });
    server_loop_.call([this] { accepted_.change([](auto& held) { held.reset(); }); });
    http_.reset();
  }

  static void SetUpTestSuite() { certificates_ = new test::certificates(); }
  static void TearDownTestSuite() { delete certificates_; }

  static inline test::certificates* certificates_ = nullptr;
  recorder client_;
  recorder server_;
  ws_options client_options_;
  ws_options server_options_;
  base::milliseconds first_send_delay_{0};
  std::shared_ptr<tls_context> client_tls_;
  test::watched<std::shared_ptr<websocket>> accepted_;
  std::unique_ptr<websocket> socket_;
  std::unique_ptr<http_server> http_;
  running_loop client_loop_;
  running_loop server_loop_;
};

INSTANTIATE_TEST_SUITE_P(transports, websocket_test, ::testing::Values(false, true),
                         [](const auto& info) { return std::string(info.param ? "tls" : "plain"); });

TEST_P(websocket_test, messages_arrive_both_ways_in_order) {
  open();
  on_client([&] {
    for (int i = 0; i < 1000; ++i) socket_->send(ws_opcode::text, fmt::format("to server {}", i));
  });
  on_server([](websocket& ws) {
    for (int i = 0; i < 1000; ++i) ws.send(ws_opcode::binary, fmt::format("to client {}", i));
  });
  const auto up = server_.await_messages(1000);
  const auto down = client_.await_messages(1000);
  for (std::size_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(up[i], fmt::format("to server {}", i));
    ASSERT_EQ(down[i], fmt::format("to client {}", i));
  }
  EXPECT_LT(server_.record.get().read_ends, 1000) << "one batch per frame";
  EXPECT_EQ(client_.record.get().kinds.front(), ws_opcode::binary);
}

TEST_P(websocket_test, messages_of_all_sizes_survive) {
  open();
  std::vector<std::string> sent;
  for (const std::size_t size : {0, 1, 125, 126, 127, 65535, 65536, 300'000, 20'000'000}) {
    std::string message(size, 'x');
    for (std::size_t i = 0; i < size; ++i) message[i] = static_cast<char>('a' + i * 7 % 26);
    sent.push_back(std::move(message));
  }
  server_.react = [&](ws_opcode kind, std::string_view payload) { accepted_.get()->send(kind, payload); };
  on_client([&] {
    for (const auto& message : sent) socket_->send(ws_opcode::text, message);
  });
  EXPECT_TRUE(client_.await_messages(sent.size()) == sent);
}

TEST_P(websocket_test, frames_built_in_place_arrive) {
  open();
  const std::vector<std::string> payloads{"short", std::string(1200, 'm'), std::string(70'000, 'l'), ""};
  on_server([&](websocket& ws) {
    for (const auto& payload : payloads) {
      const auto mark = begin_server_frame(ws.output());
      ws.output() += payload;
      end_server_frame(ws.output(), mark, ws_opcode::text);
    }
    ws.output_ready();
  });
  EXPECT_EQ(client_.await_messages(4), payloads);
}

TEST_P(websocket_test, a_close_is_answered_and_both_hear_its_code) {
  open();
  on_client([&] { socket_->close(4000, "leaving"); });
  const auto at_server = server_.await_closed();
  EXPECT_EQ(at_server.code, 4000);
  EXPECT_EQ(at_server.reason, "leaving");
  EXPECT_TRUE(at_server.clean);
  EXPECT_FALSE(at_server.by_us);
  const auto at_client = client_.await_closed();
  EXPECT_EQ(at_client.code, 4000);
  EXPECT_TRUE(at_client.clean);
  EXPECT_TRUE(at_client.by_us);
}

TEST_P(websocket_test, what_was_sent_before_a_close_arrives) {
  open();
  on_server([](websocket& ws) {
    ws.send(ws_opcode::text, "last words");
    ws.close(4004, "Authentication failed.");
    ws.send(ws_opcode::text, "never");
  });
  const auto how = client_.await_closed();
  EXPECT_EQ(how.code, 4004);
  EXPECT_EQ(client_.record.get().messages, std::vector<std::string>{"last words"});
  EXPECT_EQ(server_.await_closed().code, 4004);
}

TEST_P(websocket_test, abort_ends_without_a_close_frame) {
  open();
  on_client([&] { socket_->abort(); });
  const auto at_client = client_.await_closed();
  EXPECT_FALSE(at_client.clean);
  EXPECT_TRUE(at_client.by_us);
  const auto at_server = server_.await_closed();
  EXPECT_EQ(at_server.code, 1006);
  EXPECT_FALSE(at_server.clean);
  EXPECT_EQ(at_server.failure.code, errc::closed) << at_server.failure.text();
}

TEST_P(websocket_test, a_handler_may_destroy_its_connection_in_a_message) {
  server_.react = [&](ws_opcode, std::string_view) { accepted_.change([](auto& held) { held.reset(); }); };
  open();
  on_client([&] {
    socket_->send(ws_opcode::text, "one");
    socket_->send(ws_opcode::text, "two");
  });
  EXPECT_EQ(client_.await_closed().code, 1006);
  EXPECT_EQ(server_.record.get().messages.size(), 1U);
  EXPECT_EQ(server_.record.get().closes, 0) << "the owner let go: no callback";
}

TEST_P(websocket_test, a_handler_may_destroy_its_connection_in_on_closed) {
  client_.closed = [&] { socket_.reset(); };
  open();
  on_server([](websocket& ws) { ws.close(1000); });
  EXPECT_EQ(client_.await_closed().code, 1000);
  EXPECT_EQ(server_.await_closed().code, 1000);
  EXPECT_TRUE(on_client([&] { return socket_ == nullptr; }));
}

TEST_P(websocket_test, congestion_shows_and_drains) {
  server_options_.output_bytes_high = 64 * 1024;
  open();
  on_client([&] { socket_->pause_reading(true); });
  const auto before = server_.record.get().drained;
  std::size_t sent = 0;
  // The kernel takes what it takes, and may take more a moment later: fill until the rest stays with us.
  for (bool full = false; !full;) {
    full = on_server([&](websocket& ws) {
      ws.send(ws_opcode::binary, std::string(1 << 20, 'b'));
      ws.flush();
      ++sent;
      return ws.congested();
    });
    ASSERT_LT(sent, 200U);
  }
  on_client([&] { socket_->pause_reading(false); });
  client_.await_messages(sent);
  server_.record.wait([before](const test::ws_record& r) { return r.drained > before; });
  EXPECT_EQ(on_server([](websocket& ws) { return ws.queued_bytes(); }), 0U);
}

TEST_P(websocket_test, what_a_slow_peer_has_not_taken_waits_where_it_is_seen) {
  server_options_.output_wait_max = base::milliseconds(1'000);
  open();
  on_client([&] { socket_->pause_reading(true); });
  std::size_t sent = 0;
  for (bool full = false; !full;) {
    full = on_server([&](websocket& ws) {
      ws.send(ws_opcode::binary, std::string(16 * 1024, 'b'));
      ws.flush();
      ++sent;
      return ws.congested();
    });
    ASSERT_LT(sent * 16 * 1024, 1'500'000u) << "the kernel holds megabytes ahead of an answer";
  }
  EXPECT_EQ(on_server([](websocket& ws) { return ws.output_room(); }), 0U);
  on_client([&] { socket_->pause_reading(false); });
  client_.await_messages(sent);
}

TEST_P(websocket_test, a_pause_inside_a_batch_keeps_the_rest) {
  client_.react = [&](ws_opcode, std::string_view) { socket_->pause_reading(true); };
  open();
  on_server([](websocket& ws) {
    for (int i = 0; i < 5; ++i) ws.send(ws_opcode::text, std::to_string(i));
    ws.close(4000);
  });
  for (std::size_t i = 1; i <= 5; ++i) {
    EXPECT_EQ(client_.await_messages(i).size(), i) << "one message per pause";
    on_client([&] { socket_->pause_reading(false); });
  }
  EXPECT_EQ(client_.await_closed().code, 4000);
}

TEST_P(websocket_test, a_turn_reads_no_more_than_its_share) {
  client_options_.read_bytes = 16 * 1024;
  constexpr std::size_t message = 1'000;
  constexpr std::size_t messages = 400;
  std::map<int, std::size_t> bytes_by_turn;
  client_.react = [&](ws_opcode, std::string_view payload) {
    bytes_by_turn[client_.record.get().read_ends] += payload.size();
  };
  open();
  on_client([&] { socket_->pause_reading(true); });
  on_server([](websocket& ws) {
    for (std::size_t i = 0; i < messages; ++i) ws.send(ws_opcode::binary, std::string(message, 'b'));
    ws.flush();
  });
  on_client([&] { socket_->pause_reading(false); });
  client_.await_messages(messages);
  on_client([&] {
    for (const auto& [turn, bytes] : bytes_by_turn)
      EXPECT_LE(bytes, 4 * client_options_.read_bytes + message);
  });
}

TEST_P(websocket_test, a_peer_that_never_answers_a_close_is_given_up) {
  server_options_.close_timeout = base::milliseconds(20);
  open();
  on_client([&] { socket_->pause_reading(true); });
  on_server([](websocket& ws) { ws.close(4000); });
  const auto how = server_.await_closed();
  EXPECT_FALSE(how.clean);
  EXPECT_EQ(how.failure.code, errc::timed_out);
}

TEST_P(websocket_test, a_message_over_the_limit_is_refused_with_1009) {
  server_options_.limits.message_bytes_max = 1000;
  open();
  on_client([&] { socket_->send(ws_opcode::binary, std::string(5'000'000, 'x')); });
  const auto at_client = client_.await_closed();
  EXPECT_EQ(at_client.code, 1009);
  const auto at_server = server_.await_closed();
  EXPECT_EQ(at_server.failure.code, errc::too_large) << at_server.failure.text();
  EXPECT_TRUE(at_server.by_us);
}

TEST_P(websocket_test, the_close_code_after_broken_frames_can_be_chosen) {
  client_options_.violation_code = 4000;
  client_options_.limits.message_bytes_max = 1'000;
  open();
  on_server([](websocket& s) { s.send(ws_opcode::binary, std::string(1'001, 'x')); });
  EXPECT_EQ(server_.await_closed().code, 4000);
  const auto at_client = client_.await_closed();
  EXPECT_EQ(at_client.failure.code, errc::too_large) << at_client.failure.text();
}

TEST_P(websocket_test, unread_bytes_are_seen_while_reading_is_paused) {
  open();
  on_client([&] { socket_->pause_reading(true); });
  EXPECT_FALSE(on_client([&] { return socket_->has_unread(); }));
  on_server([](websocket& s) { s.send(ws_opcode::text, "hello"); });
  bool unread = false;
  for (int turn = 0; turn < 1'000'000 && !unread; ++turn) {
    unread = on_client([&] { return socket_->has_unread(); });
  }
  EXPECT_TRUE(unread);
  on_client([&] { socket_->pause_reading(false); });
  client_.await_messages(1);
  EXPECT_FALSE(on_client([&] { return socket_->has_unread(); }));
}

TEST_P(websocket_test, a_refused_upgrade_names_the_status) {
  auto made = http_server::listen({&*server_loop_}, {}, [](std::unique_ptr<http_exchange> e) {
    e->respond({429, {{"Retry-After", "5"}}, "slow down"});
  });
  ASSERT_TRUE(made);
  http_ = std::move(*made);
  const auto target = *parse_url(fmt::format("ws://127.0.0.1:{}/", http_->port()));
  on_client([&] { socket_ = websocket::connect(*client_loop_, target, nullptr, {}, client_, 1); });
  const auto how = client_.await_closed();
  EXPECT_EQ(how.failure.code, errc::rate_limited);
  EXPECT_NE(how.failure.text().find("429"), std::string::npos) << how.failure.text();
}

}  // namespace
}  // namespace evergate::net
