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

std::string moved(std::string object, std::string_view key, bool moves, const counted_steps& by) {
  const auto count = proto::integer_of(proto::member(object, key));
  if (!moves || !count) return object;
  return with(object, key, fmt::format("{}", by.from(*count)));
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

counted counted_of(const flow::counter_row& first) {
  counted out;
  out.channel = first.channel;
  count_on(out, first);
  return out;
}

void count_on(counted& to, const flow::counter_row& next) {
  if (next.message != 0) to.message = next.message;
  if (next.added != 0) {
    to.moves = true;
    to.messages.then(next.added);
  }
  if (next.added_total != 0) {
    to.moves_total = true;
    to.total.then(next.added_total);
  }
}

void apply_counted(guild_document& guild, const counted& what) {
  const auto newest = [&](std::string_view object) {
    return what.message == 0 ? std::string(object)
                             : with(object, "last_message_id", fmt::format("\"{}\"", what.message));
  };
  auto& channels = guild.list(guild_array::channels);
  if (const auto channel = channels.find(what.channel); !channel.empty()) {
    if (what.message != 0) channels.put(what.channel, guild.keep(newest(channel)));
    return;
  }
  auto& threads = guild.list(guild_array::threads);
  const auto thread = threads.find(what.channel);
  if (thread.empty()) return;
  threads.put(what.channel,
              guild.keep(moved(moved(newest(thread), "message_count", what.moves, what.messages),
                               "total_message_sent", what.moves_total, what.total)));
}

}  // namespace evergate::journal
