// What the targets inflate_zlib and inflate_zstd share: messages drawn from the input go through an inflater
// under drawn limits, and payloads through a deflater and back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "proto/compression.h"

namespace evergate::fuzz {

/// Everything the messages inflate to, one after the other; nothing when one of them was refused. Judges the
/// limits: a payload's size and ratio, and that no payload follows an error.
inline std::optional<std::string> inflate_all(proto::compression kind, const proto::inflate_limits& limits,
                                              const std::vector<std::string_view>& messages) {
  const auto inflater = proto::inflater::make(kind, limits);
  std::string out;
  std::size_t pending = 0;  // compressed bytes since a payload came
  bool failed = false;
  for (const auto message : messages) {
    const auto payload = inflater->feed(message);
    base::check(!failed || !payload, "after an error every call fails");
    if (!payload) {
      failed = true;
      continue;
    }
    pending += message.size();
    base::check(payload->size() <= limits.payload_bytes_max, "no payload past its limit");
    base::check(payload->size() <= (1 << 20) || payload->size() / limits.ratio_max <= pending,
                "no payload past its ratio");
    out += *payload;
    if (!payload->empty() || kind == proto::compression::zstd_stream) pending = 0;
  }
  if (failed) return std::nullopt;
  return out;
}

/// What comes out of our deflater comes out of our inflater as it went in.
inline void round_trip(proto::compression kind, const std::vector<std::string_view>& payloads) {
  const auto deflater = proto::deflater::make(kind);
  const auto inflater = proto::inflater::make(kind);
  std::string message;
  for (const auto payload : payloads) {
    message.clear();
    deflater->compress(payload, message);
    const auto back = inflater->feed(message);
    base::check(back && *back == payload, "what was deflated is inflated");
  }
}

inline proto::inflate_limits drawn_limits(input& in) {
  proto::inflate_limits limits;
  constexpr std::size_t sizes[] = {std::size_t{8} << 20, 100, 5'000, 1 << 20};
  limits.payload_bytes_max = in.pick(sizes);
  constexpr std::size_t ratios[] = {200, 1, 20};
  limits.ratio_max = in.pick(ratios);
  constexpr int windows[] = {23, 10, 17};
  limits.window_log_max = in.pick(windows);
  return limits;
}

inline std::vector<std::string_view> drawn_messages(input& in) {
  std::vector<std::string_view> out;
  while (!in.empty()) out.push_back(in.text());
  return out;
}

}  // namespace evergate::fuzz
