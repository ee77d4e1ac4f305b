#include "journal/guild_index.h"

#include <algorithm>

namespace evergate::journal {
namespace {

guild_state after(guild_effect effect) {
  switch (effect) {
    case guild_effect::available:
      return guild_state::available;
    case guild_effect::unavailable:
      return guild_state::unavailable;
    case guild_effect::removed:
      return guild_state::removed;
    case guild_effect::none:
      break;
  }
  return guild_state::unknown;
}

}  // namespace

guild_state guild_entry_state::state_at(std::uint64_t as_of) const noexcept {
  for (auto at = history.rbegin(); at != history.rend(); ++at) {
    if (at->offset <= as_of) return at->state;
  }
  return guild_state::unknown;
}

const guild_version* guild_entry_state::version_at(std::uint64_t as_of) const noexcept {
  for (auto at = versions.rbegin(); at != versions.rend(); ++at) {
    if (at->as_of <= as_of) return &*at;
  }
  return nullptr;
}

const guild_entry_state* guild_index::find(proto::snowflake guild) const {
  const auto found = guilds_.find(guild);
  return found == guilds_.end() ? nullptr : &found->second;
}

guild_entry_state* guild_index::find(proto::snowflake guild) {
  const auto found = guilds_.find(guild);
  return found == guilds_.end() ? nullptr : &found->second;
}

void guild_index::move(guild_entry_state& at, std::uint64_t offset, guild_state state) {
  if (at.state() == state) return;
  if (at.state() == guild_state::awaiting) --awaiting_;
  if (state == guild_state::awaiting) ++awaiting_;
  at.history.push_back({offset, state});
}

// While rebuilding: a transition older than the newest version goes to its place.
void guild_index::insert(guild_entry_state& at, std::uint64_t offset, guild_state state) {
  const auto place = std::ranges::upper_bound(at.history, offset, {}, &guild_entry_state::transition::offset);
  at.history.insert(place, {offset, state});
}

void guild_index::load(proto::snowflake guild, const guild_version& version, bool reconcile) {
  auto& at = entry(guild);
  at.versions.push_back(version);
  move(at, version.as_of, version.state);
  at.newest_row = std::max(at.newest_row, version.as_of);
  if (version.raw_bytes != 0) at.document_bytes = version.raw_bytes;
  at.reconcile = reconcile;
}

void guild_index::note(proto::snowflake guild, std::uint64_t blob, std::uint64_t offset, std::uint64_t bytes,
                       guild_effect effect, bool whole, std::uint64_t keep_from) {
  const bool appears = effect == guild_effect::available || effect == guild_effect::unavailable;
  auto* at = find(guild);
  if (at == nullptr) {
    if (!appears) return;  // not a guild of ours as far as Discord has said
    at = &entry(guild);
  }
  const auto* const base = at->version_at(keep_from);
  if (base != nullptr && offset <= base->as_of) return;
  if (at->state() == guild_state::removed && !appears && offset > at->history.back().offset) return;
  if (at->pending.empty() || at->pending.back() < blob) {
    at->pending.push_back(blob);
    ++at->pending_blobs;
  }
  const bool newer = at->versions.empty() || offset > at->versions.back().as_of;
  if (newer) {
    at->pending_bytes += bytes;
    if (whole)
      at->document_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, ~std::uint32_t{0}));
  }
  at->newest_row = std::max(at->newest_row, offset);
  if (effect == guild_effect::none) return;
  if (newer || at->history.empty() || offset > at->history.back().offset) {
    // A newer version has the mark as it was then.
    if (newer) at->reconcile = false;
    move(*at, offset, after(effect));
  } else {
    insert(*at, offset, after(effect));
  }
}

void guild_index::await(proto::snowflake guild, std::uint64_t blob, std::uint64_t offset,
                        std::uint64_t keep_from) {
  auto& at = entry(guild);
  // While rebuilding, what came later is known already from the guild's versions.
  const auto before = at.state_at(offset);
  if (before != guild_state::unknown && before != guild_state::removed) return;
  const auto* const base = at.version_at(keep_from);
  if (base != nullptr && offset <= base->as_of) return;
  if (at.pending.empty() || at.pending.back() < blob) {
    at.pending.push_back(blob);
    ++at.pending_blobs;
  }
  at.newest_row = std::max(at.newest_row, offset);
  if (at.versions.empty() || offset > at.versions.back().as_of) {
    move(at, offset, guild_state::awaiting);
  } else {
    insert(at, offset, guild_state::awaiting);
  }
}

