#include <fmt/format.h>

#include <algorithm>

#include "journal/apply.h"
#include "journal/guild_document.h"
#include "journal/json_splice.h"
#include "proto/json_view.h"

namespace evergate::journal {
namespace {

void update_guild(guild_document& guild, std::string_view d) {
  for (proto::object_cursor at(d); at.next();) {
    // guild_id is there at times, but not part of the guild; availability is GUILD_CREATE's to say.
    if (at.key() == "guild_id" || at.key() == "unavailable") continue;
    guild.set(at.key(), at.value());
  }
}

void replace_array(guild_document& guild, std::string_view key, std::string_view d) {
  const auto value = proto::member(d, key);
  if (value.starts_with('[')) guild.set(key, value);
}

void upsert(guild_document& guild, guild_array which, std::string_view element) {
  auto& list = guild.list(which);
  list.put(id_of(element, list.place()), guild.keep(std::string(element)));
}

void erase(guild_document& guild, guild_array which, std::string_view id) {
  guild.list(which).erase(proto::snowflake_of(id));
}

// Strips a deleted role from the members that had it.
void delete_role(guild_document& guild, proto::snowflake role) {
  guild.list(guild_array::roles).erase(role);
  const auto digits = fmt::format("{}", role);
  guild.list(guild_array::members).rewrite([&](std::string_view member) {
    if (member.find(digits) == std::string_view::npos) return member;
    std::string kept = "[";
    bool had = false;
    for (proto::array_cursor at(proto::member(member, "roles")); at.next();) {
      if (proto::snowflake_of(at.value()) == role) {
        had = true;
        continue;
      }
      if (kept.size() > 1) kept += ',';
      kept.append(at.value());
    }
    kept += ']';
    return had ? guild.keep(with(member, "roles", kept)) : member;
  });
}

void put_scheduled_event(guild_document& guild, std::string_view d) {
  constexpr std::int64_t completed = 3;
  constexpr std::int64_t cancelled = 4;
  const auto status = proto::integer_of(proto::member(d, "status"));
  if (status == completed || status == cancelled) {
    erase(guild, guild_array::guild_scheduled_events, proto::member(d, "id"));
  } else {
    upsert(guild, guild_array::guild_scheduled_events, d);
  }
}

void count_event_user(guild_document& guild, std::string_view d, std::int64_t amount) {
  auto& events = guild.list(guild_array::guild_scheduled_events);
  const auto id = proto::snowflake_of(proto::member(d, "guild_scheduled_event_id"));
  const auto event = events.find(id);
  const auto count = proto::integer_of(proto::member(event, "user_count"));
  if (!count) return;
  events.put(id, guild.keep(with(event, "user_count",
                                 fmt::format("{}", std::max<std::int64_t>(0, *count + amount)))));
}

}  // namespace

bool apply_guild(guild_document& guild, proto::event_type type, std::string_view d) {
  using enum proto::event_type;
  switch (type) {
    case guild_update:
      update_guild(guild, d);
      return true;
    case guild_role_create:
    case guild_role_update:
      upsert(guild, guild_array::roles, proto::member(d, "role"));
      return true;
    case guild_role_delete:
      delete_role(guild, proto::snowflake_of(proto::member(d, "role_id")));
      return true;
    case guild_emojis_update:
      replace_array(guild, "emojis", d);
      return true;
    case guild_stickers_update:
      replace_array(guild, "stickers", d);
      return true;
    case soundboard_sounds:
      replace_array(guild, "soundboard_sounds", d);
      return true;
    case guild_soundboard_sound_create:
    case guild_soundboard_sound_update:
      upsert(guild, guild_array::soundboard_sounds, d);
      return true;
    case guild_soundboard_sound_delete:
      erase(guild, guild_array::soundboard_sounds, proto::member(d, "sound_id"));
      return true;
    case guild_soundboard_sounds_update:
      for (proto::array_cursor at(proto::member(d, "soundboard_sounds")); at.next();) {
        upsert(guild, guild_array::soundboard_sounds, at.value());
      }
      return true;
    case stage_instance_create:
    case stage_instance_update:
      upsert(guild, guild_array::stage_instances, d);
      return true;
    case stage_instance_delete:
      erase(guild, guild_array::stage_instances, proto::member(d, "id"));
      return true;
    case guild_scheduled_event_create:
    case guild_scheduled_event_update:
      put_scheduled_event(guild, d);
      return true;
    case guild_scheduled_event_delete:
      erase(guild, guild_array::guild_scheduled_events, proto::member(d, "id"));
      return true;
    case guild_scheduled_event_user_add:
      count_event_user(guild, d, 1);
      return true;
    case guild_scheduled_event_user_remove:
      count_event_user(guild, d, -1);
      return true;
    default:
      return false;
  }
}

}  // namespace evergate::journal
