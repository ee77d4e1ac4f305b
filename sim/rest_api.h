// The few REST routes that a bot library needs to start and answer, without I/O: a request comes in as text,
// an answer goes out. Every call is recorded. One thread; records bounded by rest_calls_max.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "sim/discord.h"
#include "sim/http_reply.h"

namespace evergate::sim {

class rest_api {
 public:
  explicit rest_api(discord& core) : core_(core) {}

  /// `path` without the query; below /api, /api/v9 or /api/v10.
  [[nodiscard]] http_reply handle(std::string_view method, std::string_view path,
                                  std::string_view authorization, std::string_view body, std::int64_t now_ms);

  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }
  /// {"routes":{route:count},"calls":[…]}
  void write(std::string& out) const;

 private:
  struct call {
    std::int64_t at_ms = 0;
    std::string method;
    std::string route;
    std::string path;
    std::string body;
    unsigned status = 0;
  };

  http_reply answer(std::string_view method, std::string_view path, bool authorized, std::string_view body,
                    std::int64_t now_ms, std::string& route);
  [[nodiscard]] http_reply gateway_bot(std::int64_t now_ms);
  [[nodiscard]] http_reply post_message(std::string_view channel, std::string_view body, std::int64_t now_ms);
  [[nodiscard]] http_reply put_commands(std::string_view body);

  discord& core_;
  std::deque<call> kept_;
  std::map<std::string, std::uint64_t> by_route_;
  std::uint64_t calls_ = 0;
};

}  // namespace evergate::sim
