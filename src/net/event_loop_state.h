// What an event_loop is made of, for net's own files: Asio's io_context, the tasks put off to the end of the
// turn, the buffers that the loop's connections share, and the addresses that names last had.
// Loop's thread only, save io, thread and running. Bounds: handlers_per_turn, spares_max, names_max.
#pragma once

#include <time.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/event_loop.h"

namespace evergate::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

struct event_loop::state {
  using on_resolved = std::function<void(const boost::system::error_code& failed,
                                         const std::vector<tcp::endpoint>& addresses)>;

  static constexpr int handlers_per_turn = 128;
  static constexpr int defer_rounds_per_turn = 16;
  static constexpr std::size_t spares_max = 4;
  static constexpr std::size_t spare_bytes_max = std::size_t{4} << 20;
  static constexpr std::size_t names_max = 256;
  static constexpr std::size_t addresses_max = 16;

  /// A buffer for one read, valid until the next call; nobody keeps it over a callback.
  [[nodiscard]] std::span<char> scratch(std::size_t bytes) {
    if (scratch_bytes < bytes) {
      scratch_buffer = std::make_unique_for_overwrite<char[]>(bytes);
      scratch_bytes = bytes;
    }
    return {scratch_buffer.get(), bytes};
  }

  /// Large output buffers between two uses: whichever connection has much to send next takes one, instead of
  /// growing its own from nothing. Empty when none is there.
  [[nodiscard]] std::string take_spare() noexcept {
    if (spares.empty()) return {};
    auto out = std::move(spares.back());
    spares.pop_back();
    return out;
  }
  void give_spare(std::string buffer) {
    if (spares.size() == spares_max || buffer.capacity() > spare_bytes_max) return;
    buffer.clear();
    spares.push_back(std::move(buffer));
  }

  void run_deferred();
  /// Calls `done` in a later turn with at most addresses_max addresses. Names under way are not asked for
  /// twice.
  void resolve(const std::string& host, std::uint16_t port, on_resolved done);

  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::atomic<std::thread::id> thread;
  std::atomic<clockid_t> cpu_clock{no_clock};  ///< of the loop's thread
  static constexpr clockid_t no_clock = CLOCK_MONOTONIC;
  bool stopping = false;
  std::vector<task> deferred;
  std::vector<task> deferred_running;
  std::unique_ptr<char[]> scratch_buffer;
  std::size_t scratch_bytes = 0;
  std::vector<std::string> spares;
  /// Made at the first resolve, since it starts a thread.
  std::optional<tcp::resolver> resolver;
  /// Who waits for "host:port". The resolver asks for one name after the other, so each is asked for once,
  /// however many connections want it: a dead name server then holds up few requests, not one a shard.
  std::unordered_map<std::string, std::vector<on_resolved>> resolving;
  /// "host:port" to the addresses that worked last, the best first.
  std::unordered_map<std::string, std::vector<tcp::endpoint>> last_good;
};

}  // namespace evergate::net
