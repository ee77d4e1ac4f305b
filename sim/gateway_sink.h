// Where the core's frames go: the server's sockets, or a test's lists. Called on the core's thread, from
// inside calls into the core; must not call back into it.
#pragma once

#include <cstdint>
#include <string_view>

#include "sim/fault.h"
#include "sim/session.h"

namespace evergate::sim {

class gateway_sink {
 public:
  virtual ~gateway_sink() = default;
  /// One payload, in up to three pieces that belong together.
  virtual void send(connection_id to, std::string_view head, std::string_view body,
                    std::string_view tail) = 0;
  virtual void close(connection_id to, std::uint16_t code, std::string_view reason) = 0;
  /// Ends the TCP connection without a close frame.
  virtual void drop(connection_id to) = 0;
  /// The client reads slower than we write.
  [[nodiscard]] virtual bool congested(connection_id to) const = 0;
  /// Spoils the connection's bytes or socket; false when it cannot (split_message without zlib-stream, or a
  /// sink that has no such thing). After half_open and stall the core sends nothing more by itself.
  virtual bool damage(connection_id, enum damage) { return false; }
};

}  // namespace evergate::sim
