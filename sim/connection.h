// One client's socket as the core sees it: what it asked for, its session, and its send window. Private to
// the core; one thread; bounded by sends_max.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "sim/discord.h"

namespace evergate::sim {

struct discord::connection {
  connection_id id = 0;
  gateway_request request;
  session* owner = nullptr;
  std::int64_t opened_ms = 0;
  std::int64_t heard_ms = 0;          ///< last heartbeat, or when HELLO went
  std::int64_t close_at_ms = 0;       ///< after op 7; 0 = never
  std::int64_t beat_asked_ms = 0;     ///< op 1 was sent and no beat has come; 0 = none
  std::deque<std::int64_t> sends_ms;  ///< of the last window
  std::deque<std::int64_t> presences_ms;
  bool greeted = true;   ///< it got a HELLO: beats are due
  bool muted = false;    ///< half open: nothing more goes out
  bool stalled = false;  ///< and nothing is read
  bool deaf = false;     ///< a false length has swallowed what follows: no op 1 is heard
  bool closing = false;  ///< a close was sent: nothing more goes out or is read

  [[nodiscard]] std::string transport() const {
    return "v=" + request.version + "&encoding=" + request.encoding + "&compress=" + request.compress;
  }
};

}  // namespace evergate::sim
