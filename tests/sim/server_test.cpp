// The simulator over real sockets: a gateway client of net's against its own server, on loopback.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "served_gateway.h"

namespace evergate::sim {
namespace {

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
