// The simulator over real sockets: a gateway client of net's against its own server, on loopback.
#include "sim/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

namespace evergate::sim {
namespace {

using json = nlohmann::json;

// One HTTP/1.1 exchange over a plain socket; the answer's body, its status in front.
std::pair<int, std::string> http(std::uint16_t port, const std::string& method, const std::string& path,
                                 const std::string& body = {}, const std::string& headers = {}) {
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

  std::string operator()(std::string_view message) {
    if (kind_.empty()) return std::string(message);
    std::string out;
    std::string room(1 << 16, '\0');
    if (kind_ == "zlib-stream") {
      zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
      zlib_.avail_in = static_cast<uInt>(message.size());
      do {
        zlib_.next_out = reinterpret_cast<Bytef*>(room.data());
        zlib_.avail_out = static_cast<uInt>(room.size());
        inflate(&zlib_, Z_SYNC_FLUSH);
        out.append(room.data(), room.size() - zlib_.avail_out);
      } while (zlib_.avail_out == 0);
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
  z_stream zlib_{};
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd_{ZSTD_createDCtx(), &ZSTD_freeDCtx};
};

// A gateway client: identifies or resumes at HELLO and keeps what comes. Waited for from the test's thread.
class test_client final : public net::ws_handler {
 public:
  test_client(std::string compress, json first) : unpack_(std::move(compress)), first_(std::move(first)) {}

  void on_message(net::ws_opcode, std::string_view payload) override {
    json frame = json::parse(unpack_(payload), nullptr, false);
    if (frame.is_object() && frame["op"] == 10) socket->send(net::ws_opcode::text, first_.dump());
    const std::scoped_lock lock(mutex_);
    frames_.push_back(std::move(frame));
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

  net::event_loop loop_;
  std::unique_ptr<server> server_;
  std::vector<std::unique_ptr<test_client>> clients_;
  std::thread thread_;
};

// READY and 30 guilds, then a thousand events; everything in order and as the ledger says.
void check_stream(test_client& client, const std::string& ledger) {
  std::map<std::uint64_t, std::uint64_t> delivered;
  std::istringstream lines(ledger);
  for (std::string line; std::getline(lines, line);) {
    const json entry = json::parse(line);
    for (const auto& d : entry["deliveries"]) delivered[entry["serial"]] = d["seq"];
  }
  ASSERT_TRUE(client.wait_dispatches(delivered.size()));
  std::uint64_t seq = 0;
  for (const auto& f : client.frames()) {
    if (f["op"] != 0) continue;
    ASSERT_EQ(f["s"], ++seq);
    ASSERT_EQ(delivered.at(f["d"]["_serial"]), seq);
  }
  EXPECT_EQ(seq, delivered.size());
  EXPECT_GE(seq, 1000U + 31U);
}

TEST_F(sim_server, serves_every_transport_as_the_ledger_says) {
  for (const std::string compress : {"", "zlib-stream", "zstd-stream"}) {
    start();
    test_client& client = connect("/", compress, identify_frame());
    ASSERT_TRUE(client.wait_dispatches(31)) << client.failure();
    EXPECT_EQ(control("POST", "/control/emit", R"({"count":1000})")["emitted"], 1000);
    check_stream(client, http(server_->control_port(), "GET", "/control/ledger?limit=100000").second);
    const json status = control("GET", "/control/status");
    EXPECT_EQ(status["violations"], 0);
    EXPECT_EQ(status["sessions"][0]["connected"], true);
    TearDown();
  }
}

TEST_F(sim_server, a_disconnected_client_resumes_on_the_url_it_was_given) {
  start();
  test_client& first = connect("/", "", identify_frame());
  ASSERT_TRUE(first.wait_dispatches(31));
  EXPECT_EQ(control("POST", "/control/fault", R"({"kind":"close"})")["done"], 1);
  ASSERT_TRUE(first.wait([](const auto&, int code) { return code == 4000; }));
  control("POST", "/control/emit", R"({"count":100})");
  const json ready = first.frames().at(1)["d"];
  EXPECT_TRUE(ready["resume_gateway_url"].get<std::string>().ends_with("/resume"));
  const std::uint64_t seq = first.frames().back()["s"];
  test_client& second = connect(
      "/resume", "",
      {{"op", 6}, {"d", {{"token", default_token}, {"session_id", ready["session_id"]}, {"seq", seq}}}});
  ASSERT_TRUE(second.wait(
      [](const auto& frames, int) { return !frames.empty() && frames.back()["t"] == "RESUMED"; }));
  EXPECT_EQ(second.frames().size(), 1U + 100U + 1U);
  const json status = control("GET", "/control/status");
  EXPECT_EQ(status["resumes"], 1);
  EXPECT_EQ(status["violations"], 0);
}

TEST_F(sim_server, a_dropped_connection_ends_without_a_close_frame) {
  start();
  test_client& client = connect("/", "", identify_frame());
  ASSERT_TRUE(client.wait_dispatches(31));
  control("POST", "/control/fault", R"({"kind":"close","code":0})");
  EXPECT_TRUE(client.wait([](const auto&, int code) { return code == 1006; }));
  EXPECT_EQ(control("GET", "/control/status")["sessions"][0]["state"], "detached");
}

TEST_F(sim_server, speaks_tls) {
  const std::string stem =
      (std::filesystem::temp_directory_path() / ("evergate_sim_" + std::to_string(::getpid()))).string();
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=sim "
      "-addext subjectAltName=IP:127.0.0.1 -keyout " +
      stem + ".key -out " + stem + ".crt 2>/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  server_options options;
  options.tls_certificate = stem + ".crt";
  options.tls_key = stem + ".key";
  start(options);
  auto tls = net::tls_context::client({.ca_file = stem + ".crt"});
  ASSERT_TRUE(tls.has_value()) << tls.error().text();
  test_client& client = connect("/", "zstd-stream", identify_frame(), *tls);
  ASSERT_TRUE(client.wait_dispatches(31)) << client.failure();
  EXPECT_TRUE(
      client.frames().at(1)["d"]["resume_gateway_url"].get<std::string>().starts_with("wss://127.0.0.1:"));
  std::filesystem::remove(stem + ".crt");
  std::filesystem::remove(stem + ".key");
}

TEST_F(sim_server, refuses_what_it_does_not_serve) {
  start();
  const std::uint16_t port = server_->gateway_port();
  EXPECT_EQ(http(port, "GET", "/api/v10/gateway/bot").first, 401);
  EXPECT_EQ(http(port, "GET", "/api/v10/gateway/bot", "",
                 std::string("Authorization: Bot ") + default_token + "\r\n")
                .first,
            200);
  EXPECT_EQ(http(port, "GET", "/api/v10/nothing").first, 401);
  EXPECT_EQ(http(port, "GET", "/elsewhere").first, 404);
  EXPECT_EQ(http(server_->control_port(), "POST", "/control/emit", "{").first, 400);
  test_client& lost = connect("/nowhere", "", identify_frame());
  ASSERT_TRUE(lost.wait([](const auto&, int code) { return code != 0; }));
  EXPECT_TRUE(lost.frames().empty());
  test_client& unknown = connect("/", "brotli", identify_frame());
  ASSERT_TRUE(unknown.wait([](const auto&, int code) { return code != 0; }));
  test_client& wrong = connect("/", "", {{"op", 2}, {"d", {{"token", "x"}}}});
  ASSERT_TRUE(wrong.wait([](const auto&, int code) { return code == 4004; }));
  EXPECT_EQ(control("GET", "/control/violations")[0]["kind"], "auth_failed");
}

TEST_F(sim_server, says_which_file_it_could_not_read) {
  server_options options;
  options.tls_certificate = "/nonexistent/a.crt";
  options.tls_key = "/nonexistent/a.key";
  const auto made = server::start(loop_, options, {}, {});
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().text().find("/nonexistent/a."), std::string::npos) << made.error().text();
}

}  // namespace
}  // namespace evergate::sim
