#include "app/intents_option.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/option_value.h"

namespace evergate::app {
namespace {

constexpr std::array<std::pair<std::string_view, proto::intent_bits>, 23> intent_names{{
    {"all", proto::intent::all},
    {"unprivileged", proto::intent::unprivileged},
    {"guilds", proto::intent::guilds},
    {"guild_members", proto::intent::guild_members},
    {"guild_moderation", proto::intent::guild_moderation},
    {"guild_expressions", proto::intent::guild_expressions},
    {"guild_integrations", proto::intent::guild_integrations},
    {"guild_webhooks", proto::intent::guild_webhooks},
    {"guild_invites", proto::intent::guild_invites},
    {"guild_voice_states", proto::intent::guild_voice_states},
    {"guild_presences", proto::intent::guild_presences},
    {"guild_messages", proto::intent::guild_messages},
    {"guild_message_reactions", proto::intent::guild_message_reactions},
    {"guild_message_typing", proto::intent::guild_message_typing},
    {"direct_messages", proto::intent::direct_messages},
    {"direct_message_reactions", proto::intent::direct_message_reactions},
    {"direct_message_typing", proto::intent::direct_message_typing},
    {"message_content", proto::intent::message_content},
    {"guild_scheduled_events", proto::intent::guild_scheduled_events},
    {"auto_moderation_configuration", proto::intent::auto_moderation_configuration},
    {"auto_moderation_execution", proto::intent::auto_moderation_execution},
    {"guild_message_polls", proto::intent::guild_message_polls},
    {"direct_message_polls", proto::intent::direct_message_polls},
}};

}  // namespace

base::result<proto::intent_bits> parse_intents(std::string_view key, const option_value& value) {
  const std::string allowed = fmt::format(
      "a number with bits of {} only, or an array of intent names such as \"guilds\" and \"guild_messages\"",
      proto::intent::all);
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    if (*number < 0 || !proto::valid_intents(static_cast<std::uint64_t>(*number))) {
      return refuse(key, shown(value), allowed);
    }
    return static_cast<proto::intent_bits>(*number);
  }
  const auto names = list_of(value);
  if (!names || names->empty()) return refuse(key, shown(value), allowed);
  proto::intent_bits bits = 0;
  for (const auto& name : *names) {
    const auto* found =
        std::ranges::find(intent_names, std::string_view(name), [](const auto& p) { return p.first; });
    if (found == intent_names.end()) return refuse(key, '"' + name + '"', allowed);
    bits |= found->second;
  }
  return bits;
}

}  // namespace evergate::app
