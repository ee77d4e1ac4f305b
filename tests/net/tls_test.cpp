#include "net/tls.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "harness.h"
#include "net/errc.h"
#include "net/http_client.h"

namespace evergate::net {
namespace {

using test::recorder;
using test::running_loop;

class tls_test : public ::testing::Test {
 protected:
  void listen(const tls_server_options& server_options, base::milliseconds head_timeout = base::seconds(10)) {
    listen_options options;
    options.limits.head_timeout = head_timeout;
    context_ = *tls_context::server(server_options);
    options.tls = context_;
    auto made = http_server::listen({&*loop_}, options, [this](std::unique_ptr<http_exchange> e) {
      if (!e->request().upgrade_websocket) return e->respond({200, {}, "over TLS"});
      sockets_.push_back(e->accept_websocket(server_, {}, base::milliseconds(0)));
    });
    ASSERT_TRUE(made) << made.error().text();
    http_ = std::move(*made);
  }
  [[nodiscard]] tls_server_options own(const std::string& name) const {
    return {.certificate_file = files_.file(name + ".crt"), .key_file = files_.file(name + ".key")};
  }
  /// How connecting ends: success, or the failure.
  base::error connect(const std::string& ca, const std::string& host = "localhost") {
    recorder client;
    const auto tls = *tls_context::client({.ca_file = files_.file(ca)});
    const auto target = *parse_url(fmt::format("wss://{}:{}/", host, http_->port()));
    std::unique_ptr<websocket> socket;
    loop_.call([&] { socket = websocket::connect(*loop_, target, tls, {}, client, 1); });
    const auto r = client.record.wait([](const test::ws_record& now) { return now.open || now.closes > 0; });
    loop_.call([&] { socket.reset(); });
    return r.how.failure;
  }
  void TearDown() override {
    loop_.call([this] { sockets_.clear(); });
    http_.reset();
  }

  test::certificates files_;
  recorder server_;
  std::vector<std::unique_ptr<websocket>> sockets_;
  std::shared_ptr<tls_context> context_;
  std::unique_ptr<http_server> http_;
  running_loop loop_;
};

TEST_F(tls_test, a_good_certificate_is_accepted_by_name_and_address) {
  listen(own("server"));
  EXPECT_FALSE(connect("ca.crt").code);
  EXPECT_FALSE(connect("ca.crt", "127.0.0.1").code);
}

TEST_F(tls_test, an_unknown_authority_is_refused) {
  listen(own("server"));
  const auto why = connect("other_ca.crt");
  EXPECT_EQ(why.code, errc::tls_failed) << why.text();
  EXPECT_NE(why.text().find("certificate"), std::string::npos) << why.text();
}

TEST_F(tls_test, another_hosts_certificate_is_refused) {
  listen(own("elsewhere"));
  EXPECT_EQ(connect("ca.crt").code, errc::tls_failed);
  const auto why = connect("ca.crt", "127.0.0.1");
  EXPECT_EQ(why.code, errc::tls_failed);
  EXPECT_NE(why.text().find("mismatch"), std::string::npos) << why.text();
}

TEST_F(tls_test, plain_bytes_to_a_tls_port_do_no_harm) {
  listen(own("server"));
  test::raw_client raw(http_->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(raw.read_to_end().find("HTTP"), std::string::npos);
  EXPECT_FALSE(connect("ca.crt").code);
}

TEST_F(tls_test, a_handshake_that_stalls_is_cut_off) {
  listen(own("server"), base::milliseconds(30));
  test::raw_client raw(http_->port());
  raw.send(std::string_view("\x16\x03\x01\x02", 4));
  EXPECT_EQ(raw.read_to_end(), "");
}

TEST_F(tls_test, a_client_certificate_can_be_demanded) {
  auto options = own("server");
  options.client_ca_file = files_.file("ca.crt");
  listen(options);
  recorder client;
  const auto tls = *tls_context::client({.ca_file = files_.file("ca.crt")});
  const auto target = *parse_url(fmt::format("wss://localhost:{}/", http_->port()));
  std::unique_ptr<websocket> socket;
  loop_.call([&] { socket = websocket::connect(*loop_, target, tls, {}, client, 1); });
  EXPECT_TRUE(client.await_closed().failure.code);
  EXPECT_FALSE(client.record.get().open);
  loop_.call([&] { socket.reset(); });
}

TEST_F(tls_test, reload_serves_the_new_certificate_and_keeps_the_old_on_failure) {
  listen(own("server"));
  EXPECT_FALSE(connect("ca.crt").code);
  files_.issue("server", "other_ca", "DNS:localhost");
  EXPECT_FALSE(connect("ca.crt").code) << "not before reload()";
  ASSERT_TRUE(context_->reload());
  EXPECT_TRUE(connect("ca.crt").code);
  EXPECT_FALSE(connect("other_ca.crt").code);
  std::ofstream(files_.file("server.crt")) << "no certificate";
  const auto failed = context_->reload();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, errc::bad_certificate_file);
  EXPECT_NE(failed.error().text().find("server.crt"), std::string::npos);
  EXPECT_FALSE(connect("other_ca.crt").code) << "the last good one stays";
}

TEST_F(tls_test, unusable_files_are_named) {
  EXPECT_NE(tls_context::client({.ca_file = files_.file("absent.crt")}).error().text().find("absent.crt"),
            std::string::npos);
  auto mixed = own("server");
  mixed.key_file = files_.file("elsewhere.key");
  const auto got = tls_context::server(mixed);
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().text().find("elsewhere.key"), std::string::npos) << got.error().text();
}

TEST_F(tls_test, the_http_client_checks_certificates_too) {
  listen(own("server"));
  const auto fetch = [this](const std::string& ca) {
    http_client client({.ca_file = files_.file(ca)});
    std::promise<base::result<http_response>> promise;
    client.fetch(*loop_, {.url = fmt::format("https://localhost:{}/", http_->port())},
                 [&promise](base::result<http_response> got) { promise.set_value(std::move(got)); });
    return promise.get_future().get();
  };
  const auto good = fetch("ca.crt");
  ASSERT_TRUE(good) << good.error().text();
  EXPECT_EQ(good->body, "over TLS");
  EXPECT_EQ(fetch("other_ca.crt").error().code, errc::tls_failed);
}

}  // namespace
}  // namespace evergate::net
