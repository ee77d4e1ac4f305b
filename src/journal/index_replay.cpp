#include "journal/index_replay.h"

#include "journal/round_preparer.h"

namespace evergate::journal {
namespace {

// A version newer than the gap carries the mark itself.
void mark_reconcile(guild_entry_state& entry, std::uint64_t offset) {
  const bool known_later = !entry.versions.empty() && entry.versions.back().as_of >= offset;
  if (!known_later && entry.state() == guild_state::available) entry.reconcile = true;
}

}  // namespace

void apply_action(guild_index& index, const index_action& action, std::uint64_t blob,
                  std::uint64_t keep_from) {
  switch (action.what) {
    case index_action::kind::note:
      index.note(action.guild, blob, action.offset, action.bytes, action.effect,
                 action.effect == guild_effect::available, keep_from);
      return;
    case index_action::kind::await:
      index.await(action.guild, blob, action.offset, keep_from);
      return;
    case index_action::kind::reconcile:
      if (auto* const entry = index.find(action.guild); entry != nullptr)
        mark_reconcile(*entry, action.offset);
      return;
  }
}

void replay_blob(guild_index& index, const blob_view& blob, std::uint64_t keep_from) {
  const auto first = blob.header().first;
  std::uint32_t counter = 0;
  const auto counters_before = [&](std::uint64_t offset) {
    for (; counter < blob.header().counters; ++counter) {
      const auto one = blob.counter(counter);
      if (one.offset.value >= offset) break;
      index.note(one.guild, first, one.offset.value, sizeof(one), guild_effect::none, false, keep_from);
    }
  };
  for (std::uint32_t i = 0; i < blob.header().rows; ++i) {
    const auto row = blob.row(i);
    counters_before(row.offset.value);
    if (concerns_mirror(row)) {
      const auto effect = blob.effect(i);
      index.note(row.guild, first, row.offset.value, row.size, effect, effect == guild_effect::available,
                 keep_from);
    } else if (row.type == proto::event_type::session_started) {
      if ((row.flags & flow::row_flag::known_guilds) != 0) continue;
      const auto listed = guilds_of_ready(blob.data(row));
      for (const auto id : listed.value_or(std::vector<proto::snowflake>())) {
        index.await(id, first, row.offset.value, keep_from);
      }
    } else if (row.type == proto::event_type::gap && row.shard_count != 0) {
      const proto::shard_key shard{row.shard, row.shard_count};
      index.each([&](proto::snowflake id, guild_entry_state& entry) {
        if (shard.owns(id)) mark_reconcile(entry, row.offset.value);
      });
    }
  }
  counters_before(~std::uint64_t{0});
}

}  // namespace evergate::journal
