// Which events are still due to a guild when a consumer has changed its number of lanes: the older layouts,
// frozen when the newest took force. Immutable; shared by the lanes of a consumer.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "flow/journal.h"
#include "proto/snowflake.h"

namespace evergate::downstream {

class due {
 public:
  due() = default;
  explicit due(std::vector<flow::layout_record> older) : older_(std::move(older)) {
    for (const auto& layout : older_) {
      for (const auto at : layout.cursors) settled_ = std::max(settled_, at);
      for (const auto at : layout.interactions) interactions_settled_ = std::max(interactions_settled_, at);
    }
  }

  /// Past this every event is due whatever its guild.
  [[nodiscard]] flow::offset settled() const noexcept { return settled_; }

  /// The guild's events past this offset (and past its lane's cursor in the newest layout) are due.
  [[nodiscard]] flow::offset from(proto::snowflake guild) const noexcept {
    flow::offset out;
    for (const auto& layout : older_) {
      out = std::max(out, layout.cursors[static_cast<std::size_t>((guild >> 22) % layout.lanes)]);
    }
    return out;
  }

  /// The same two for INTERACTION_CREATE, which has a position of its own.
  [[nodiscard]] flow::offset interactions_settled() const noexcept { return interactions_settled_; }
  [[nodiscard]] flow::offset interactions_from(proto::snowflake guild) const noexcept {
    flow::offset out;
    for (const auto& layout : older_) {
      if (layout.interactions.empty()) continue;
      out = std::max(out, layout.interactions[static_cast<std::size_t>((guild >> 22) % layout.lanes)]);
    }
    return out;
  }

  [[nodiscard]] const std::vector<flow::layout_record>& older() const noexcept { return older_; }

 private:
  std::vector<flow::layout_record> older_;
  flow::offset settled_;
  flow::offset interactions_settled_;
};

}  // namespace evergate::downstream
