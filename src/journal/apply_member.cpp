#include "journal/apply.h"
#include "journal/guild_document.h"
#include "journal/json_splice.h"
#include "proto/json_view.h"

namespace evergate::journal {
namespace {

proto::snowflake user_of(std::string_view d) {
  return id_of(d, id_place::user);
}

// Without guild_id, as in GUILD_CREATE's array. A member that is there already is a repeat and not counted.
void add_member(guild_document& guild, std::string_view d) {
  auto& members = guild.list(guild_array::members);
  const auto user = user_of(d);
  if (user == 0) return;
  if (members.find(user).empty()) guild.add("member_count", 1);
  members.put(user, guild.keep(without(d, {"guild_id"})));
}

void update_member(guild_document& guild, std::string_view d) {
  auto& members = guild.list(guild_array::members);
  const auto user = user_of(d);
  const auto known = members.find(user);
  members.put(user, guild.keep(known.empty() ? without(d, {"guild_id"}) : merged(known, d, {"guild_id"})));
}

void remove_member(guild_document& guild, std::string_view d) {
  const auto user = user_of(d);
  if (user == 0) return;
  guild.list(guild_array::members).erase(user);
  guild.list(guild_array::presences).erase(user);
  guild.list(guild_array::voice_states).erase(user);
  guild.add("member_count", -1);
}

void put_presence(guild_document& guild, std::string_view presence) {
  auto& presences = guild.list(guild_array::presences);
  const auto user = user_of(presence);
  if (proto::member(presence, "status") == "\"offline\"") {
    presences.erase(user);
  } else {
    presences.put(user, guild.keep(without(presence, {"guild_id"})));
  }
}

void add_chunk(guild_document& guild, std::string_view d) {
  auto& members = guild.list(guild_array::members);
  for (proto::array_cursor at(proto::member(d, "members")); at.next();) {
    members.put(user_of(at.value()), guild.keep(without(at.value(), {"guild_id"})));
  }
  for (proto::array_cursor at(proto::member(d, "presences")); at.next();) put_presence(guild, at.value());
}

// A voice state brings its member along, which a new bot needs as well (GUILD_CREATE lists who is in voice).
// The array's own elements have neither guild_id nor member.
void put_voice_state(guild_document& guild, std::string_view d) {
  auto& states = guild.list(guild_array::voice_states);
  const auto user = proto::snowflake_of(proto::member(d, "user_id"));
  const auto channel = proto::member(d, "channel_id");
  if (channel.empty() || channel == "null") {
    states.erase(user);
  } else {
    states.put(user, guild.keep(without(d, {"guild_id", "member"})));
    const auto member = proto::member(d, "member");
    if (user != 0 && user_of(member) == user) update_member(guild, member);
  }
}

}  // namespace

bool apply_member(guild_document& guild, proto::event_type type, std::string_view d) {
  using enum proto::event_type;
  switch (type) {
    case guild_member_add:
      add_member(guild, d);
      return true;
    case guild_member_update:
      update_member(guild, d);
      return true;
    case guild_member_remove:
      remove_member(guild, d);
      return true;
    case guild_members_chunk:
      add_chunk(guild, d);
      return true;
    case presence_update:
      put_presence(guild, d);
      return true;
    case voice_state_update:
      put_voice_state(guild, d);
      return true;
    default:
      return false;
  }
}

}  // namespace evergate::journal
