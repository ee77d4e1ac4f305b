#include "test_gateway.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "proto/envelope.h"
#include "proto/json_view.h"

namespace evergate::upstream {

struct test_gateway::peer final : net::ws_handler {
  explicit peer(test_gateway& g) : gateway(g) {}

  void on_message(net::ws_opcode, std::string_view payload) override { gateway.on_frame(*this, payload); }
  void on_closed(const net::ws_closed& how) override {
    gateway.note(how.clean ? fmt::format("close {}", how.code) : "dropped");
    for (auto& [id, s] : gateway.sessions_) {
      if (s.at == this) s.at = nullptr;
    }
    gateway.loop_.post(
        [this] { std::erase_if(gateway.peers_, [this](const auto& p) { return p.get() == this; }); });
  }
  void send(std::string_view payload) {
    if (deflater == nullptr) {
      socket->send(net::ws_opcode::text, payload);
      return;
    }
    std::string out;
    deflater->compress(payload, out);
    socket->send(net::ws_opcode::binary, out);
  }

  test_gateway& gateway;
  std::unique_ptr<net::websocket> socket;
  std::unique_ptr<proto::deflater> deflater;
};

test_gateway::test_gateway(settings s) : settings_(s) {
  auto made = net::http_server::listen(
      {&loop_}, {}, [this](std::unique_ptr<net::http_exchange> e) { answer(std::move(e)); });
  if (!made) ADD_FAILURE() << made.error().text();
  server_ = std::move(*made);
  thread_ = std::thread([this] { loop_.run(); });
}

test_gateway::~test_gateway() {
  run([this] {
    peers_.clear();
    server_.reset();
  });
  loop_.stop();
  thread_.join();
}

void test_gateway::run(std::function<void()> work) {
  std::mutex m;
  std::condition_variable cv;
  bool done = false;
  loop_.post([&] {
    work();
    const std::scoped_lock lock(m);
    done = true;
    cv.notify_one();
  });
  std::unique_lock lock(m);
  cv.wait(lock, [&] { return done; });
}

std::string test_gateway::rest_base() const {
  return fmt::format("http://127.0.0.1:{}/api/", server_->port());
}

std::string test_gateway::ws_base(const char* path) const {
  return fmt::format("ws://127.0.0.1:{}{}", server_->port(), path);
}

void test_gateway::answer(std::unique_ptr<net::http_exchange> exchange) {
  const auto& request = exchange->request();
  if (!request.upgrade_websocket) {
    note("rest " + std::string(request.path()));
    net::http_response response;
    response.status = settings_.rest_failures-- > 0 ? 503 : settings_.rest_status;
    if (request.header("Authorization") != "Bot secret-token") response.status = 401;
    response.body =
        fmt::format(R"({{"url":"{}","shards":{},"session_start_limit":{{"total":1000,"remaining":{},)"
                    R"("reset_after":3600000,"max_concurrency":{}}}}})",
                    ws_base("/gw?keep=1"), settings_.shards, settings_.remaining, settings_.max_concurrency);
    exchange->respond(std::move(response));
    return;
  }
  if (settings_.upgrade_refusals > 0) {
    --settings_.upgrade_refusals;
    note("refused");
    exchange->respond({429, {}, "error code: 1015"});
    return;
  }
  auto made = std::make_unique<peer>(*this);
  {
    const std::scoped_lock lock(mutex_);
    targets_.push_back(request.target);
  }
  const auto kind = proto::compression_of(request.query_parameter("compress").value_or(""))
                        .value_or(proto::compression::none);
  if (kind != proto::compression::none) made->deflater = proto::deflater::make(kind);
  made->socket = exchange->accept_websocket(*made, {}, base::milliseconds{0});
  made->send(greeting_.empty()
                 ? fmt::format(R"({{"op":10,"d":{{"heartbeat_interval":{}}},"s":null,"t":null}})",
                               settings_.heartbeat_interval_ms)
                 : greeting_);
  greeting_.clear();
  peers_.insert(std::move(made));
}

void test_gateway::dispatch(session& to, std::string_view t, const std::string& d) {
  ++to.seq;
  to.sent.push_back(fmt::format(R"({{"t":"{}","s":{},"op":0,"d":{}}})", t, to.seq, d));
  if (to.at != nullptr) to.at->send(to.sent.back());
}

void test_gateway::on_frame(peer& from, std::string_view frame) {
  const auto scanned = proto::scan_envelope(frame);
  ASSERT_TRUE(scanned) << frame;
  const auto d = scanned->d;
  if (scanned->op == 1) {
    note("beat " + std::string(d));
    if (settings_.acknowledges) from.send(R"({"op":11})");
    return;
  }
  if (scanned->op == 2) {
    proto::array_cursor shard(proto::member(d, "shard"));
    shard.next();
    const auto id = static_cast<std::uint32_t>(proto::integer_of(shard.value()).value_or(0));
    shard.next();
    const auto count = static_cast<std::uint32_t>(proto::integer_of(shard.value()).value_or(0));
    const auto name = fmt::format("session-{}", next_session_++);
    auto& s = sessions_[name];
    s.shard = {id, count};
    s.at = &from;
    note(fmt::format("identify {}/{}", id, count));
    note("identify_frame " + std::string(frame));
    dispatch(s, "READY",
             fmt::format(R"({{"session_id":"{}","resume_gateway_url":"{}"}})", name, ws_base("/resume")));
    return;
  }
  if (scanned->op == 6) {
    const auto name = proto::decoded_string(proto::member(d, "session_id")).value_or("");
    const auto seq = proto::integer_of(proto::member(d, "seq")).value_or(-1);
    const auto found = sessions_.find(name);
    if (found == sessions_.end() || seq < 0 || seq > found->second.seq) {
      note("resume_refused " + name);
      from.send(R"({"op":9,"d":false})");
      return;
    }
    auto& s = found->second;
    note(fmt::format("resume {}/{} seq {}", s.shard.id, s.shard.count, seq));
    s.at = &from;
    for (auto i = static_cast<std::size_t>(seq); i < s.sent.size(); ++i) from.send(s.sent[i]);
    dispatch(s, "RESUMED", "{}");
    return;
  }
  note("frame " + std::string(frame));
}

test_gateway::session* test_gateway::of_shard(std::uint32_t shard) {
  for (auto& [name, s] : sessions_) {
    if (s.shard.id == shard && s.at != nullptr) return &s;
  }
  return nullptr;
}

void test_gateway::emit(std::uint32_t shard, int count, const std::string& d) {
  run([&] {
    for (auto& [name, s] : sessions_) {
      if (s.shard.id != shard) continue;
      for (int i = 0; i < count; ++i) dispatch(s, "MESSAGE_CREATE", d);
    }
  });
}

void test_gateway::send_raw(std::uint32_t shard, std::string payload) {
  run([&] {
    if (auto* s = of_shard(shard)) s->at->send(payload);
  });
}

void test_gateway::send_bytes(std::uint32_t shard, std::string bytes) {
  run([&] {
    if (auto* s = of_shard(shard)) s->at->socket->send(net::ws_opcode::binary, bytes);
  });
}

void test_gateway::close(std::uint32_t shard, std::uint16_t code) {
  run([&] {
    if (auto* s = of_shard(shard)) s->at->socket->close(code);
  });
}

void test_gateway::drop(std::uint32_t shard) {
  run([&] {
    if (auto* s = of_shard(shard)) s->at->socket->abort();
  });
}

void test_gateway::instead_of_hello(std::string payload) {
  run([&] { greeting_ = std::move(payload); });
}

void test_gateway::note(std::string line) {
  const std::scoped_lock lock(mutex_);
  log_.push_back(std::move(line));
  changed_.notify_all();
}

std::vector<std::string> test_gateway::log() const {
  const std::scoped_lock lock(mutex_);
  return log_;
}

std::vector<std::string> test_gateway::targets() const {
  const std::scoped_lock lock(mutex_);
  return targets_;
}

std::size_t test_gateway::count(std::string_view line_start) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(log_, [&](const std::string& line) { return line.starts_with(line_start); }));
}

bool test_gateway::await(std::string_view line_start, std::size_t count) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(30), [&] {
    return static_cast<std::size_t>(std::ranges::count_if(
               log_, [&](const std::string& line) { return line.starts_with(line_start); })) >= count;
  });
}

}  // namespace evergate::upstream
