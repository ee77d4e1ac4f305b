// Finds who asked for an event that is a reply, and puts each asker's own nonce back where ours stands.
// Owned by an intake; its thread only. The table behind it is shared and bounded.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/command.h"
#include "proto/event_type.h"

namespace evergate::pipeline {

/// A reply and what is to be delivered of it to one of its askers.
struct matched_reply {
  std::uint32_t target = 0;  ///< downstream session; 0 = nobody is left who asked
  std::string_view d;        ///< as it came, or with the asker's nonce, valid until the next call
};

class reply_matcher {
 public:
  explicit reply_matcher(flow::reply_table& table) noexcept : table_(table) {}

  /// GUILD_MEMBERS_CHUNK and RATE_LIMITED whose nonce is ours, once for each asker; nothing for all else. The
  /// last chunk, and RATE_LIMITED, end the request.
  [[nodiscard]] std::span<const matched_reply> by_nonce(proto::event_type type, std::string_view d);

  /// The op whose replies carry no nonce and are matched by guild: 31 for SOUNDBOARD_SOUNDS, 43 for
  /// CHANNEL_INFO, 0 for all else.
  [[nodiscard]] static constexpr int op_by_guild(proto::event_type type) noexcept {
    if (type == proto::event_type::soundboard_sounds) return 31;
    if (type == proto::event_type::channel_info) return 43;
    return 0;
  }

 private:
  static constexpr std::size_t keep_bytes = std::size_t{1} << 20;

  flow::reply_table& table_;
  std::vector<matched_reply> found_;
  std::vector<std::string> spliced_;  ///< one an asker; kept between calls up to keep_bytes
};

}  // namespace evergate::pipeline
