// Asks `GET /gateway/bot` until it answers, with backoff; a refused token ends it. Owned by the fleet, on its
// control loop's thread. One request at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/secret.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "proto/backoff.h"
#include "upstream/gateway_info.h"

namespace evergate::upstream {

struct gateway_info_options {
  std::string rest_base = "https://discord.com/api";  ///< `/v10/gateway/bot` is appended
  base::milliseconds timeout{15'000};
  proto::backoff_options backoff;
};

class gateway_info_fetch {
 public:
  using on_done = std::move_only_function<void(base::result<gateway_info>)>;

  /// All references must outlive it.
  gateway_info_fetch(net::event_loop& loop, net::http_client& http, gateway_info_options options,
                     const base::secret& token, base::logger& log, std::uint64_t seed);
  ~gateway_info_fetch();
  gateway_info_fetch(const gateway_info_fetch&) = delete;
  gateway_info_fetch& operator=(const gateway_info_fetch&) = delete;

  /// Calls `done` once: with the answer, with errc::unauthorized, or — when `persist` is false — with the
  /// first failure. A fetch under way is replaced.
  void start(bool persist, on_done done);
  void stop();
  [[nodiscard]] bool running() const noexcept { return static_cast<bool>(done_); }

 private:
  void ask();
  void on_response(base::result<net::http_response> response);
  void failed(base::error why, base::milliseconds least_delay);
  void finish(base::result<gateway_info> how);

  net::event_loop& loop_;
  net::http_client& http_;
  const gateway_info_options options_;
  const base::secret& token_;
  base::logger& log_;
  base::rng chance_;
  proto::backoff backoff_;
  net::timer pause_;
  bool persist_ = true;
  on_done done_;
  std::shared_ptr<std::uint64_t> round_;  ///< answers of earlier rounds are ignored
};

}  // namespace evergate::upstream
