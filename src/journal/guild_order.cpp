#include "journal/guild_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace evergate::journal {
namespace {

template <class Guild>
std::vector<std::uint32_t> sorted(std::uint32_t count, const Guild& guild_of) {
  std::vector<std::uint32_t> out(count);
  std::iota(out.begin(), out.end(), 0U);
  std::ranges::sort(out, {}, [&guild_of](std::uint32_t i) { return std::pair(guild_of(i), i); });
  return out;
}

template <class Guild>
std::span<const std::uint32_t> those_of(const std::vector<std::uint32_t>& all, proto::snowflake guild,
                                        const Guild& guild_of) {
  const auto found = std::ranges::equal_range(all, guild, {}, guild_of);
  return {found.begin(), found.end()};
}

auto by_row(const blob_view& blob) {
  return [&blob](std::uint32_t i) { return blob.guild(i); };
}

auto by_counter(const blob_view& blob) {
  return [&blob](std::uint32_t i) { return blob.counter(i).guild; };
}

}  // namespace

guild_order::guild_order(const blob_view& blob)
    : rows_(sorted(blob.header().rows, by_row(blob))),
      counters_(sorted(blob.header().counters, by_counter(blob))) {}

std::span<const std::uint32_t> guild_order::rows(const blob_view& blob, proto::snowflake guild) const {
  return those_of(rows_, guild, by_row(blob));
}

std::span<const std::uint32_t> guild_order::counters(const blob_view& blob, proto::snowflake guild) const {
  return those_of(counters_, guild, by_counter(blob));
}

}  // namespace evergate::journal
