// Reads the journal for the program that embeds the library: dispatches for gateway_events::dispatch, and
// replies to what this program has asked. Owned by the application; on the event thread only. Holds one
// batch.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>

#include "app/event_thread.h"
#include "app/member_requests.h"
#include "base/log.h"
#include "evergate/gateway_events.h"
#include "flow/journal.h"

namespace evergate::app {

/// The downstream session that this program is to the reply table.
inline constexpr std::uint32_t embedded_session = std::numeric_limits<std::uint32_t>::max();

class dispatch_reader {
 public:
  /// Everything outlives it; `dispatch` may be empty.
  dispatch_reader(flow::event_source& events, const std::function<void(const dispatch_event&)>& dispatch,
                  member_requests& requests, event_thread& thread, base::logger& log)
      : events_(events), dispatch_(dispatch), requests_(requests), thread_(thread), log_(log) {}

  void begin(flow::offset after) noexcept { position_ = after; }
  /// Works off one batch; true when there may be more.
  [[nodiscard]] bool step();

 private:
  void take(const flow::event_batch& batch, const flow::event_row& row);

  flow::event_source& events_;
  const std::function<void(const dispatch_event&)>& dispatch_;
  member_requests& requests_;
  event_thread& thread_;
  base::logger& log_;
  flow::offset position_{};
  bool retries_ = false;
};

}  // namespace evergate::app
