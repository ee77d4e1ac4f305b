#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "journal/apply.h"
#include "journal/guild_document.h"
#include "journal/json_splice.h"
#include "proto/json_view.h"

namespace evergate::journal {
namespace {

constexpr std::int64_t type_private_thread = 12;
constexpr std::int64_t type_forum = 15;
constexpr std::int64_t type_media = 16;

// `member` inside a thread says only what its place does not.
std::string member_inside(std::string_view member) {
  return without(member, {"id", "user_id", "guild_id", "member", "presence"});
}

// A thread as GUILD_CREATE has it.
std::string thread_inside(std::string_view thread) {
  auto out = without(thread, {"newly_created"});
  if (const auto member = proto::member(out, "member"); member.starts_with('{'))
    out = with(out, "member", member_inside(member));
  return out;
}

void create_thread(guild_document& guild, std::string_view d) {
  const auto id = proto::snowflake_of(proto::member(d, "id"));
  if (id == 0) return;
  guild.list(guild_array::threads).put(id, guild.keep(thread_inside(d)));
  auto& channels = guild.list(guild_array::channels);
  const auto parent_id = proto::snowflake_of(proto::member(d, "parent_id"));
  const auto parent = channels.find(parent_id);
  const auto type = proto::integer_of(proto::member(parent, "type"));
  if (type != type_forum && type != type_media) return;
  // A repeat of an older thread (the bot was added to it) does not take the newest's place.
  if (proto::snowflake_of(proto::member(parent, "last_message_id")) >= id) return;
  channels.put(parent_id, guild.keep(with(parent, "last_message_id", fmt::format("\"{}\"", id))));
}

void update_thread(guild_document& guild, std::string_view d) {
  auto& threads = guild.list(guild_array::threads);
  const auto id = proto::snowflake_of(proto::member(d, "id"));
  if (proto::member(proto::member(d, "thread_metadata"), "archived") == "true") {
    threads.erase(id);
    return;
  }
  const auto member = proto::member(threads.find(id), "member");
  const bool keeps_member = !member.empty() && proto::member(d, "member").empty();
  threads.put(id, guild.keep(keeps_member ? with(d, "member", member) : thread_inside(d)));
}

void sync_threads(guild_document& guild, std::string_view d) {
  const auto channel_ids = proto::member(d, "channel_ids");
  std::vector<proto::snowflake> channels;
  for (proto::array_cursor at(channel_ids); at.next();) channels.push_back(proto::snowflake_of(at.value()));
  auto& threads = guild.list(guild_array::threads);
  threads.rewrite([&](std::string_view thread) {
    const auto parent = proto::snowflake_of(proto::member(thread, "parent_id"));
    const bool dropped = channel_ids.empty() || std::ranges::find(channels, parent) != channels.end();
    return dropped ? std::string_view() : thread;
  });
  for (proto::array_cursor at(proto::member(d, "threads")); at.next();) {
    threads.put(proto::snowflake_of(proto::member(at.value(), "id")), guild.keep(thread_inside(at.value())));
  }
  for (proto::array_cursor at(proto::member(d, "members")); at.next();) {
    const auto id = proto::snowflake_of(proto::member(at.value(), "id"));
    const auto thread = threads.find(id);
    if (!thread.empty()) threads.put(id, guild.keep(with(thread, "member", member_inside(at.value()))));
  }
}

void update_own_member(guild_document& guild, std::string_view d) {
  auto& threads = guild.list(guild_array::threads);
  const auto id = proto::snowflake_of(proto::member(d, "id"));
  const auto thread = threads.find(id);
  if (!thread.empty()) threads.put(id, guild.keep(with(thread, "member", member_inside(d))));
}

void update_members(guild_document& guild, std::string_view d) {
  auto& threads = guild.list(guild_array::threads);
  const auto id = proto::snowflake_of(proto::member(d, "id"));
  const auto found = threads.find(id);
  if (found.empty()) return;
  std::string thread(found);
  if (const auto count = proto::member(d, "member_count"); !count.empty())
    thread = with(thread, "member_count", count);
  for (proto::array_cursor at(proto::member(d, "added_members")); at.next();) {
    if (guild.self() == 0 || proto::snowflake_of(proto::member(at.value(), "user_id")) != guild.self())
      continue;
    thread = with(thread, "member", member_inside(at.value()));
  }
  for (proto::array_cursor at(proto::member(d, "removed_member_ids")); at.next();) {
    if (guild.self() == 0 || proto::snowflake_of(at.value()) != guild.self()) continue;
    if (proto::integer_of(proto::member(thread, "type")) == type_private_thread) {
      threads.erase(id);
      return;
    }
    thread = without(thread, {"member"});
  }
  threads.put(id, guild.keep(std::move(thread)));
}

}  // namespace

bool apply_thread(guild_document& guild, proto::event_type type, std::string_view d) {
  using enum proto::event_type;
  switch (type) {
    case thread_create:
      create_thread(guild, d);
      return true;
    case thread_update:
      update_thread(guild, d);
      return true;
    case thread_delete:
      guild.list(guild_array::threads).erase(proto::snowflake_of(proto::member(d, "id")));
      return true;
    case thread_list_sync:
      sync_threads(guild, d);
      return true;
    case thread_member_update:
      update_own_member(guild, d);
      return true;
    case thread_members_update:
      update_members(guild, d);
      return true;
    default:
      return false;
  }
}

}  // namespace evergate::journal
