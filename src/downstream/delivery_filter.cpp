#include "downstream/delivery_filter.h"

namespace evergate::downstream {

using proto::event_type;

bool deliverable(const flow::event_row& row, const filter_key& key) noexcept {
  if ((row.flags & flow::row_flag::internal) != 0) return false;
  if (row.type == event_type::ready || row.type == event_type::resumed) return false;
  if (row.type == event_type::interaction_create) return false;
  if (row.type >= event_type::session_started) return false;
  if ((row.flags & flow::row_flag::reply) != 0) return row.target != 0 && row.target == key.session;
  if (!key.lane.owns(row.guild)) return false;
  const bool self = (row.flags & flow::row_flag::self) != 0;
  if (row.type == event_type::thread_members_update) {
    if ((key.intents & proto::intent::guild_members) != 0) return true;
    return self && (key.intents & proto::intent::guilds) != 0;
  }
  if (self) return true;
  const auto& info = proto::info_of(row.type);
  const bool direct = row.guild == 0 && info.dm_intents != 0;
  const auto wanted = direct ? info.dm_intents : info.guild_intents;
  return wanted == 0 || (wanted & key.intents) != 0;
}

bool interaction_for(const flow::event_row& row, const filter_key& key) noexcept {
  return row.type == event_type::interaction_create && (row.flags & flow::row_flag::internal) == 0 &&
         key.lane.owns(row.guild);
}

}  // namespace evergate::downstream
