// A blob's rows and counters put in the order of their guilds, so that those of one guild are found without
// looking at all the others. Four bytes each; of a blob that stays where it is only by its header. Immutable
// once made.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "journal/event_blob.h"

namespace evergate::journal {

class guild_order {
 public:
  explicit guild_order(const blob_view& blob);

  /// Numbers of the guild's rows, ascending. `blob` is the one that this was made of.
  [[nodiscard]] std::span<const std::uint32_t> rows(const blob_view& blob, proto::snowflake guild) const;
  [[nodiscard]] std::span<const std::uint32_t> counters(const blob_view& blob, proto::snowflake guild) const;

 private:
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> counters_;
};

}  // namespace evergate::journal
