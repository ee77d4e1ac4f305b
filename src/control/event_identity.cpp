#include "control/event_identity.h"

#include <xxhash.h>

#include <array>
#include <span>

#include "proto/json_view.h"

namespace evergate::control {
namespace {

using proto::event_type;
using enum identity_kind;

/// How a type is told. Types without a row: `repeats`, by all of d.
struct rule {
  event_type type;
  identity_kind kind;
  bool only;  ///< true: told by `members` alone; false: by all of d except `members`
  std::array<std::string_view, 3> members{};  ///< "a.b" = member b of the object a; only with `only`
};

// Source of the shapes: Discord documentation, Gateway Events. `unique` are only events that Discord's own id
// says can happen once: a message is created once and deleted once, a role likewise. What looks unique and is
// not stays `repeats`: THREAD_CREATE and GUILD_MEMBER_ADD are sent again for existing ones, CHANNEL_CREATE
// may follow a change of rights, an integration keeps its id when it is removed and added, a MESSAGE_UPDATE
// comes several times with the same edited_timestamp (links unfurl, pins).
constexpr rule rules[] = {
    {event_type::message_create, unique, true, {"id"}},
    {event_type::message_delete, unique, true, {"id"}},
    {event_type::message_delete_bulk, unique, true, {"channel_id", "ids"}},
    {event_type::interaction_create, unique, true, {"id"}},
    {event_type::guild_audit_log_entry_create, unique, true, {"id"}},
    {event_type::guild_role_create, unique, true, {"role.id"}},
    {event_type::guild_role_delete, unique, true, {"role_id"}},
    {event_type::auto_moderation_rule_create, unique, true, {"id"}},
    {event_type::auto_moderation_rule_delete, unique, true, {"id"}},
    {event_type::guild_scheduled_event_create, unique, true, {"id"}},
    {event_type::guild_scheduled_event_delete, unique, true, {"id"}},
    {event_type::stage_instance_create, unique, true, {"id"}},
    {event_type::stage_instance_delete, unique, true, {"id"}},
    {event_type::guild_soundboard_sound_create, unique, true, {"sound_id"}},
    {event_type::guild_soundboard_sound_delete, unique, true, {"sound_id"}},
    {event_type::entitlement_create, unique, true, {"id"}},
    {event_type::entitlement_delete, unique, true, {"id"}},
    {event_type::subscription_create, unique, true, {"id"}},

    // MESSAGE_CONTENT decides about the text, so fleets of different intents differ in it.
    {event_type::message_update, repeats, true, {"id", "edited_timestamp", "pinned"}},
    {event_type::auto_moderation_action_execution, repeats, false, {"content", "matched_content"}},
    // The arrays are those of the moment, and as large as the session's large_threshold and intents say.
    {event_type::guild_create, repeats, true, {"id", "joined_at"}},
    // The session that holds the bot's voice connection, not a fact of the guild.
    {event_type::voice_state_update, repeats, false, {"session_id"}},
    // GUILD_MEMBERS decides how many of the members are told.
    {event_type::thread_members_update, repeats, true, {"id", "member_count"}},

    {event_type::ready, apart, false, {}},
    {event_type::resumed, apart, false, {}},
    {event_type::rate_limited, apart, false, {}},
    {event_type::guild_members_chunk, apart, false, {}},
    {event_type::soundboard_sounds, apart, false, {}},
    {event_type::channel_info, apart, false, {}},
    {event_type::voice_server_update, apart, false, {}},
    {event_type::session_started, apart, false, {}},
    {event_type::gap, apart, false, {}},
};

const rule* rule_of(event_type type) noexcept {
  static const auto by_type = [] {
    std::array<const rule*, 256> out{};
    for (const auto& r : rules) out[static_cast<std::size_t>(r.type)] = &r;
    return out;
  }();
  return by_type[static_cast<std::size_t>(type)];
}

constexpr int depth_max = 32;  ///< deeper values are told by their bytes

XXH128_hash_t hash_of(std::string_view bytes, std::uint64_t seed) noexcept {
  return XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
}

XXH128_hash_t mixed(XXH128_hash_t a, XXH128_hash_t b) noexcept {
  const std::array<std::uint64_t, 4> words{a.low64, a.high64, b.low64, b.high64};
  return XXH3_128bits(words.data(), sizeof words);
}

XXH128_hash_t value_hash(std::string_view value, std::span<const std::string_view> left_out, int depth) {
  const char first = value.empty() ? ' ' : value.front();
  if (depth >= depth_max || (first != '{' && first != '[')) return hash_of(value, 1);
  XXH128_hash_t sum{0, 0};
  if (first == '[') {
    proto::array_cursor elements(value);
    while (elements.next()) sum = mixed(sum, value_hash(elements.value(), {}, depth + 1));
    return mixed(sum, {2, 2});
  }
  proto::object_cursor members(value);
  while (members.next()) {
    // Discord's own notes about the sending, as `_trace`.
    bool skipped = members.key().starts_with('_');
    for (const auto name : left_out) skipped |= !name.empty() && name == members.key();
    if (skipped) continue;
    const auto one = mixed(hash_of(members.key(), 3), value_hash(members.value(), {}, depth + 1));
    // A sum does not depend on the order, which Discord does not promise.
    sum.low64 += one.low64;
    sum.high64 += one.high64;
  }
  return mixed(sum, {4, 4});
}

std::string_view at_path(std::string_view d, std::string_view path) noexcept {
  const auto dot = path.find('.');
  if (dot == std::string_view::npos) return proto::member(d, path);
  return proto::member(proto::member(d, path.substr(0, dot)), path.substr(dot + 1));
}

}  // namespace

identity_kind identity_kind_of(event_type type) noexcept {
  const auto* r = rule_of(type);
  return r != nullptr ? r->kind : repeats;
}

event_identity identify(event_type type, std::string_view name, std::string_view d) {
  const auto* r = rule_of(type);
  event_identity out;
  out.kind = r != nullptr ? r->kind : repeats;
  XXH128_hash_t hash = mixed(hash_of(name, 5), {static_cast<std::uint64_t>(type), 0});
  if (r == nullptr || !r->only) {
    const std::span<const std::string_view> left_out =
        r != nullptr ? std::span<const std::string_view>(r->members) : std::span<const std::string_view>{};
    hash = mixed(hash, value_hash(d, left_out, 0));
  } else {
    for (const auto path : r->members) {
      if (path.empty()) continue;
      const auto value = at_path(d, path);
      if ((value.empty() || value == "null") && out.kind == unique) {
        out.kind = repeats;
        hash = mixed(hash, value_hash(d, {}, 0));
        break;
      }
      hash = mixed(hash, value_hash(value, {}, 0));
    }
  }
  out.low = hash.low64;
  out.high = hash.high64;
  return out;
}

}  // namespace evergate::control
