// What net's tests share: a loop in a thread, awaiting what happens there, recording WebSocket handlers, and
// certificates made for the test.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "net/event_loop.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "net/url.h"
#include "net/websocket.h"

namespace evergate::net::test {

/// A loop running in its own thread until destroyed.
class running_loop {
 public:
  running_loop() : thread_([this] { loop_.run(); }) {}
  ~running_loop() {
    loop_.stop();
    thread_.join();
  }
  event_loop& operator*() { return loop_; }

  /// Runs `work` on the loop and hands its result back.
  template <class Work>
  auto call(Work work) {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
    auto result = task.get_future();
    loop_.post([&task] { task(); });
    return result.get();
  }

 private:
  event_loop loop_;
  std::thread thread_;
};

/// A value guarded for tests: wait() blocks until the condition holds (a minute at most, then the test
/// fails).
template <class T>
class watched {
 public:
  template <class Change>
  void change(Change change_it) {
    {
      const std::scoped_lock lock(mutex_);
      change_it(value_);
    }
    changed_.notify_all();
  }
  template <class Condition>
  T wait(Condition holds) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, std::chrono::minutes(1), [&] { return holds(value_); });
    EXPECT_TRUE(came) << "what was waited for did not happen";
    return value_;
  }
  T get() {
    const std::scoped_lock lock(mutex_);
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

struct ws_record {
  bool open = false;
  std::vector<std::string> messages;
  std::vector<ws_opcode> kinds;
  int read_ends = 0;
  int drained = 0;
  int closes = 0;
  ws_closed how;
};

/// Records what a connection hears; `react` runs on the loop after each message.
class recorder : public ws_handler {
 public:
  void on_open() override {
    record.change([](ws_record& r) { r.open = true; });
    if (opened) opened();
  }
  void on_message(ws_opcode kind, std::string_view payload) override {
    record.change([&](ws_record& r) {
      r.kinds.push_back(kind);
      r.messages.emplace_back(payload);
    });
    if (react) react(kind, payload);
  }
  void on_read_end() override {
    record.change([](ws_record& r) { ++r.read_ends; });
  }
  void on_drained() override {
    record.change([](ws_record& r) { ++r.drained; });
  }
  void on_closed(const ws_closed& how) override {
    record.change([&](ws_record& r) {
      ++r.closes;
      r.how = how;
    });
    if (closed) closed();
  }

  ws_closed await_closed() {
    return record.wait([](const ws_record& r) { return r.closes > 0; }).how;
  }
  std::vector<std::string> await_messages(std::size_t count) {
    return record.wait([count](const ws_record& r) { return r.messages.size() >= count; }).messages;
  }
  void await_open() {
    record.wait([](const ws_record& r) { return r.open; });
  }

  watched<ws_record> record;
  std::function<void()> opened;
  std::function<void(ws_opcode, std::string_view)> react;
  std::function<void()> closed;
};

/// A certificate authority, a server certificate for localhost and 127.0.0.1, one for another host, a client
/// certificate and a second authority, in a directory of their own.
class certificates {
 public:
  certificates();
  ~certificates();
  [[nodiscard]] std::string file(const std::string& name) const { return (directory_ / name).string(); }
  /// Writes NAME.crt and NAME.key signed by CA, for `subject_alternatives`.
  void issue(const std::string& name, const std::string& ca, const std::string& subject_alternatives) const;
  void make_authority(const std::string& name) const;

 private:
  std::filesystem::path directory_;
};

/// A blocking TCP client for raw bytes on loopback.
class raw_client {
 public:
  explicit raw_client(std::uint16_t port);
  ~raw_client();
  void send(std::string_view bytes) const;
  /// One read; empty at the end of the stream or a reset.
  [[nodiscard]] std::string read_some() const;
  [[nodiscard]] std::string read_until(std::string_view text);
  [[nodiscard]] std::string read_to_end();
  void shut_writing() const;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

inline constexpr std::string_view upgrade_head =
    "GET /path HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

}  // namespace evergate::net::test
