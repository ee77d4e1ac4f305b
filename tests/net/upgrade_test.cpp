// Upgrades seen from raw bytes: what a peer that keeps no rules meets on either side.
#include "net/upgrade.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>

#include "harness.h"
#include "net/errc.h"
#include "net/event_loop_state.h"

namespace evergate::net {
namespace {

using test::raw_client;
using test::recorder;
using test::running_loop;
using test::upgrade_head;

std::string masked(ws_opcode opcode, std::string_view payload) {
  std::string out;
  append_frame(out, ws_role::client, opcode, payload, 0xa1b2c3d4);
  return out;
}

class upgrade_test : public ::testing::Test {
 protected:
  void listen(base::milliseconds first_send_delay = base::milliseconds(0), bool greet = false) {
    auto made = http_server::listen({&*loop_}, {}, [=, this](std::unique_ptr<http_exchange> e) {
      socket_ = e->accept_websocket(handler_, options_, first_send_delay);
      if (greet) socket_->send(ws_opcode::text, "hello");
    });
    ASSERT_TRUE(made);
    http_ = std::move(*made);
  }
  void TearDown() override {
    loop_.call([this] { socket_.reset(); });
    http_.reset();
  }

  recorder handler_;
  ws_options options_;
  std::unique_ptr<websocket> socket_;
  std::unique_ptr<http_server> http_;
  running_loop loop_;
};

TEST_F(upgrade_test, the_101_comes_alone_when_the_first_send_is_delayed) {
  listen(base::milliseconds(20), true);
  raw_client raw(http_->port());
  raw.send(upgrade_head);
  const auto first = raw.read_some();
  EXPECT_TRUE(first.starts_with("HTTP/1.1 101 "));
  EXPECT_TRUE(first.ends_with("\r\n\r\n")) << "nothing shares the segment of the 101";
  EXPECT_NE(first.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
  EXPECT_EQ(raw.read_some(), std::string("\x81\x05hello"));
}

TEST_F(upgrade_test, a_close_frame_waits_for_the_delay_too) {
  handler_.react = [this](ws_opcode, std::string_view) { socket_->close(4001, "no"); };
  listen(base::milliseconds(20));
  raw_client raw(http_->port());
  raw.send(std::string(upgrade_head) + masked(ws_opcode::text, "early"));
  EXPECT_TRUE(raw.read_some().ends_with("\r\n\r\n"));
  EXPECT_EQ(raw.read_some(), std::string("\x88\x04\x0f\xa1no", 6));
}

TEST_F(upgrade_test, frames_sent_with_the_upgrade_request_are_kept) {
  listen();
  raw_client raw(http_->port());
  raw.send(std::string(upgrade_head) + masked(ws_opcode::text, "one") + masked(ws_opcode::text, "two"));
  EXPECT_EQ(handler_.await_messages(2), (std::vector<std::string>{"one", "two"}));
  raw.send(masked(ws_opcode::text, "three"));
  EXPECT_EQ(handler_.await_messages(3).back(), "three");
}

TEST_F(upgrade_test, pings_are_answered) {
  listen();
  raw_client raw(http_->port());
  raw.send(std::string(upgrade_head) + masked(ws_opcode::ping, "p"));
  EXPECT_TRUE(raw.read_until("\x8a\x01p").ends_with(std::string("\x8a\x01p")));
}

TEST_F(upgrade_test, violations_are_answered_with_their_code_and_reported) {
  options_.limits.message_bytes_max = 100;
  options_.limits.fragments_max = 3;
  std::string unmasked;
  append_frame(unmasked, ws_role::server, ws_opcode::text, "x");
  std::string endless;
  for (int i = 0; i < 5; ++i) {
    auto part = masked(i == 0 ? ws_opcode::text : ws_opcode::continuation, "");
    part[0] = static_cast<char>(part[0] & 0x7f);
    endless += part;
  }
  const std::pair<std::string, std::string> table[] = {
      {unmasked, std::string("\x03\xea")},                           // 1002
      {masked(ws_opcode::text, "\xff"), std::string("\x03\xef")},    // 1007
      {masked(ws_opcode::text, std::string(101, 'x')), "\x03\xf1"},  // 1009
      {endless, "\x03\xf1"},
      {std::string(200, '\xff'), "\x03\xea"},
  };
  listen();
  for (const auto& [bytes, code] : table) {
    raw_client raw(http_->port());
    raw.send(std::string(upgrade_head) + bytes);
    auto answer = raw.read_to_end();
    answer.erase(0, answer.find("\r\n\r\n") + 4);
    ASSERT_GE(answer.size(), 4U);
    EXPECT_EQ(answer[0], '\x88');
    EXPECT_EQ(answer.substr(2, 2), code);
    raw.shut_writing();
    const auto how = handler_.await_closed();
    EXPECT_FALSE(how.clean);
    EXPECT_TRUE(how.failure.code == errc::protocol_error || how.failure.code == errc::too_large);
    loop_.call([this] { socket_.reset(); });
    handler_.record.change([](test::ws_record& r) { r = {}; });
  }
}

TEST_F(upgrade_test, an_endless_stream_after_a_violation_is_cut_off) {
  options_.close_timeout = base::milliseconds(20);
  listen();
  raw_client raw(http_->port());
  raw.send(std::string(upgrade_head) + std::string(10, '\xff'));
  EXPECT_EQ(handler_.await_closed().failure.code, errc::protocol_error);
}

/// A listening socket whose one connection is answered with bytes of the test's own making.
class rude_server {
 public:
  explicit rude_server(std::function<std::string(const std::string& request)> answer)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    ::listen(fd_, 8);
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer)] {
      const int peer = ::accept(fd_, nullptr, nullptr);
      char request[4096];
      const auto count = ::recv(peer, request, sizeof(request), 0);
      const auto bytes = answer(std::string(request, count > 0 ? static_cast<std::size_t>(count) : 0));
      static_cast<void>(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      ::shutdown(peer, SHUT_WR);
      while (::recv(peer, request, sizeof(request), 0) > 0) {
      }
      ::close(peer);
    });
  }
  ~rude_server() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

base::error connect_to(std::uint16_t port, ws_options options = {}, const std::string& host = "127.0.0.1") {
  running_loop loop;
  recorder client;
  std::unique_ptr<websocket> socket;
  const auto target = *parse_url(fmt::format("ws://{}:{}/", host, port));
  loop.call([&] { socket = websocket::connect(*loop, target, nullptr, options, client, 3); });
  const auto how = client.await_closed();
  EXPECT_FALSE(client.record.get().open);
  loop.call([&] { socket.reset(); });
  return how.failure;
}

TEST(upgrade_client_test, answers_that_are_no_upgrade_are_refused) {
  const std::string good =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  const std::pair<std::string, errc> table[] = {
      {"", errc::closed},
      {"SSH-2.0-OpenSSH\r\n\r\n", errc::handshake_failed},
      {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n", errc::handshake_failed},
      {good + "\r\n", errc::handshake_failed},
      {good + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", errc::handshake_failed},
      {"HTTP/1.1 101 X\r\nX: " + std::string(40'000, 'x'), errc::too_large},
      {"HTTP/1.1 101 Switching", errc::closed},
  };
  for (const auto& [answer, code] : table) {
    rude_server server([&](const std::string&) { return answer; });
    const auto why = connect_to(server.port());
    EXPECT_EQ(why.code, code) << answer.substr(0, 60) << " -> " << why.text();
  }
}

TEST(upgrade_client_test, frames_right_behind_the_101_are_kept) {
  rude_server server([](const std::string& request) {
    const std::string name = "Sec-WebSocket-Key: ";
    const auto key = request.substr(request.find(name) + name.size(), 24);
    std::string out = upgrade_answer(key);
    append_frame(out, ws_role::server, ws_opcode::text, "hello");
    append_frame(out, ws_role::server, ws_opcode::close, close_payload(4000, ""));
    return out;
  });
  running_loop loop;
  recorder client;
  std::unique_ptr<websocket> socket;
  const auto target = *parse_url(fmt::format("ws://127.0.0.1:{}/", server.port()));
  loop.call([&] { socket = websocket::connect(*loop, target, nullptr, {}, client, 3); });
  EXPECT_EQ(client.await_closed().code, 4000);
  EXPECT_TRUE(client.record.get().open);
  EXPECT_EQ(client.record.get().messages, std::vector<std::string>{"hello"});
  loop.call([&] { socket.reset(); });
}

TEST(upgrade_client_test, the_last_good_addresses_serve_when_resolving_fails) {
  running_loop loop;
  recorder server;
  std::unique_ptr<websocket> accepted;
  auto http = http_server::listen({&*loop}, {}, [&](std::unique_ptr<http_exchange> e) {
    accepted = e->accept_websocket(server, {}, base::milliseconds(0));
  });
  ASSERT_TRUE(http);
  // No label may be longer than 63 bytes: resolving fails without asking anyone.
  const auto host = std::string(70, 'x') + ".invalid";
  const auto target = *parse_url(fmt::format("ws://{}:{}/", host, (*http)->port()));
  std::unique_ptr<websocket> socket;
  recorder unknown;
  loop.call([&] { socket = websocket::connect(*loop, target, nullptr, {}, unknown, 3); });
  EXPECT_EQ(unknown.await_closed().failure.code, errc::resolve_failed);
  recorder known;
  loop.call([&] {
    auto& cache = (*loop).internals().last_good[fmt::format("{}:{}", host, target.port)];
    cache.emplace_back(asio::ip::make_address("127.0.0.1"), target.port);
    socket = websocket::connect(*loop, target, nullptr, {}, known, 3);
  });
  known.await_open();
  loop.call([&] {
    socket.reset();
    accepted.reset();
  });
}

TEST(upgrade_client_test, a_name_under_way_is_asked_for_once_and_everyone_is_told) {
  running_loop loop;
  const auto host = std::string(70, 'x') + ".invalid";
  test::watched<int> told;
  const auto waiting = loop.call([&] {
    auto& internals = (*loop).internals();
    for (int i = 0; i < 3; ++i) {
      internals.resolve(host, 443, [&](const boost::system::error_code& failed, const auto& addresses) {
        told.change([&](int& count) { count += failed && addresses.empty() ? 1 : 100; });
      });
    }
    return internals.resolving.size();
  });
  EXPECT_EQ(waiting, 1U);
  told.wait([](int count) { return count == 3; });
  EXPECT_TRUE(loop.call([&] { return (*loop).internals().resolving.empty(); }));
}

TEST(upgrade_client_test, a_server_that_says_nothing_meets_the_deadline) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::listen(fd, 8), 0);
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  const auto why = connect_to(ntohs(address.sin_port), {.connect_timeout = base::milliseconds(50)});
  EXPECT_EQ(why.code, errc::timed_out) << why.text();
  ::close(fd);
}

TEST(upgrade_client_test, a_port_nobody_listens_on_is_named) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  socklen_t size = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  const auto port = ntohs(address.sin_port);
  const auto why = connect_to(port, {}, "localhost");
  EXPECT_EQ(why.code, errc::connect_failed) << why.text();
  EXPECT_NE(why.text().find(std::to_string(port)), std::string::npos);
  ::close(fd);
}

TEST(upgrade_client_test, the_next_address_is_tried) {
  // localhost may resolve to ::1 first, where nobody listens.
  running_loop loop;
  recorder server;
  std::unique_ptr<websocket> accepted;
  auto http = http_server::listen({&*loop}, {.address = "127.0.0.1"}, [&](std::unique_ptr<http_exchange> e) {
    accepted = e->accept_websocket(server, {}, base::milliseconds(0));
  });
  ASSERT_TRUE(http);
  recorder client;
  std::unique_ptr<websocket> socket;
  const auto target = *parse_url(fmt::format("ws://localhost:{}/", (*http)->port()));
  loop.call([&] { socket = websocket::connect(*loop, target, nullptr, {}, client, 3); });
  client.await_open();
  loop.call([&] {
    socket.reset();
    accepted.reset();
  });
}

TEST(upgrade_client_test, ipv6_works) {
  running_loop loop;
  recorder server;
  std::unique_ptr<websocket> accepted;
  auto http = http_server::listen({&*loop}, {.address = "::1"}, [&](std::unique_ptr<http_exchange> e) {
    accepted = e->accept_websocket(server, {}, base::milliseconds(0));
  });
  if (!http) GTEST_SKIP() << "no IPv6 here: " << http.error().text();
  recorder client;
  std::unique_ptr<websocket> socket;
  const auto target = *parse_url(fmt::format("ws://[::1]:{}/", (*http)->port()));
  loop.call([&] { socket = websocket::connect(*loop, target, nullptr, {}, client, 3); });
  client.await_open();
  EXPECT_TRUE(loop.call([&] { return socket->peer_address(); }).starts_with("[::1]:"));
  loop.call([&] {
    socket.reset();
    accepted.reset();
  });
}

TEST(upgrade_client_test, destroying_a_connection_while_it_connects_is_silent) {
  running_loop loop;
  recorder client;
  const auto target = *parse_url("ws://localhost:9/");
  loop.call([&] { websocket::connect(*loop, target, nullptr, {}, client, 3).reset(); });
  loop.call([] {});
  EXPECT_EQ(client.record.get().closes, 0);
}

}  // namespace
}  // namespace evergate::net
