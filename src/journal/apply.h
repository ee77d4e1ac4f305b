// What each event does to a guild document, by event family: the rows of discord-gateway.md §4, column
// "Apply". Each returns whether the event belongs to its family. `d` is one well-formed object; what it lacks
// is left alone. Pure.
#pragma once

#include <string_view>

#include "flow/event_batch.h"
#include "proto/event_type.h"

namespace evergate::journal {

class guild_document;

/// GUILD_UPDATE, roles, emojis, stickers, sounds, stage instances, scheduled events.
bool apply_guild(guild_document& guild, proto::event_type type, std::string_view d);
/// Channels and pins.
bool apply_channel(guild_document& guild, proto::event_type type, std::string_view d);
bool apply_thread(guild_document& guild, proto::event_type type, std::string_view d);
/// Members, presences, voice states.
bool apply_member(guild_document& guild, proto::event_type type, std::string_view d);
void apply_counter(guild_document& guild, const flow::counter_row& counter);

}  // namespace evergate::journal
