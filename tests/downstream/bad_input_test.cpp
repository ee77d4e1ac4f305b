// What hostile or broken bots may send, over real sockets.
#include "gateway_fixture.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace evergate::downstream {
namespace {

/// A TCP connection by hand.
class tcp_by_hand {
 public:
  explicit tcp_by_hand(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~tcp_by_hand() { ::close(fd_); }
  tcp_by_hand(const tcp_by_hand&) = delete;
  tcp_by_hand& operator=(const tcp_by_hand&) = delete;
  void write(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  }
  /// Until the other side ends.
  std::string read_all() {
    std::string out;
    char piece[4096];
    for (ssize_t got = 0; (got = ::recv(fd_, piece, sizeof piece, 0)) > 0;)
      out.append(piece, static_cast<std::size_t>(got));
    return out;
  }

 private:
  int fd_;
};

using nlohmann::json;
using testing::GatewayTest;

TEST_F(GatewayTest, BadFirstMessages) {
  run();
  struct one {
    std::string text;
    std::uint16_t code;
  };
  const one table[] = {
      {"garbage", 4002},
      {std::string("{\"op\":1,\"d\":\"\xff\xfe\"}"), 4002},
      {R"({"op":3,"d":{}})", 4003},
      {R"({"op":77,"d":{}})", 4001},
      {R"({"op":2,"d":{"intents":1}})", 4004},
      {R"({"op":2,"d":{"token":"MTA.x.wrong","intents":1}})", 4004},
      {R"({"op":6,"d":{"token":"MTA.x.wrong","session_id":"x","seq":1}})", 4004},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":1,"shard":[4,4]}})", 4010},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":1,"shard":[0,5000]}})", 4010},
      {R"({"op":2,"d":{"token":"MTA.x.y","intents":4294967296}})", 4013},
      {R"({"op":1,"d":")" + std::string(5000, 'x') + "\"}", 4002},
      {std::string(15 * 1024, '['), 4002},
  };
  for (const auto& [text, code] : table) {
    auto bad = bot();
    bad->say(text);
    EXPECT_EQ(bad->wait_closed().code, code) << text.substr(0, 80);
  }
  auto good = bot();
  good->start();
  EXPECT_EQ(journal_.consumers_now().size() <= 1, true);
}

TEST_F(GatewayTest, IntentsBeyondTheApplications) {
  options_.intents = proto::intent::guilds;
  run();
  auto bad = bot();
  bad->identify();
  EXPECT_EQ(bad->wait_closed().code, 4014);
}

TEST_F(GatewayTest, ASecondIdentify) {
  run();
  auto bad = bot();
  bad->start();
  bad->identify();
  EXPECT_EQ(bad->wait_closed().code, 4005);
}

TEST_F(GatewayTest, TooManyMessages) {
  run();
  auto bad = bot();
  bad->start();
  for (int i = 0; i < 130; ++i) bad->beat();
  EXPECT_EQ(bad->wait_closed().code, 4008);
}

TEST_F(GatewayTest, OversizedMessagesAreCutOff) {
  run();
  auto bad = bot();
  bad->say(std::string(1024 * 1024, 'x'));
  EXPECT_EQ(bad->wait_closed().code, 1009);
}

TEST_F(GatewayTest, EndlessFragmentsAreCutOff) {
  options_.socket.close_timeout = base::milliseconds(50);
  run();
  // Sixteen fragments make a message, the seventeenth ends the connection.
  tcp_by_hand raw(gateway_->port());
  raw.write(
      "GET /?v=10 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
      "13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  std::string frames;
  frames += std::string("\x01\x81\0\0\0\0{", 7);
  for (int i = 0; i < 40; ++i) frames += std::string("\x00\x81\0\0\0\0 ", 7);
  raw.write(frames);
  const auto got = raw.read_all();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 101"));
  EXPECT_NE(got.find(std::string("\x88", 1)), std::string::npos) << "a close frame";
  EXPECT_NE(got.find(std::string("\x03\xf1", 2)), std::string::npos) << "with code 1009";
}

TEST_F(GatewayTest, SlowHandshakesAreCutOff) {
  listen_.limits.head_timeout = base::milliseconds(30);
  run();
  tcp_by_hand raw(gateway_->port());
  raw.write("GET /?v=10 HTTP/1.1\r\nHost: ");
  const auto got = raw.read_all();
  EXPECT_EQ(got.find("101"), std::string::npos) << "the connection ends without an upgrade";
  auto good = bot();
  good->start();
}

TEST_F(GatewayTest, SilentConnectionsAreClosed) {
  options_.identify_timeout = base::milliseconds(20);
  run();
  auto silent = bot();
  EXPECT_EQ(silent->wait_closed().code, 4003);
}

TEST_F(GatewayTest, ABotThatStopsBeatingIsClosedAndMayResume) {
  options_.heartbeat_interval = base::milliseconds(20);
  run();
  auto silent = bot();
  const std::string session = silent->start()["session_id"];
  EXPECT_EQ(silent->wait_closed().code, 4009);
  auto again = bot();
  again->resume(session, 3);
  EXPECT_EQ(again->next_op(0)["t"], "RESUMED");
}

TEST_F(GatewayTest, UnknownVersion) {
  run();
  EXPECT_EQ(bot("/?v=8&encoding=json")->wait_closed().code, 4012);
}

TEST_F(GatewayTest, RefusedUpgrades) {
  options_.unauthenticated_per_address_max = 1;
  run();
  for (const char* path : {"/?v=10&encoding=etf", "/?v=10&compress=brotli", "/c/BAD/?v=10"}) {
    const auto how = bot(path)->wait_closed();
    EXPECT_FALSE(how.clean) << path;
    EXPECT_NE(how.failure.text().find("400"), std::string::npos) << how.failure.text();
  }
  auto first = bot();
  EXPECT_EQ(first->next()["op"], 10);
  const auto how = bot()->wait_closed();
  EXPECT_NE(how.failure.text().find("429"), std::string::npos) << how.failure.text();
  first->start();
  EXPECT_EQ(bot()->next()["op"], 10) << "identified connections do not count";
}

TEST_F(GatewayTest, CommandsOfTheWrongShape) {
  run();
  for (const char* text :
       {R"({"op":8,"d":{}})", R"({"op":4,"d":{"guild_id":"x"}})", R"({"op":31,"d":{"guild_ids":5}})",
        R"({"op":43,"d":{}})", R"({"op":3,"d":null})"}) {
    auto bad = bot();
    bad->start();
    bad->say(std::string(text));
    EXPECT_EQ(bad->wait_closed().code, 4002) << text;
  }
  EXPECT_TRUE(fleet_.sent.empty());
}

}  // namespace
}  // namespace evergate::downstream
