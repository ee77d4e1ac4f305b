// evergate-floor: the least a gateway proxy can do for an event: receive, decrypt, inflate, one copy, a
// coalesced send. No scan, journal, mirror, numbering or framing. It holds one session and passes its
// payloads to the one client that connects. Prints {"port":N} when that client may come. Measured beside the
// daemon by run.py.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "net/http_server.h"
#include "net/websocket.h"
#include "proto/compression.h"

namespace {

using namespace evergate;

class client final : public net::ws_handler {
 public:
  std::unique_ptr<net::websocket> socket;
  net::websocket* upstream = nullptr;

  void on_message(net::ws_opcode, std::string_view) override {}
  void on_drained() override { upstream->pause_reading(false); }
  void on_closed(const net::ws_closed&) override {}
};

class session final : public net::ws_handler {
 public:
  session(client& to, proto::compression kind, std::string identify)
      : to_(to), inflater_(proto::inflater::make(kind)), identify_(std::move(identify)) {}

  std::unique_ptr<net::websocket> socket;

  void on_message(net::ws_opcode, std::string_view message) override {
    const auto payload = inflater_->feed(message);
    if (!payload) return fail("a broken stream");
    if (payload->empty()) return;
    if (!greeted_) {
      greeted_ = true;
      return socket->send(net::ws_opcode::text, identify_);
    }
    if (to_.socket) to_.socket->output() += *payload;
  }
  void on_read_end() override {
    if (!to_.socket) return;
    to_.socket->output_ready();
    if (to_.socket->congested()) socket->pause_reading(true);
  }
  void on_closed(const net::ws_closed& how) override { fail(how.reason); }

 private:
  [[noreturn]] static void fail(std::string_view why) {
    fmt::print(stderr, "evergate-floor: {}\n", why);
    std::exit(1);
  }

  client& to_;
  std::unique_ptr<proto::inflater> inflater_;
  std::string identify_;
  bool greeted_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The floor that the benchmark measures the daemon against."};
  std::string gateway;
  std::string ca_file;
  std::string codec;
  std::string token;
  std::uint64_t intents = 0;
  app.add_option("--gateway", gateway, "ws:// or wss:// URL, with its query")->required();
  app.add_option("--ca", ca_file, "PEM file, for wss");
  app.add_option("--codec", codec, "zstd-stream, zlib-stream or none")->required();
  app.add_option("--token", token)->required();
  app.add_option("--intents", intents)->required();
  CLI11_PARSE(app, argc, argv);

  net::event_loop loop;
  client out;
  const auto kind = proto::compression_of(codec == "none" ? "" : codec);
  const auto target = net::parse_url(gateway);
  if (!kind || !target) return 2;
  std::shared_ptr<net::tls_context> tls;
  if (target->secure()) {
    auto made = net::tls_context::client({.ca_file = ca_file});
    if (!made) return 2;
    tls = *made;
  }
  session in(out, *kind,
             fmt::format(R"({{"op":2,"d":{{"token":"{}","intents":{},"shard":[0,1],"properties":{{}}}}}})",
                         token, intents));
  auto accept = [&](std::unique_ptr<net::http_exchange> exchange) {
    out.upstream = in.socket.get();
    out.socket = exchange->accept_websocket(out, {}, base::milliseconds{0});
    fmt::print("{{\"client\":true}}\n");
    std::fflush(stdout);
  };
  auto server = net::http_server::listen({&loop}, {}, accept);
  if (!server) return 2;
  in.socket = net::websocket::connect(loop, *target, tls, {}, in, 1);
  fmt::print("{{\"port\":{}}}\n", (*server)->port());
  std::fflush(stdout);
  loop.run();
}
