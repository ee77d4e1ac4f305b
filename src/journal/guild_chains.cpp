#include "journal/guild_chains.h"

#include <algorithm>
#include <bit>

namespace evergate::journal {

template <class Guild>
guild_chains::chains::chains(std::uint32_t count, const Guild& guild_of) : next(count) {
  const auto places = std::bit_ceil(std::max(count, 2U) / 2 + 1);
  heads.assign(places, none);
  shift = 64 - std::countr_zero(places);
  for (auto i = count; i-- > 0;) {
    auto& head = heads[place(guild_of(i))];
    next[i] = head;
    head = i;
  }
}

guild_chains::guild_chains(const blob_view& blob)
    : rows_(blob.header().rows, [&blob](std::uint32_t i) { return blob.guild(i); }),
      counters_(blob.header().counters, [&blob](std::uint32_t i) { return blob.counter(i).guild; }) {}

}  // namespace evergate::journal
