#include "sim/guild_text.h"

#include <array>

namespace evergate::sim {
namespace {

constexpr std::array adjectives{
    "quiet", "amber", "north", "rapid", "velvet", "sünny", "tiny",   "old",
    "lunar", "wild",  "paper", "green", "brave",  "冬の",  "hollow", "\xF0\x9F\x94\xA5 hot"};
constexpr std::array nouns{"harbour", "garden", "library", "\"quoted\"", "back\\slash", "market",
                           "signal",  "café",   "river",   "forge",      "kitchen",     "arcade",
                           "tower",   "meadow", "план",    "engine"};

void avatar(json_writer& out, std::string_view key, std::uint64_t h, bool present) {
  if (!present) return out.null(key);
  static constexpr char hex[] = "0123456789abcdef";
  char text[32];
  for (int i = 0; i < 32; ++i) text[i] = hex[(h >> (i * 2)) & 15];
  out.text(key, std::string_view(text, sizeof text));
}

}  // namespace

std::string word_pair(std::uint64_t chance) {
  std::string out = adjectives[chance % adjectives.size()];
  out += '-';
  out += nouns[(chance >> 8) % nouns.size()];
  return out;
}

std::string user_name(snowflake id, std::uint32_t revision) {
  std::string out = "user";
  out += std::to_string(mix(id, revision) % 1'000'000);
  return out;
}

void write_user(json_writer& out, snowflake id, std::uint32_t revision, bool bot) {
  const std::uint64_t h = mix(id, revision);
  out.begin_object();
  out.text("username", user_name(id, revision));
  out.number("public_flags", static_cast<std::int64_t>(h % 3) * 64);
  out.null("primary_guild");
  out.id("id", id);
  if (h % 5 == 0) {
    out.null("global_name");
  } else {
    out.text("global_name", word_pair(h));
  }
  out.null("display_name_styles");
  out.text("discriminator", bot ? "1234" : "0");
  out.null("collectibles");
  if (bot) out.boolean("bot", true);
  out.null("avatar_decoration_data");
  avatar(out, "avatar", h, h % 3 != 0);
  out.end_object();
}

void write_own_user(json_writer& out, const bot_user& bot) {
  const std::uint64_t h = mix(bot.id, bot.revision);
  out.begin_object();
  out.boolean("verified", true);
  out.text("username", user_name(bot.id, bot.revision));
  out.null("primary_guild");
  out.boolean("mfa_enabled", true);
  out.id("id", bot.id);
  out.null("global_name");
  out.number("flags", 0);
  out.null("email");
  out.text("discriminator", "1234");
  out.null("clan");
  out.boolean("bot", true);
  avatar(out, "avatar", h, h % 3 != 0);
  out.end_object();
}

void guild_text::user_of(json_writer& out, const member& m) const {
  // The bot's own member carries the account as USER_UPDATE gives it, so that replacing and merging agree.
  if (m.id == bot_.id) return write_own_user(out.key("user"), bot_);
  write_user(out.key("user"), m.id, m.user_revision, m.bot);
}

void guild_text::member_fields(json_writer& out, const member& m, bool with_user) const {
  const std::uint64_t h = mix(m.id ^ guild_.id, m.revision);
  if (with_user) user_of(out, m);
  out.array("roles");
  for (const snowflake r : m.roles) out.id(r);
  out.end_array();
  if (h % 7 == 0) {
    out.time("premium_since", m.joined_ms + static_cast<std::int64_t>(h % 90'000'000));
  } else {
    out.null("premium_since");
  }
  out.boolean("pending", false);
  if (h % 3 == 0) {
    out.text("nick", word_pair(h >> 16));
  } else {
    out.null("nick");
  }
  out.time("joined_at", m.joined_ms);
  out.number("flags", static_cast<std::int64_t>((h >> 5) % 4));
  if (h % 29 == 0) {
    out.time("communication_disabled_until", m.joined_ms + 3'600'000);
  } else {
    out.null("communication_disabled_until");
  }
  out.null("banner");
  avatar(out, "avatar", h >> 3, h % 19 == 0);
  out.null("unusual_dm_activity_until");
}

void guild_text::channel_fields(json_writer& out, const channel& c) const {
  const std::uint64_t h = mix(c.id, c.revision);
  const bool hidden = !c.fixed && h % 23 == 0;  // channel obfuscation, Discord 2026
  out.number("version", static_cast<std::int64_t>(c.revision) + 1);
  out.number("type", static_cast<int>(c.type));
  if (c.type == channel_type::text || c.type == channel_type::announcement || c.type == channel_type::forum) {
    if (h % 4 == 0 || hidden) {
      out.null("topic");
    } else {
      out.text("topic", word_pair(h >> 7) + "\nsecond line of a topic with \"quotes\"");
    }
  }
  if (c.holds_voice()) {
    out.number("user_limit", static_cast<std::int64_t>(h % 5) * 10);
    out.null("rtc_region");
    out.number("bitrate", 64'000);
    out.boolean("nsfw", false);
    if (h % 2 == 0) out.null("icon_emoji");
  }
  if (c.type == channel_type::forum) {
    out.array("available_tags");
    out.begin_object();
    out.boolean("moderated", false);
    out.id("id", c.id + 1);
    out.text("name", word_pair(h >> 12));
    out.null("emoji_id");
    out.text("emoji_name", "\xF0\x9F\x90\x9B");
    out.end_object();
    out.end_array();
    out.null("default_sort_order");
    out.null("default_reaction_emoji");
    out.number("default_forum_layout", 0);
    out.text("template", "");
  }
  if (c.type != channel_type::category)
    out.number("rate_limit_per_user", static_cast<std::int64_t>(h % 3) * 5);
  out.number("position", c.position + static_cast<int>(c.revision % 2));
  out.array("permission_overwrites");
  out.begin_object();
  out.number("type", 0);
  out.id("id", guild_.id);
  out.text("deny", hidden ? "1024" : std::to_string((h >> 9) % 4 * 2048));
  out.text("allow", "0");
  out.end_object();
  if (!hidden && h % 3 == 0) {
    out.begin_object();
    out.number("type", 1);
    out.id("id", guild_.owner);
    out.text("deny", "0");
    out.text("allow", "1024");
    out.end_object();
  }
  out.end_array();
  out.id_or_null("parent_id", c.parent);
  out.text("name", hidden ? "___hidden___" : word_pair(h));
  if (c.type != channel_type::category) {
    out.id_or_null("last_message_id", c.last_message);
    if (c.type == channel_type::text || c.last_pin_ms != 0)
      out.time_or_null("last_pin_timestamp", c.last_pin_ms);
  }
  out.id("id", c.id);
  out.number("flags", hidden ? 1 << 17 : 0);
  out.null("application_id");
}

void guild_text::own_thread_member(json_writer& out, const thread& t, bool with_ids) const {
  out.begin_object();
  if (with_ids) {
    out.id("user_id", bot_.id);
    out.id("id", t.id);
  }
  out.time("join_timestamp", t.joined_ms);
  out.number("flags", t.join_flags);
  out.end_object();
}

void guild_text::thread_fields(json_writer& out, const thread& t, bool archived) const {
  const std::uint64_t h = mix(t.id, t.revision);
  out.number("type", static_cast<int>(t.type));
  out.number("total_message_sent", t.total_sent);
  out.object("thread_metadata");
  out.boolean("locked", h % 13 == 0);
  if (t.type == channel_type::private_thread) out.boolean("invitable", h % 2 == 0);
  out.time("create_timestamp", static_cast<std::int64_t>(t.id >> 22) + discord_epoch_ms);
  out.number("auto_archive_duration", h % 2 == 0 ? 1440 : 4320);
  out.boolean("archived", archived);
  out.time("archive_timestamp", t.archive_changed_ms);
  out.end_object();
  out.number("rate_limit_per_user", 0);
  out.id("parent_id", t.parent);
  out.id("owner_id", t.owner);
  out.text("name", word_pair(h));
  out.number("message_count", t.message_count);
  out.number("member_count", t.member_count);
  out.time_or_null("last_pin_timestamp", t.last_pin_ms);
  out.id_or_null("last_message_id", t.last_message);
  out.id("id", t.id);
  out.id("guild_id", guild_.id);
  out.number("flags", static_cast<std::int64_t>(h % 2) * 2);
  out.array("applied_tags");
  out.end_array();
}

void guild_text::presence_fields(json_writer& out, const member& m) const {
  static constexpr std::array statuses{"offline", "online", "idle", "dnd"};
  const std::string_view status = statuses[static_cast<std::size_t>(m.status)];
  const std::uint64_t h = mix(m.id, m.presence_revision + 7);
  out.object("user");
  out.id("id", m.id);
  out.end_object();
  out.text("status", status);
  out.null("since");
  out.null("game");
  out.object("client_status");
  if (m.status != presence_status::offline) out.text(h % 2 == 0 ? "desktop" : "mobile", status);
  out.end_object();
  out.array("activities");
  if (m.status != presence_status::offline && h % 3 == 0) {
    out.begin_object();
    out.number("type", h % 2 == 0 ? 0 : 4);
    out.object("timestamps");
    out.number("start", 1'700'000'000'000 + static_cast<std::int64_t>(h % 1'000'000'000));
    out.end_object();
    out.text("state", word_pair(h >> 11));
    out.text("name", word_pair(h >> 21));
    out.text("id", "custom");
    out.number("created_at", 1'700'000'000'000 + static_cast<std::int64_t>(h % 1'000'000'000));
    out.object("assets");
    out.text("large_image", "mp:external/" + std::to_string(h));
    out.end_object();
    out.end_object();
  }
  out.end_array();
}

void guild_text::voice_fields(json_writer& out, const voice_state& v) const {
  const std::uint64_t h = mix(v.user, v.revision);
  out.id("user_id", v.user);
  out.boolean("suppress", false);
  if (v.session.empty()) {
    std::string session;
    for (int i = 0; i < 32; ++i)
      session += "0123456789abcdef"[mix(v.user, static_cast<std::uint64_t>(i)) & 15];
    out.text("session_id", session);
  } else {
    out.text("session_id", v.session);
  }
  out.boolean("self_video", h % 11 == 0);
  if (h % 13 == 0) out.boolean("self_stream", true);
  out.boolean("self_mute", v.session.empty() ? h % 2 == 0 : v.self_mute);
  out.boolean("self_deaf", v.session.empty() ? h % 5 == 0 : v.self_deaf);
  out.null("request_to_speak_timestamp");
  out.boolean("mute", false);
  out.null("discoverable");
  out.boolean("deaf", false);
  out.id_or_null("channel_id", v.channel);
}

void guild_text::role_object(json_writer& out, const role& r) const {
  const std::uint64_t h = mix(r.id, r.revision);
  out.begin_object();
  out.number("version", static_cast<std::int64_t>(r.revision));
  out.null("unicode_emoji");
  out.object("tags");
  out.end_object();
  out.number("position", r.position);
  out.text("permissions", r.id == guild_.id ? "2222085186636353" : std::to_string(h % (1ULL << 50)));
  out.text("name", r.id == guild_.id ? "@everyone" : word_pair(h));
  out.boolean("mentionable", h % 2 == 0);
  out.boolean("managed", false);
  out.id("id", r.id);
  out.null("icon");
  out.boolean("hoist", h % 3 == 0);
  out.number("flags", 0);
  out.object("colors");
  out.null("tertiary_color");
  out.null("secondary_color");
  out.number("primary_color", static_cast<std::int64_t>(h % 0xffffff));
  out.end_object();
  out.number("color", static_cast<std::int64_t>(h % 0xffffff));
  out.end_object();
}

void guild_text::emoji_object(json_writer& out, const expression& e) const {
  const std::uint64_t h = mix(e.id, e.revision);
  out.begin_object();
  out.array("roles");
  out.end_array();
  out.boolean("require_colons", true);
  out.text("name", "emoji_" + std::to_string(h % 10'000));
  out.boolean("managed", false);
  out.id("id", e.id);
  out.boolean("available", h % 17 != 0);
  out.boolean("animated", h % 4 == 0);
  out.end_object();
}

void guild_text::sticker_object(json_writer& out, const expression& s) const {
  const std::uint64_t h = mix(s.id, s.revision);
  out.begin_object();
  out.number("type", 2);
  out.text("tags", "smile");
  out.text("name", word_pair(h));
  out.id("id", s.id);
  out.id("guild_id", guild_.id);
  out.number("format_type", 1);
  if (h % 2 == 0) {
    out.null("description");
  } else {
    out.text("description", word_pair(h >> 5));
  }
  out.boolean("available", true);
  out.text("asset", "");
  out.end_object();
}

void guild_text::sound_fields(json_writer& out, const expression& s) const {
  const std::uint64_t h = mix(s.id, s.revision);
  out.raw("volume", h % 2 == 0 ? "1.0" : "0.3499999940395355");
  out.id("user_id", guild_.owner);
  out.id("sound_id", s.id);
  out.text("name", word_pair(h));
  out.id("guild_id", guild_.id);
  out.text("emoji_name", "\xF0\x9F\x8E\xBA");
  out.null("emoji_id");
  out.boolean("available", true);
}

void guild_text::stage_fields(json_writer& out, const stage_instance& s) const {
  out.text("topic", word_pair(mix(s.id, s.revision)));
  out.number("privacy_level", 2);
  out.null("invite_code");
  out.id("id", s.id);
  out.null("guild_scheduled_event_id");
  out.id("guild_id", guild_.id);
  out.boolean("discoverable_disabled", true);
  out.id("channel_id", s.channel);
}

void guild_text::scheduled_fields(json_writer& out, const scheduled_event& e) const {
  const std::uint64_t h = mix(e.id, e.revision);
  out.number("user_count", e.user_count);
  out.number("status", e.status);
  out.array("sku_ids");
  out.end_array();
  out.time("scheduled_start_time", e.start_ms + static_cast<std::int64_t>(e.revision) * 60'000);
  out.time_or_null("scheduled_end_time", e.channel == 0 ? e.start_ms + 7'200'000 : 0);
  out.null("recurrence_rule");
  out.number("privacy_level", 2);
  out.text("name", word_pair(h));
  out.null("image");
  out.id("id", e.id);
  out.id("guild_id", guild_.id);
  out.number("entity_type", e.channel == 0 ? 3 : 2);
  if (e.channel == 0) {
    out.object("entity_metadata");
    out.text("location", word_pair(h >> 9));
    out.end_object();
  } else {
    out.null("entity_metadata");
  }
  out.null("entity_id");
  out.text("description", word_pair(h >> 13));
  out.id("creator_id", e.creator);
  out.id_or_null("channel_id", e.channel);
}

void guild_text::emojis(json_writer& out) const {
  out.array("emojis");
  for (const auto& e : guild_.emojis) emoji_object(out, e);
  out.end_array();
}

void guild_text::stickers(json_writer& out) const {
  out.array("stickers");
  for (const auto& s : guild_.stickers) sticker_object(out, s);
  out.end_array();
}

}  // namespace evergate::sim