std::vector<std::uint64_t> guild_index::superseded(proto::snowflake guild, std::optional<std::uint64_t> added,
                                                   std::uint64_t keep_from) const {
  std::vector<std::uint64_t> out;
  const auto* const at = find(guild);
  if (at == nullptr) return out;
  std::uint64_t base = 0;
  std::uint64_t newest = 0;
  const auto look = [&](std::uint64_t as_of) {
    if (as_of <= keep_from) base = std::max(base, as_of);
    newest = std::max(newest, as_of);
  };
  for (const auto& version : at->versions) look(version.as_of);
  if (added) look(*added);
  for (const auto& version : at->versions) {
    if (version.as_of != base && version.as_of != newest) out.push_back(version.as_of);
  }
  return out;
}

void guild_index::add_version(proto::snowflake guild, const guild_version& version) {
  auto* const at = find(guild);
  if (at == nullptr) return;
  const auto place = std::ranges::lower_bound(at->versions, version.as_of, {}, &guild_version::as_of);
  if (place != at->versions.end() && place->as_of == version.as_of) {
    *place = version;
  } else {
    at->versions.insert(place, version);
  }
  if (version.raw_bytes != 0) at->document_bytes = version.raw_bytes;
  // What has come since the version was taken starts the count anew; rows in between are few.
  if (at->versions.back().as_of == version.as_of) {
    at->pending_bytes = 0;
    at->pending_blobs = 0;
  }
  at->queued = false;
}

void guild_index::drop_version(proto::snowflake guild, std::uint64_t as_of) {
  auto* const at = find(guild);
  if (at != nullptr)
    std::erase_if(at->versions, [as_of](const guild_version& one) { return one.as_of == as_of; });
}

bool guild_index::gone(proto::snowflake guild, std::uint64_t keep_from) const {
  const auto* const at = find(guild);
  return at != nullptr && at->state() == guild_state::removed && at->history.back().offset <= keep_from;
}

void guild_index::trim(proto::snowflake guild, std::uint64_t keep_from) {
  auto* const at = find(guild);
  if (at == nullptr) return;
  const auto* const base = at->version_at(keep_from);
  if (base == nullptr) return;
  // A blob is past use when the next pending one already starts at or before the base's successor.
  std::size_t drop = 0;
  while (drop + 1 < at->pending.size() && at->pending[drop + 1] <= base->as_of + 1) ++drop;
  if (drop + 1 == at->pending.size() && at->newest_row <= base->as_of) ++drop;
  at->pending.erase(at->pending.begin(), at->pending.begin() + static_cast<std::ptrdiff_t>(drop));
  while (at->history.size() > 1 && at->history[1].offset <= base->as_of)
    at->history.erase(at->history.begin());
}

bool guild_index::covered(proto::snowflake guild, std::uint64_t offset, std::uint64_t keep_from) const {
  const auto* const at = find(guild);
  if (at == nullptr) return true;
  const auto* const base = at->version_at(keep_from);
  if (base != nullptr && base->as_of >= offset) return true;
  if (at->newest_row != 0 && base != nullptr && base->as_of >= at->newest_row) return true;
  return gone(guild, keep_from);
}

void guild_index::drop_blobs(proto::snowflake guild, std::uint64_t first) {
  auto* const at = find(guild);
  if (at != nullptr) std::erase_if(at->pending, [first](std::uint64_t one) { return one <= first; });
}

void guild_index::mark_unavailable(proto::snowflake guild, std::uint64_t offset) {
  auto* const at = find(guild);
  if (at != nullptr && at->newest_row <= offset) move(*at, offset, guild_state::unavailable);
}

void guild_index::forget(proto::snowflake guild) {
  const auto found = guilds_.find(guild);
  if (found == guilds_.end()) return;
  if (found->second.state() == guild_state::awaiting) --awaiting_;
  guilds_.erase(found);
}

}  // namespace evergate::journal
