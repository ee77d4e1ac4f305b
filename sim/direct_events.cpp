// What happens in direct messages besides new ones: no guild, shard 0, and intents of their own.
#include <algorithm>

#include "sim/event_mix.h"

namespace evergate::sim {
namespace {

struct direct_kind {
  std::string_view wanted;
  std::string_view type;
  intent_bits intents;
};

constexpr direct_kind direct_kinds[] = {
    {"DIRECT_MESSAGE_DELETE", "MESSAGE_DELETE", intent::dm_messages},
    {"DIRECT_PINS", "CHANNEL_PINS_UPDATE", intent::dm_messages},
    {"DIRECT_REACTION", "MESSAGE_REACTION_ADD", intent::dm_reactions},
    {"DIRECT_REACTION_REMOVE", "MESSAGE_REACTION_REMOVE", intent::dm_reactions},
    {"DIRECT_TYPING", "TYPING_START", intent::dm_typing},
    {"DIRECT_POLL_VOTE", "MESSAGE_POLL_VOTE_ADD", intent::dm_polls},
};

void write_reaction(json_writer& json, snowflake message, bool added) {
  json.number("type", 0);
  json.id("message_id", message);
  if (added) json.id("message_author_id", message);
  json.raw("emoji", R"({"name":"👍","id":null})");
  json.boolean("burst", false);
}

}  // namespace

bool event_mix::direct_other(guild& g) {
  const auto* kind = std::ranges::find(direct_kinds, wanted_, &direct_kind::wanted);
  if (kind == std::end(direct_kinds)) return false;
  const snowflake message = new_id();
  json_writer json = begin(kind->type, 0, 0, kind->intents);
  if (kind->intents != intent::dm_messages) json.id("user_id", g.owner);
  if (kind->type == "MESSAGE_DELETE") json.id("id", message);
  if (kind->type == "CHANNEL_PINS_UPDATE") json.time("last_pin_timestamp", now_ms_);
  if (kind->type == "TYPING_START") json.number("timestamp", now_ms_ / 1000);
  if (kind->intents == intent::dm_reactions)
    write_reaction(json, message, kind->type == "MESSAGE_REACTION_ADD");
  if (kind->intents == intent::dm_polls) {
    json.id("message_id", message);
    json.number("answer_id", 1);
  }
  json.id("channel_id", mix(g.owner) >> 1);
  end();
  return true;
}

}  // namespace evergate::sim
