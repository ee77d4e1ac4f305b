// Passes REST requests on to Discord as they are: streamed both ways with back-pressure, rate-limit headers
// and bodies untouched, always to the one configured host. One per loop, on it; bounded by body_bytes_max
// and by the HTTP client's own number of transfers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace evergate::downstream {

struct rest_proxy_options {
  std::string base;  ///< without a trailing '/'
  std::size_t body_bytes_max = std::size_t{128} << 20;
  base::milliseconds timeout{60'000};
};

class rest_proxy {
 public:
  rest_proxy(net::http_client& client, rest_proxy_options options, base::logger& log);
  ~rest_proxy();
  rest_proxy(const rest_proxy&) = delete;
  rest_proxy& operator=(const rest_proxy&) = delete;

  /// `rest` is the path below the base, with its query.
  void forward(std::unique_ptr<net::http_exchange> exchange, std::string_view rest);
  /// Cancels what is under way.
  void close();

  /// Headers that may travel on: no hop-by-hop ones, nor those that `Connection` names, nor Host.
  [[nodiscard]] static std::vector<net::http_header> end_to_end(const std::vector<net::http_header>& headers);

 private:
  class passage;

  net::http_client& client_;
  const rest_proxy_options options_;
  base::logger& log_;
  std::unordered_set<std::shared_ptr<passage>> passages_;
};

}  // namespace evergate::downstream
