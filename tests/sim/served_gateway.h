// The simulator over real sockets, for tests: its own server on loopback and gateway clients of net's, all on
// one loop's thread.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "sim/server.h"

namespace evergate::sim {

using nlohmann::json;

// One HTTP/1.1 exchange over a plain socket; the answer's body, its status in front.
inline std::pair<int, std::string> http(std::uint16_t port, const std::string& method,
                                        const std::string& path, const std::string& body = {},
                                        const std::string& headers = {}) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  std::string out = method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers +
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  for (std::size_t sent = 0; sent < out.size();) {
    const ssize_t n = ::send(fd, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  std::string in;
  char piece[65536];
  for (ssize_t n = 0; (n = ::recv(fd, piece, sizeof piece, 0)) > 0;)
    in.append(piece, static_cast<std::size_t>(n));
  ::close(fd);
  const std::size_t head = in.find("\r\n\r\n");
  if (head == std::string::npos || in.size() < 12) return {0, in};
  return {std::stoi(in.substr(9, 3)), in.substr(head + 4)};
}

// Inflates what one connection receives.
class unpacker {
 public:
  explicit unpacker(std::string kind) : kind_(std::move(kind)) { inflateInit(&zlib_); }
  ~unpacker() { inflateEnd(&zlib_); }
  unpacker(const unpacker&) = delete;
  unpacker& operator=(const unpacker&) = delete;

  /// Nothing while a payload of the zlib stream is not complete.
  std::optional<std::string> operator()(std::string_view message) {
    if (kind_.empty()) return std::string(message);
    std::string out;
    std::string room(1 << 16, '\0');
    if (kind_ == "zlib-stream") {
      held_ += message;
      if (!held_.ends_with(std::string_view("\x00\x00\xff\xff", 4))) return std::nullopt;
      zlib_.next_in = reinterpret_cast<Bytef*>(held_.data());
      zlib_.avail_in = static_cast<uInt>(held_.size());
      do {
        zlib_.next_out = reinterpret_cast<Bytef*>(room.data());
        zlib_.avail_out = static_cast<uInt>(room.size());
        inflate(&zlib_, Z_SYNC_FLUSH);
        out.append(room.data(), room.size() - zlib_.avail_out);
      } while (zlib_.avail_out == 0);
      held_.clear();
      return out;
    }
    ZSTD_inBuffer in{message.data(), message.size(), 0};
    for (bool more = true; more;) {
      ZSTD_outBuffer to{room.data(), room.size(), 0};
      if (ZSTD_isError(ZSTD_decompressStream(zstd_.get(), &to, &in))) break;
      out.append(room.data(), to.pos);
      more = in.pos < in.size || to.pos == to.size;
    }
    return out;
  }

 private:
  std::string kind_;
  std::string held_;
  z_stream zlib_{};
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd_{ZSTD_createDCtx(), &ZSTD_freeDCtx};
};

// A gateway client: identifies or resumes at HELLO and keeps what comes. Waited for from the test's thread.
class test_client final : public net::ws_handler {
 public:
  test_client(std::string compress, json first) : unpack_(std::move(compress)), first_(std::move(first)) {}

  void on_message(net::ws_opcode, std::string_view payload) override {
    auto text = unpack_(payload);
    // A lone surrogate is legal on the wire and beyond this parser, which only the tests use.
    if (const auto half = text ? text->find("\\ud83d stays") : std::string::npos; half != std::string::npos)
      text->erase(half, 6);
    json frame = text ? json::parse(*text, nullptr, false) : json();
    if (frame.is_object() && frame["op"] == 10) socket->send(net::ws_opcode::text, first_.dump());
    const std::scoped_lock lock(mutex_);
    ++messages_;
    if (text) frames_.push_back(std::move(frame));
    changed_.notify_all();
  }
  void on_closed(const net::ws_closed& how) override {
    const std::scoped_lock lock(mutex_);
    closed_ = how.code;
    failure_ = how.failure.text();
    changed_.notify_all();
  }
  template <class Condition>
  bool wait(Condition&& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return holds(frames_, closed_); });
  }
  bool wait_dispatches(std::size_t wanted) {
    return wait([&](const auto& frames, auto) {
      return static_cast<std::size_t>(
                 std::ranges::count_if(frames, [](const json& f) { return f["op"] == 0; })) >= wanted;
    });
  }
  std::vector<json> frames() {
    const std::scoped_lock lock(mutex_);
    return frames_;
  }
  bool open() {
    const std::scoped_lock lock(mutex_);
    return closed_ == 0;
  }
  std::size_t messages() {
    const std::scoped_lock lock(mutex_);
    return messages_;
  }
  std::string failure() {
    const std::scoped_lock lock(mutex_);
    return failure_;
  }
  std::unique_ptr<net::websocket> socket;  ///< the loop's thread

 private:
  unpacker unpack_;
  json first_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<json> frames_;
  std::size_t messages_ = 0;
  int closed_ = 0;
  std::string failure_;
};

class sim_server : public ::testing::Test {
 protected:
  void start(server_options options = {}) {
    discord_options world;
    world.world.guilds = 30;
    world.identify_interval_ms = 0;
    auto made = server::start(loop_, std::move(options), world, [this] { loop_.stop(); });
    ASSERT_TRUE(made.has_value()) << made.error().text();
    server_ = std::move(*made);
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    if (!thread_.joinable()) return;
    EXPECT_EQ(http(server_->control_port(), "POST", "/control/quit").first, 200);
    thread_.join();
    clients_.clear();
    server_.reset();
  }
  test_client& connect(const std::string& path, const std::string& compress, const json& first,
                       std::shared_ptr<net::tls_context> tls = nullptr) {
    clients_.push_back(std::make_unique<test_client>(compress, first));
    test_client& client = *clients_.back();
    auto url = net::parse_url((tls ? "wss://" : "ws://") + std::string("127.0.0.1:") +
                              std::to_string(server_->gateway_port()) + path + "?v=10&encoding=json" +
                              (compress.empty() ? "" : "&compress=" + compress));
    EXPECT_TRUE(url.has_value());
    loop_.post([this, &client, tls, target = *url] {
      client.socket = net::websocket::connect(loop_, target, tls, {}, client, 42);
    });
    return client;
  }
  static json identify_frame() {
    return {{"op", 2},
            {"d", {{"token", default_token}, {"properties", json::object()}, {"intents", intent::all}}}};
  }
  json control(const std::string& method, const std::string& path, const std::string& body = {}) {
    const auto [status, text] = http(server_->control_port(), method, path, body);
    EXPECT_EQ(status, 200) << path << ' ' << text;
    return json::parse(text, nullptr, false);
  }

  json fault(const std::string& body) { return control("POST", "/control/fault", body); }
  void say(test_client& from, const json& frame) {
    loop_.post([&from, text = frame.dump()] { from.socket->send(net::ws_opcode::text, text); });
  }

  net::event_loop loop_;
  std::unique_ptr<server> server_;
  std::vector<std::unique_ptr<test_client>> clients_;
  std::thread thread_;
};

}  // namespace evergate::sim
