// The guild object itself and GUILD_CREATE: guild_text's largest pieces.
#include "sim/guild_text.h"

namespace evergate::sim {

void guild_text::guild_fields(json_writer& out) const {
  const guild& g = guild_;
  const std::uint64_t h = mix(g.id, g.revision);
  out.boolean("widget_enabled", h % 2 == 0);
  out.null("widget_channel_id");
  out.number("verification_level", static_cast<std::int64_t>(h % 5));
  out.null("vanity_url_code");
  out.number("system_channel_flags", static_cast<std::int64_t>(h % 8));
  out.id("system_channel_id", g.system_channel);
  stickers(out);
  out.null("splash");
  out.id("rules_channel_id", g.rules_channel);
  out.array("roles");
  for (const auto& r : g.roles) role_object(out, r);
  out.end_array();
  out.text("region", "deprecated");
  out.null("public_updates_channel_id");
  out.number("premium_tier", static_cast<std::int64_t>(h % 4));
  out.number("premium_subscription_count", static_cast<std::int64_t>(h % 40));
  out.boolean("premium_progress_bar_enabled", h % 3 == 0);
  out.null("premium_features");
  out.text("preferred_locale", h % 3 == 0 ? "de" : "en-US");
  out.null("owner_configured_content_level");
  out.id("owner_id", g.owner);
  out.number("nsfw_level", 0);
  out.boolean("nsfw", false);
  out.text("name", word_pair(h) + " " + std::to_string(g.index));
  out.null("moderator_reporting");
  out.number("mfa_level", static_cast<std::int64_t>(h % 2));
  out.number("max_video_channel_users", 25);
  out.number("max_stage_video_channel_users", 50);
  out.null("max_presences");
  out.number("max_members", 500'000);
  out.null("latest_onboarding_question_id");
  out.null("inventory_settings");
  if (h % 31 == 0) {
    out.object("incidents_data");
    out.time("invites_disabled_until", g.created_ms() + 60'000);
    out.null("dms_disabled_until");
    out.end_object();
  } else {
    out.null("incidents_data");
  }
  out.id("id", g.id);
  out.null("icon");
  out.null("hub_type");
  out.null("home_header");
  out.raw("features", h % 2 == 0 ? R"(["COMMUNITY","NEWS","SOUNDBOARD"])" : "[]");
  out.number("explicit_content_filter", static_cast<std::int64_t>(h % 3));
  emojis(out);
  out.null("discovery_splash");
  if (h % 2 == 0) {
    out.null("description");
  } else {
    out.text("description", "A guild for {\"guild_id\":\"1\"} and [brackets], " + word_pair(h >> 20));
  }
  out.number("default_message_notifications", static_cast<std::int64_t>(h % 2));
  out.null("clan");
  out.null("banner");
  out.null("application_id");
  out.number("afk_timeout", 300);
  out.id_or_null("afk_channel_id", g.afk_channel);
  out.null("safety_alerts_channel_id");
}

void guild_text::members(json_writer& out, const guild_view& view) const {
  const bool large = guild_.member_count > static_cast<std::int32_t>(view.large_threshold);
  const bool presences = (view.intents & intent::presences) != 0 && guild_.member_count <= 75'000;
  out.array("members");
  for (const auto& m : guild_.members) {
    bool shown = m.id == bot_.id || guild_.find_voice(m.id) != nullptr;
    if (!shown && presences) {
      const bool named =
          mix(m.id ^ guild_.id, m.revision) % 3 == 0;  // has a nick, as member_fields derives it
      shown = !large || m.status != presence_status::offline || !m.roles.empty() || named;
    }
    if (!shown) continue;
    out.begin_object();
    member_fields(out, m);
    out.end_object();
  }
  out.end_array();
  out.array("presences");
  if (presences) {
    for (const auto& m : guild_.members) {
      if (m.status == presence_status::offline) continue;
      out.begin_object();
      presence_fields(out, m);
      out.end_object();
    }
  }
  out.end_array();
}

void guild_text::guild_create_fields(json_writer& out, const guild_view& view) const {
  const guild& g = guild_;
  const auto list = [&](std::string_view name, const auto& items, auto&& fields) {
    out.array(name);
    for (const auto& item : items) {
      out.begin_object();
      fields(item);
      out.end_object();
    }
    out.end_array();
  };
  out.number("version", static_cast<std::int64_t>(mix(g.id) % 1'000'000'000'000));
  list("voice_states", g.voice_states, [&](const voice_state& v) { voice_fields(out, v); });
  list("threads", g.threads, [&](const thread& t) {
    thread_fields(out, t);
    if (t.joined) own_thread_member(out.key("member"), t, false);
  });
  list("stage_instances", g.stages, [&](const stage_instance& s) { stage_fields(out, s); });
  list("soundboard_sounds", g.sounds, [&](const expression& s) { sound_fields(out, s); });
  list("guild_scheduled_events", g.scheduled_events,
       [&](const scheduled_event& e) { scheduled_fields(out, e); });
  list("channels", g.channels, [&](const channel& c) { channel_fields(out, c); });
  members(out, view);
  out.number("member_count", g.member_count);
  out.boolean("lazy", true);
  out.boolean("large", g.member_count > static_cast<std::int32_t>(view.large_threshold));
  out.time("joined_at", g.joined_ms);
  out.raw("embedded_activities", "[]");
  out.raw("application_command_counts", R"({"1":3,"2":0})");
  out.raw("x_unknown", R"({"guild_id":"1","s":99,"t":"NOT_THIS","op":7,"list":[1,-2.5e3,null,"\u00e9\/"]})");
  guild_fields(out);
}

}  // namespace evergate::sim
