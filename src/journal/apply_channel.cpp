#include <fmt/format.h>

#include <algorithm>

#include "journal/apply.h"
#include "journal/guild_document.h"
#include "journal/json_splice.h"
#include "proto/json_view.h"

namespace evergate::journal {
namespace {

// Replaced whole: an obfuscated channel must not keep what the bot may no longer see. Without guild_id, as
// GUILD_CREATE has its channels.
void put_channel(guild_document& guild, std::string_view d) {
  guild.list(guild_array::channels)
      .put(proto::snowflake_of(proto::member(d, "id")), guild.keep(without(d, {"guild_id"})));
}

void delete_channel(guild_document& guild, std::string_view d) {
  const auto id = proto::snowflake_of(proto::member(d, "id"));
  if (id == 0) return;
  guild.list(guild_array::channels).erase(id);
  guild.list(guild_array::threads).rewrite([id](std::string_view thread) {
    return proto::snowflake_of(proto::member(thread, "parent_id")) == id ? std::string_view() : thread;
  });
}

void set_pins(guild_document& guild, std::string_view d) {
  const auto id = proto::snowflake_of(proto::member(d, "channel_id"));
  auto time = proto::member(d, "last_pin_timestamp");
  if (time.empty()) time = "null";
  for (const auto which : {guild_array::channels, guild_array::threads}) {
    auto& list = guild.list(which);
    const auto found = list.find(id);
    if (!found.empty()) list.put(id, guild.keep(with(found, "last_pin_timestamp", time)));
  }
}

std::string add_to(std::string object, std::string_view key, std::int64_t amount) {
  const auto count = proto::integer_of(proto::member(object, key));
  if (amount == 0 || !count) return object;
  return with(object, key, fmt::format("{}", std::max<std::int64_t>(0, *count + amount)));
}

}  // namespace

bool apply_channel(guild_document& guild, proto::event_type type, std::string_view d) {
  using enum proto::event_type;
  switch (type) {
    case channel_create:
    case channel_update:
      put_channel(guild, d);
      return true;
    case channel_delete:
      delete_channel(guild, d);
      return true;
    case channel_pins_update:
      set_pins(guild, d);
      return true;
    default:
      return false;
  }
}

void apply_counter(guild_document& guild, const flow::counter_row& counter) {
  const auto moved = [&](std::string_view object) {
    return counter.message == 0 ? std::string(object)
                                : with(object, "last_message_id", fmt::format("\"{}\"", counter.message));
  };
  auto& channels = guild.list(guild_array::channels);
  if (const auto channel = channels.find(counter.channel); !channel.empty()) {
    channels.put(counter.channel, guild.keep(moved(channel)));
    return;
  }
  auto& threads = guild.list(guild_array::threads);
  const auto thread = threads.find(counter.channel);
  if (thread.empty()) return;
  threads.put(counter.channel, guild.keep(add_to(add_to(moved(thread), "message_count", counter.added),
                                                 "total_message_sent", counter.added_total)));
}

}  // namespace evergate::journal
