// Faults that are about bytes and sockets, over real ones.
#include "served_gateway.h"

namespace evergate::sim {
namespace {

class sim_faults : public sim_server {
 protected:
  test_client& ready(const std::string& compress = {}) {
    test_client& client = connect("/", compress, identify_frame());
    EXPECT_TRUE(client.wait_dispatches(31)) << client.failure();
    return client;
  }
  static bool ended(test_client& client) {
    return client.wait([](const auto&, int code) { return code != 0; });
  }
  // Whether a TCP connection to the port of that URL comes about.
  static bool reachable(const std::string& url) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool fine = ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    ::close(fd);
    return fine;
  }
};

TEST_F(sim_faults, a_connection_ends_by_reset_or_by_fin) {
  start();
  test_client& reset = ready();
  EXPECT_EQ(fault(R"({"kind":"rst"})")["done"], 1);
  ASSERT_TRUE(ended(reset));
  EXPECT_NE(reset.failure().find("reset"), std::string::npos) << reset.failure();
  test_client& finished = ready();
  EXPECT_EQ(fault(R"({"kind":"fin"})")["done"], 1);
  ASSERT_TRUE(ended(finished));
  EXPECT_NE(finished.failure().find("peer closed"), std::string::npos) << finished.failure();
}

TEST_F(sim_faults, a_stalled_client_is_not_read_and_a_half_open_one_is_not_answered) {
  start();
  test_client& stalled = ready();
  EXPECT_EQ(fault(R"({"kind":"stall"})")["done"], 1);
  test_client& half = ready();
  EXPECT_EQ(fault(R"({"kind":"half_open"})")["done"], 2);  // the stalled one stays so, too
  test_client& well = ready();
  const auto frames = half.frames().size();
  for (test_client* each : {&stalled, &half, &well}) say(*each, {{"op", 1}, {"d", nullptr}});
  ASSERT_TRUE(well.wait([](const auto& all, int) { return all.back()["op"] == 11; }));
  EXPECT_EQ(control("GET", "/control/status")["heartbeats"], 2);
  // Its close frame is heard, and not answered either.
  loop_.post([&] { half.socket->close(4000); });
  say(well, {{"op", 1}, {"d", nullptr}});
  ASSERT_TRUE(well.wait([](const auto& all, int) {
    return std::ranges::count_if(all, [](const json& f) { return f["op"] == 11; }) == 2;
  }));
  EXPECT_EQ(half.frames().size(), frames);
  EXPECT_TRUE(half.open());
  EXPECT_EQ(control("GET", "/control/status")["violations"], 0);
}

TEST_F(sim_faults, frames_break_the_rules_of_websockets) {
  start();
  for (const std::string how : {"opcode", "rsv"}) {
    test_client& client = ready();
    EXPECT_EQ(fault(R"({"kind":"corrupt_frame","how":")" + how + "\"}")["done"], 1);
    ASSERT_TRUE(ended(client));
    EXPECT_NE(client.failure().find("1002"), std::string::npos) << client.failure();
  }
  test_client& client = ready();
  const auto frames = client.frames().size();
  fault(R"({"kind":"corrupt_frame","how":"length"})");
  control("POST", "/control/emit", R"({"count":20})");
  fault(R"({"kind":"fin"})");
  ASSERT_TRUE(ended(client));
  EXPECT_EQ(client.frames().size(), frames);  // all of it was the body of a frame that never ends
}

TEST_F(sim_faults, a_broken_message_is_beyond_repair_in_every_transport) {
  start();
  for (const std::string compress : {"", "zlib-stream", "zstd-stream"}) {
    test_client& client = ready(compress);
    EXPECT_EQ(fault(R"({"kind":"broken_stream"})")["armed"], true);
    control("POST", "/control/emit", R"({"count":1,"type":"MESSAGE_CREATE"})");
    EXPECT_TRUE(client.wait([](const auto& all, int) { return all.back().is_discarded(); })) << compress;
    control("POST", "/control/fault", R"({"kind":"fin"})");
    ASSERT_TRUE(ended(client));
  }
  EXPECT_EQ(control("GET", "/control/faults")["fired"]["broken_stream"], 3);
}

TEST_F(sim_faults, a_zlib_payload_spans_messages) {
  start();
  test_client& client = ready("zlib-stream");
  const std::size_t messages = client.messages();
  fault(R"({"kind":"split_stream","times":2})");
  control("POST", "/control/emit", R"({"count":3,"type":"MESSAGE_CREATE"})");
  ASSERT_TRUE(client.wait_dispatches(34));
  EXPECT_EQ(client.messages(), messages + 3 + 3 + 1);
  for (const auto& f : client.frames()) EXPECT_TRUE(f.is_object());
  test_client& other = ready("zstd-stream");  // one message is one payload there
  fault(R"({"kind":"split_stream"})");
  fault(R"({"kind":"fin","times":1})");
  ASSERT_TRUE(ended(other));
  EXPECT_EQ(control("GET", "/control/faults")["fired"]["split_stream"], 2);
}

