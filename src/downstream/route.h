// Where a request goes, told by its path: the REST shim, our own pages, the pass-through to Discord, or a
// WebSocket. A leading `/c/NAME` chooses the consumer. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace evergate::downstream {

struct route {
  enum class kind : std::uint8_t {
    gateway,      ///< GET /gateway
    gateway_bot,  ///< GET /gateway/bot
    health,
    ack,      ///< POST /c/NAME/ack: an explicit acknowledgement
    rest,     ///< everything else under /api, /v9 or /v10: `rest` is what follows the base, with its query
    unknown,  ///< nothing of ours; a WebSocket upgrade is taken at any path
    bad_consumer,
  };
  kind what = kind::unknown;
  std::string consumer = "main";
  std::string prefix;  ///< "/c/NAME" when the path had it, else empty
  std::string rest;
};

[[nodiscard]] route route_of(std::string_view target);

}  // namespace evergate::downstream
