// The frames of ours that are no events. `s` and `t` are always there as null: seyfert and discordeno copy
// an absent `s` into their heartbeats.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/clock.h"

namespace evergate::downstream::frames {

inline constexpr std::string_view heartbeat_ack = R"({"t":null,"s":null,"op":11,"d":null})";
inline constexpr std::string_view heartbeat_request = R"({"t":null,"s":null,"op":1,"d":null})";
inline constexpr std::string_view invalid_session = R"({"t":null,"s":null,"op":9,"d":false})";
inline constexpr std::string_view reconnect = R"({"t":null,"s":null,"op":7,"d":null})";

[[nodiscard]] inline std::string hello(base::milliseconds interval) {
  return fmt::format(R"({{"t":null,"s":null,"op":10,"d":{{"heartbeat_interval":{},"_trace":["evergate"]}}}})",
                     interval.count());
}

}  // namespace evergate::downstream::frames
