#include "proto/guild_trim.h"

#include <algorithm>
#include <vector>

#include "proto/json_splice.h"
#include "proto/json_view.h"

namespace evergate::proto {
namespace {

struct guild_parts {
  std::string_view large;
  std::string_view members;
  std::string_view presences;
  std::string_view voice_states;
  std::string_view member_count;
};

guild_parts parts_of(std::string_view d) noexcept {
  guild_parts out;
  const auto note = [](std::string_view& part, std::string_view value) {
    if (part.empty()) part = value;
  };
  object_cursor cursor(d);
  while (cursor.next()) {
    const std::string_view key = cursor.key();
    if (key == "large") note(out.large, cursor.value());
    if (key == "members") note(out.members, cursor.value());
    if (key == "presences") note(out.presences, cursor.value());
    if (key == "voice_states") note(out.voice_states, cursor.value());
    if (key == "member_count") note(out.member_count, cursor.value());
  }
  return out;
}

/// Who stays in `members`.
class listed_members {
 public:
  listed_members(const guild_parts& guild, bool with_presences, snowflake self_id) : rich_(with_presences) {
    ids_.push_back(self_id);
    array_cursor voices(guild.voice_states);
    while (voices.next()) ids_.push_back(snowflake_of(member(voices.value(), "user_id")));
    if (with_presences) {
      array_cursor presences(guild.presences);
      while (presences.next()) {
        if (member(presences.value(), "status") == R"("offline")") continue;
        ids_.push_back(snowflake_of(member(member(presences.value(), "user"), "id")));
      }
    }
    std::ranges::sort(ids_);
  }

  [[nodiscard]] bool lists(std::string_view one) const noexcept {
    if (rich_) {
      const std::string_view nick = member(one, "nick");
      if (nick.starts_with('"')) return true;
      array_cursor roles(member(one, "roles"));
      if (roles.next()) return true;
    }
    const snowflake id = snowflake_of(member(member(one, "user"), "id"));
    return id != 0 && std::ranges::binary_search(ids_, id);
  }

 private:
  const bool rich_;
  std::vector<snowflake> ids_;
};

void append_listed(std::string_view members, const listed_members& who, std::string& out) {
  out += '[';
  bool first = true;
  array_cursor each(members);
  while (each.next()) {
    if (!who.lists(each.value())) continue;
    if (!first) out += ',';
    first = false;
    out.append(each.value());
  }
  out += ']';
}

std::int64_t count_of(const guild_parts& guild) noexcept {
  if (const auto said = integer_of(guild.member_count)) return *said;
  std::int64_t counted = 0;
  array_cursor each(guild.members);
  while (each.next()) ++counted;
  return counted;
}

}  // namespace

void trim_guild(std::string_view d, intent_bits intents, std::uint32_t large_threshold, snowflake self_id,
                std::string& out) {
  const guild_parts guild = parts_of(d);
  const std::int64_t count = count_of(guild);
  const bool bare = (intents & intent::guild_presences) == 0 || count > members_listed_max;
  const bool above = count > static_cast<std::int64_t>(large_threshold);
  json_splice splice(d, out);
  object_cursor cursor(d);
  while (cursor.next()) {
    const std::string_view value = cursor.value();
    if (value.data() == guild.large.data() && (value == "true" || value == "false")) {
      splice.replace(value, above ? "true" : "false");
    } else if (value.data() == guild.presences.data() && bare) {
      splice.replace(value, "[]");
    } else if (value.data() == guild.members.data() && value.starts_with('[') && (bare || above)) {
      splice.skip_to(value);
      append_listed(value, listed_members(guild, !bare, self_id), out);
    }
  }
  splice.finish();
}

}  // namespace evergate::proto
