#include "sim/guild_maker.h"

#include "base/rng.h"

namespace evergate::sim {
namespace {

constexpr std::int64_t first_guild_ms = 20'000'000'000;  // some months after Discord's epoch
constexpr std::int64_t slot_ms = 1'000'000;
constexpr std::int64_t guild_part_ms =
    500'000;  // the id of the guild itself lies in the first half of its slot

enum class kind : std::uint8_t {
  user = 1,
  channel,
  thread,
  role,
  emoji,
  sticker,
  sound,
  stage,
  event,
  message
};

// Ids of a guild's objects lie in the second half of the guild's slot; kind and number keep them apart.
snowflake object_id(std::uint32_t index, kind what, std::uint32_t number) noexcept {
  const auto ms = first_guild_ms + static_cast<std::int64_t>(index) * slot_ms + guild_part_ms +
                  static_cast<std::int64_t>(mix(number, static_cast<std::uint64_t>(what)) % guild_part_ms);
  return (static_cast<snowflake>(ms) << 22) | (static_cast<snowflake>(what) << 17) | (number & 0x1ffff);
}

void make_roles(guild& g, const world_options& options, base::rng& random) {
  g.roles.push_back({.id = g.id, .revision = 0, .position = 0});
  const auto count = options.roles == 0 ? 3 + random.below(5) : options.roles - 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    g.roles.push_back(
        {.id = object_id(g.index, kind::role, i), .revision = 0, .position = static_cast<int>(i) + 1});
  }
}

void make_channels(guild& g, const world_options& options, base::rng& random) {
  std::uint32_t number = 0;
  const auto add = [&](channel_type type, snowflake parent, bool fixed) {
    channel c{.id = object_id(g.index, kind::channel, number),
              .type = type,
              .parent = parent,
              .position = static_cast<int>(number),
              .fixed = fixed};
    if (c.talks() && random.chance(0.8)) c.last_message = object_id(g.index, kind::message, number);
    if (c.type == channel_type::text && random.chance(0.4)) c.last_pin_ms = g.created_ms() + 1000 * number;
    ++number;
    g.channels.push_back(c);
    return c.id;
  };
  const snowflake talk = add(channel_type::category, 0, true);
  const snowflake voice = add(channel_type::category, 0, true);
  g.system_channel = add(channel_type::text, talk, true);
  g.rules_channel = add(channel_type::text, talk, true);
  constexpr std::uint64_t others = 10;  // what is added here besides
  const auto texts = options.channels == 0 ? 2 + random.below(4)
                                           : std::max<std::uint64_t>(options.channels, others + 2) - others;
  for (std::uint64_t i = 0; i < texts; ++i) add(channel_type::text, i % 2 == 0 ? talk : 0, false);
  add(channel_type::announcement, talk, true);
  add(channel_type::forum, talk, true);
  g.afk_channel = add(channel_type::voice, voice, true);
  add(channel_type::voice, voice, true);
  if (options.channels != 0 || random.chance(0.5)) add(channel_type::voice, voice, false);
  add(channel_type::stage, voice, true);
}

void make_members(guild& g, const world_options& options, base::rng& random) {
  g.joined_ms = g.created_ms() + 86'400'000;
  g.members.push_back(
      {.id = options.bot, .status = presence_status::online, .bot = true, .joined_ms = g.joined_ms});
  const auto usual = std::max<std::uint64_t>(options.members, 2);
  auto count = options.members_even ? usual - 1 : usual / 2 + random.below(usual + 1);
  if (g.index % 50 == 7 && !options.members_even) count = usual * 8;
  for (std::uint32_t i = 0; i < count; ++i) {
    member m{.id = object_id(g.index, kind::user, i), .bot = random.chance(0.05)};
    m.joined_ms = g.created_ms() + static_cast<std::int64_t>(random.below(600'000'000));
    if (random.chance(0.4)) m.status = static_cast<presence_status>(1 + random.below(3));
    for (std::size_t r = 1; r < g.roles.size(); ++r) {
      if (random.chance(0.25)) m.roles.push_back(g.roles[r].id);
    }
    g.members.push_back(std::move(m));
  }
  g.owner = g.members[1].id;
  g.member_count = static_cast<std::int32_t>(g.members.size());
}

void make_expressions(guild& g, base::rng& random) {
  const auto fill = [&](std::vector<expression>& list, kind what, std::uint64_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      list.push_back({.id = object_id(g.index, what, i), .revision = 0});
  };
  fill(g.emojis, kind::emoji, random.below(8));
  fill(g.stickers, kind::sticker, random.below(3));
  fill(g.sounds, kind::sound, random.below(4));
}

void make_threads(guild& g, base::rng& random) {
  std::uint32_t number = 0;
  for (const auto& c : g.channels) {
    const bool parent = c.type == channel_type::text || c.type == channel_type::forum;
    if (!parent || !random.chance(0.6)) continue;
    thread t{.id = object_id(g.index, kind::thread, number), .parent = c.id};
    t.owner = g.members[1 + random.below(g.members.size() - 1)].id;
    if (c.type == channel_type::text && random.chance(0.2)) t.type = channel_type::private_thread;
    t.message_count = static_cast<std::int32_t>(random.below(40));
    t.total_sent = t.message_count + 3;
    t.last_message = object_id(g.index, kind::message, 1000 + number);
    t.archive_changed_ms = g.created_ms() + 5000;
    t.member_count = static_cast<std::int32_t>(1 + random.below(10));
    t.joined = t.type == channel_type::private_thread || random.chance(0.4);
    t.joined_ms = t.joined ? g.joined_ms + 1000 : 0;
    g.threads.push_back(t);
    ++number;
  }
}

void make_happenings(guild& g, base::rng& random) {
  for (const auto& c : g.channels) {
    if (c.type == channel_type::stage && random.chance(0.3)) {
      g.stages.push_back({.id = object_id(g.index, kind::stage, 0), .channel = c.id, .revision = 0});
    }
    if (c.type != channel_type::voice) continue;
    for (int i = 0; i < 2; ++i) {
      const auto& m = g.members[1 + random.below(g.members.size() - 1)];
      if (g.find_voice(m.id) != nullptr || !random.chance(0.6)) continue;
      voice_state v;
      v.user = m.id;
      v.channel = c.id;
      g.voice_states.push_back(std::move(v));
    }
  }
  const auto events = random.below(3);
  for (std::uint32_t i = 0; i < events; ++i) {
    scheduled_event e{.id = object_id(g.index, kind::event, i), .creator = g.owner};
    if (random.chance(0.5)) e.channel = g.afk_channel;
    e.user_count = static_cast<std::int32_t>(random.below(20));
    e.start_ms = g.created_ms() + 8'640'000'000 * (i + 1);
    g.scheduled_events.push_back(e);
  }
}

}  // namespace

snowflake guild_id_of(const world_options& options, std::uint32_t index) noexcept {
  const std::uint64_t chance = mix(options.seed ^ 0x67756c64, index);
  const auto ms = first_guild_ms + static_cast<std::int64_t>(index) * slot_ms +
                  static_cast<std::int64_t>(chance % guild_part_ms);
  return (static_cast<snowflake>(ms) << 22) | (chance >> 42);
}

std::uint32_t guild_slot_of(snowflake made_id) noexcept {
  const auto ms = static_cast<std::int64_t>(made_id >> 22) - first_guild_ms;
  return ms < 0 ? ~std::uint32_t{0} : static_cast<std::uint32_t>(ms / slot_ms);
}

guild make_guild(const world_options& options, std::uint32_t index) {
  base::rng random(mix(options.seed, index));
  guild g;
  g.id = guild_id_of(options, index);
  g.index = index;
  make_roles(g, options, random);
  make_channels(g, options, random);
  make_members(g, options, random);
  make_expressions(g, random);
  make_threads(g, random);
  make_happenings(g, random);
  return g;
}

}  // namespace evergate::sim
