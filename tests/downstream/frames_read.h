// Takes server frames apart again, for tests that look at what was written into an output buffer.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "net/websocket_codec.h"

namespace evergate::downstream::testing {

struct seen_frame {
  net::ws_opcode kind = net::ws_opcode::text;
  std::string payload;
};

inline std::vector<seen_frame> frames_in(std::string_view bytes) {
  net::ws_decoder decoder(net::ws_role::client, {});
  std::vector<seen_frame> out;
  while (!bytes.empty()) {
    const auto space = decoder.prepare(bytes.size());
    const auto count = std::min(space.size(), bytes.size());
    std::copy_n(bytes.begin(), count, space.begin());
    decoder.commit(count);
    bytes.remove_prefix(count);
    net::ws_decoder::item item;
    while (decoder.next(item) == net::ws_decoder::outcome::item)
      out.push_back({item.opcode, std::string(item.payload)});
  }
  return out;
}

inline std::vector<nlohmann::json> json_in(std::string_view bytes) {
  std::vector<nlohmann::json> out;
  for (const auto& one : frames_in(bytes)) out.push_back(nlohmann::json::parse(one.payload));
  return out;
}

}  // namespace evergate::downstream::testing