TEST_F(sim_faults, an_upgrade_is_refused_late_or_never_answered) {
  start();
  fault(R"({"kind":"refuse_upgrade","status":520,"body":"<html>error code: 1015</html>"})");
  test_client& refused = connect("/", "", identify_frame());
  ASSERT_TRUE(ended(refused));
  EXPECT_NE(refused.failure().find("520"), std::string::npos) << refused.failure();
  fault(R"({"kind":"slow_upgrade","delay_ms":30})");
  (void)ready();
  fault(R"({"kind":"silent_upgrade","path":"main"})");
  test_client& ignored = connect("/", "", identify_frame());
  while (control("GET", "/control/faults")["fired"].value("silent_upgrade", 0) == 0) {
  }
  (void)ready();
  EXPECT_TRUE(ignored.frames().empty());
  const json faults = control("GET", "/control/faults");
  EXPECT_EQ(faults["fired"]["slow_upgrade"], 1);
  EXPECT_TRUE(faults["armed"].empty());
}

TEST_F(sim_faults, urls_lead_to_a_port_that_refuses_or_says_nothing) {
  start();
  const auto given = [&](const std::string& how) {
    fault(R"({"kind":"resume_host","how":")" + how + "\"}");
    return ready().frames().at(1)["d"]["resume_gateway_url"].get<std::string>();
  };
  EXPECT_FALSE(reachable(given("dead")));
  EXPECT_TRUE(reachable(given("silent")));
  EXPECT_NE(given("unknown_name").find(".invalid:"), std::string::npos);
  const std::string bot = std::string("Authorization: Bot ") + default_token + "\r\n";
  const auto ask = [&] { return http(server_->gateway_port(), "GET", "/api/v10/gateway/bot", "", bot); };
  fault(R"({"kind":"rest_status","status":503,"times":2})");
  EXPECT_EQ(ask().first, 503);
  EXPECT_EQ(http(server_->gateway_port(), "GET", "/api/v10/users/@me", "", bot).first, 200);
  EXPECT_EQ(ask().first, 503);
  fault(R"({"kind":"gateway_url","how":"dead"})");
  EXPECT_FALSE(reachable(json::parse(ask().second)["url"]));
  EXPECT_TRUE(reachable(json::parse(ask().second)["url"]));
}

TEST_F(sim_faults, wrong_orders_are_told_what_is_allowed) {
  start();
  const auto refused = [&](const std::string& body, const std::string& key, const std::string& allowed) {
    const auto [status, text] = http(server_->control_port(), "POST", "/control/fault", body);
    EXPECT_EQ(status, 400) << body;
    const std::string problem = json::parse(text)["error"];
    EXPECT_TRUE(problem.starts_with(key)) << problem;
    EXPECT_NE(problem.find(allowed), std::string::npos) << problem;
  };
  refused(R"({})", "kind is missing", "seq_jump");
  refused(R"({"kind":"nope"})", "kind cannot be \"nope\"", "half_open");
  refused(R"({"kind":7})", "kind cannot be 7", "half_open");
  refused(R"({"kind":"close","cod":4000})", "cod is not a key", "code");
  refused(R"({"kind":"close","code":17})", "code cannot be 17", "1000 to 4999");
  refused(R"({"kind":"close","times":0})", "times cannot be 0", "from 1 to 1000");
  refused(R"({"kind":"no_hello","shard":1})", "shard is not a key", "path");
  refused(R"({"kind":"no_hello","path":"both"})", "path cannot be \"both\"", "\"resume\"");
  refused(R"({"kind":"huge"})", "bytes is missing", "whole number");
  refused(R"({"kind":"huge","bytes":1e30})", "bytes cannot be", "whole number");
  refused(R"({"kind":"corrupt_frame","how":"x"})", "how cannot be \"x\"", "\"rsv\"");
  refused(R"({"kind":"op9","resumable":1})", "resumable cannot be 1", "true or false");
  refused(R"({"kind":"resume_host"})", "how is missing", "unknown_name");
  refused(R"({"kind":"resume_host","url":"http://x"})", "url cannot be", "wss://");
  refused(R"({"kind":"lag","jitter_ms":5})", "lag_ms is missing", "whole number");
  refused(R"({"kind":"rest_status","status":200})", "status cannot be 200", "from 400 to 599");
  refused(R"({"kind":"drop_type","type":""})", "type cannot be \"\"", "MESSAGE_CREATE");
  EXPECT_EQ(http(server_->control_port(), "POST", "/control/faults/clear").first, 200);
}

}  // namespace
}  // namespace evergate::sim
