// A bot by hand: a WebSocket client on a loop of its own thread whose frames a test awaits one by one.
// Understands every transport; remembers the last sequence. Deadlines end a test that would hang.
#pragma once

#include <zlib.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

#include "net/websocket.h"
#include "proto/compression.h"

namespace evergate::downstream::testing {

class loop_thread {
 public:
  loop_thread() : thread_([this] { loop_.run(); }) {}
  ~loop_thread() {
    loop_.stop();
    thread_.join();
  }
  net::event_loop& loop() { return loop_; }
  template <class Work>
  auto call(Work work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto done = task.get_future();
    loop_.post([&task] { task(); });
    return done.get();
  }

 private:
  net::event_loop loop_;
  std::thread thread_;
};

class raw_bot final : public net::ws_handler {
 public:
  using json = nlohmann::json;

  raw_bot(loop_thread& thread, const std::string& url,
          proto::compression transport = proto::compression::none)
      : thread_(thread) {
    if (transport != proto::compression::none) inflater_ = proto::inflater::make(transport);
    thread_.call([&] {
      net::ws_options options;
      options.read_bytes = 16 * 1024;
      socket_ = net::websocket::connect(thread_.loop(), *net::parse_url(url), nullptr, options, *this, 7);
    });
  }
  ~raw_bot() override {
    thread_.call([&] { socket_.reset(); });
  }

  void say(const std::string& text, net::ws_opcode kind = net::ws_opcode::text) {
    thread_.call([&] { socket_->send(kind, text); });
  }
  void say(const json& frame) { say(frame.dump()); }
  void beat() { say(json{{"op", 1}, {"d", seq ? json(*seq) : json(nullptr)}}); }
  void identify(json more = {}) {
    json d = {{"token", "MTA.x.y"}, {"intents", 33281}, {"properties", {{"browser", "discord.js"}}}};
    d.update(more);
    say(json{{"op", 2}, {"d", d}});
  }
  void resume(const std::string& session, std::int64_t at) {
    say(json{{"op", 6}, {"d", {{"token", "MTA.x.y"}, {"session_id", session}, {"seq", at}}}});
  }
  void close(std::uint16_t code) {
    thread_.call([&] { socket_->close(code); });
  }
  void cut() {
    thread_.call([&] { socket_->abort(); });
  }
  void pause(bool paused) {
    thread_.call([&] { socket_->pause_reading(paused); });
  }

  /// The next frame, whatever it is; null when the connection ended or 20 s passed.
  json next() {
    std::unique_lock lock(mutex_);
    if (!news_.wait_for(lock, std::chrono::seconds(20), [this] { return !frames_.empty() || closed_; }))
      return nullptr;
    if (frames_.empty()) return nullptr;
    auto out = std::move(frames_.front());
    frames_.pop_front();
    if (out["s"].is_number()) seq = out["s"];
    return out;
  }
  /// The next frame with that op, others thrown away.
  json next_op(int op) {
    while (true) {
      auto out = next();
      if (out.is_null() || out["op"] == op) return out;
    }
  }
  /// The next dispatch of that name.
  json next_event(const std::string& name) {
    while (true) {
      auto out = next();
      if (out.is_null() || out["t"] == name) return out;
    }
  }
  /// Identifies and reads READY and the guilds; returns READY's d.
  json start(json more = {}) {
    identify(std::move(more));
    auto ready = next_event("READY")["d"];
    for (std::size_t i = 0; i < ready["guilds"].size(); ++i) next();
    return ready;
  }
  net::ws_closed wait_closed() {
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, std::chrono::seconds(20), [this] { return closed_.has_value(); });
    return closed_.value_or(net::ws_closed{.code = 0, .reason = {}, .failure = {}});
  }
  bool binary_only() {
    const std::scoped_lock lock(mutex_);
    return texts_ == 0;
  }
  std::size_t waiting() {
    const std::scoped_lock lock(mutex_);
    return frames_.size();
  }

  std::optional<std::int64_t> seq;

  void on_message(net::ws_opcode kind, std::string_view payload) override {
    const std::scoped_lock lock(mutex_);
    std::string text;
    if (inflater_) {
      text = inflater_->feed(payload).value_or("null");
    } else if (kind == net::ws_opcode::binary) {
      text.resize(1 << 20);
      uLongf size = text.size();
      ::uncompress(reinterpret_cast<Bytef*>(text.data()), &size,
                   reinterpret_cast<const Bytef*>(payload.data()), payload.size());
      text.resize(size);
    } else {
      text = payload;
    }
    if (kind == net::ws_opcode::text) ++texts_;
    frames_.push_back(json::parse(text, nullptr, false));
    news_.notify_all();
  }
  void on_closed(const net::ws_closed& how) override {
    const std::scoped_lock lock(mutex_);
    closed_ = how;
    news_.notify_all();
  }

 private:
  loop_thread& thread_;
  std::unique_ptr<net::websocket> socket_;
  std::unique_ptr<proto::inflater> inflater_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<json> frames_;
  std::optional<net::ws_closed> closed_;
  int texts_ = 0;
};

}  // namespace evergate::downstream::testing
