// A blob's rows and counters chained by their guilds, so that those of one guild are found without looking at
// all the others. At most 8 bytes each; of a blob that stays where it is only by its header. Immutable
// once made.
#pragma once

#include <cstdint>
#include <vector>

#include "journal/event_blob.h"

namespace evergate::journal {

class guild_chains {
 public:
  explicit guild_chains(const blob_view& blob);

  /// Calls `visit(number)` for each of the guild's rows, ascending. `blob` is the one that this was made of.
  template <class Visit>
  void each_row(const blob_view& blob, proto::snowflake guild, const Visit& visit) const {
    for (auto i = rows_.first(guild); i != none; i = rows_.next[i]) {
      if (blob.guild(i) == guild) visit(i);
    }
  }
  /// Calls `visit(counter)` for each of the guild's counters, in their order.
  template <class Visit>
  void each_counter(const blob_view& blob, proto::snowflake guild, const Visit& visit) const {
    for (auto i = counters_.first(guild); i != none; i = counters_.next[i]) {
      if (const auto counter = blob.counter(i); counter.guild == guild) visit(counter);
    }
  }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  // One chain for all guilds of the same hash.
  struct chains {
    std::vector<std::uint32_t> heads;
    std::vector<std::uint32_t> next;
    int shift = 0;

    template <class Guild>
    chains(std::uint32_t count, const Guild& guild_of);
    [[nodiscard]] std::size_t place(proto::snowflake guild) const noexcept {
      return (guild * 0x9e37'79b9'7f4a'7c15) >> shift;
    }
    [[nodiscard]] std::uint32_t first(proto::snowflake guild) const noexcept { return heads[place(guild)]; }
  };

  chains rows_;
  chains counters_;
};

}  // namespace evergate::journal
