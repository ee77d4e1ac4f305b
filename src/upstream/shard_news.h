// What happens to a shard's connection, as told to whoever listens: values. Nothing of it is on the way of an
// event.
#pragma once

#include <cstdint>
#include <string_view>

namespace evergate::upstream {

struct shard_news {
  enum class kind : std::uint8_t {
    connecting,
    connected,  ///< the WebSocket is open
    hello,
    identifying,
    resuming,
    ready,
    resumed,
    heartbeat,
    heartbeat_ack,
    invalid_session,      ///< `resumable`
    requested_reconnect,  ///< op 7
    disconnected,         ///< `code`, `by_us`, `why`
  };
  kind what = kind::connecting;
  bool resumable = false;
  bool by_us = false;            ///< we ended the connection
  std::uint16_t code = 0;        ///< of the close frame; 1006 = there was none, 0 = dropped by us without one
  std::string_view why{};        ///< a literal, for example "zombie"; empty when Discord closed
  std::int64_t latency_us = -1;  ///< with heartbeat_ack
};

}  // namespace evergate::upstream
