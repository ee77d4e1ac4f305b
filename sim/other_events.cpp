// Events that change no guild: interactions, moderation, payments, and names nobody has documented.
#include <algorithm>

#include "sim/event_mix.h"

namespace evergate::sim {

bool event_mix::interaction(guild& g) {
  member* who = pick_member(g);
  channel* c = pick_channel(g, [](const channel& x) { return x.talks(); });
  if (who == nullptr || c == nullptr) return false;
  const snowflake id = new_id();
  json_writer json = begin("INTERACTION_CREATE", g, 0);
  json.number("version", 1);
  json.number("type", 2);
  json.text("token", "sim-interaction-" + std::to_string(id));
  json.object("member");
  text(g).member_fields(json, *who);
  json.text("permissions", "2222085186636353");
  json.end_object();
  json.text("locale", "en-US");
  json.id("id", id);
  json.text("guild_locale", "en-US");
  json.id("guild_id", g.id);
  json.object("guild");
  json.text("locale", "en-US");
  json.id("id", g.id);
  json.raw("features", "[]");
  json.end_object();
  json.raw("entitlements", "[]");
  json.raw("entitlement_sku_ids", "[]");
  json.object("data");
  json.number("type", 1);
  json.text("name", "ping");
  json.id("id", world_.bot().id + 1);
  json.end_object();
  json.number("context", 0);
  json.id("channel_id", c->id);
  json.object("channel");
  text(g).channel_fields(json, *c);
  json.id("guild_id", g.id);
  json.end_object();
  json.raw("authorizing_integration_owners", "{}");
  json.number("attachment_size_limit", 10'485'760);
  json.id("application_id", world_.bot().id);
  json.text("app_permissions", "2248473465835073");
  end();
  return true;
}

bool event_mix::direct_interaction(guild& g) {
  const snowflake id = new_id();
  json_writer json = begin("INTERACTION_CREATE", 0, 0, 0);
  json.number("version", 1);
  write_user(json.key("user"), g.owner, 0, false);
  json.number("type", 2);
  json.text("token", "sim-interaction-" + std::to_string(id));
  json.text("locale", "en-US");
  json.id("id", id);
  json.raw("entitlements", "[]");
  json.raw("data", R"({"type":1,"name":"ping","id":"1"})");
  json.number("context", 1);
  json.id("channel_id", mix(g.owner) >> 1);
  json.raw("authorizing_integration_owners", "{}");
  json.number("attachment_size_limit", 10'485'760);
  json.id("application_id", world_.bot().id);
  json.text("app_permissions", "0");
  end();
  return true;
}

bool event_mix::automod_rule(guild& g) {
  json_writer json = begin(wanted_, g, intent::automod_configuration);
  json.number("trigger_type", 1);
  json.raw("trigger_metadata", R"({"keyword_filter":["*spam*"],"presets":[]})");
  json.text("name", word_pair(random_()));
  json.id("id", new_id());
  json.id("guild_id", g.id);
  json.raw("exempt_roles", "[]");
  json.raw("exempt_channels", "[]");
  json.number("event_type", 1);
  json.boolean("enabled", true);
  json.id("creator_id", g.owner);
  json.raw("actions", R"([{"type":1,"metadata":{}}])");
  end();
  return true;
}

bool event_mix::automod_execution(guild& g) {
  member* who = pick_member(g);
  if (who == nullptr) return false;
  const std::uint64_t chance = random_();
  const snowflake rule = new_id();
  begin("AUTO_MODERATION_ACTION_EXECUTION", g, intent::automod_execution);
  const auto write = [&](std::string& out, bool content) {
    out.clear();
    json_writer json(out);
    json.begin_object();
    json.number("_serial", static_cast<std::int64_t>(serial_));
    json.id("user_id", who->id);
    json.number("rule_trigger_type", 1);
    json.id("rule_id", rule);
    json.text("matched_keyword", "*spam*");
    json.text("matched_content", content ? "spam" : "");
    json.id("guild_id", g.id);
    json.text("content", content ? prose(chance, 60) + " spam" : std::string());
    json.id("channel_id", g.system_channel);
    json.raw("action", R"({"type":1,"metadata":{}})");
    json.end_object();
  };
  write(out_->d, true);
  if (want_stripped_) write(out_->d_stripped, false);
  return true;
}

bool event_mix::audit_log(guild& g) {
  member* who = pick_member(g);
  if (who == nullptr) return false;
  json_writer json = begin("GUILD_AUDIT_LOG_ENTRY_CREATE", g, intent::moderation);
  json.id("user_id", g.owner);
  json.id("target_id", who->id);
  json.id("id", new_id());
  json.id("guild_id", g.id);
  json.raw("changes", R"([{"key":"nick","new_value":"a","old_value":"b"}])");
  json.number("action_type", 24);
  end();
  return true;
}

bool event_mix::invite(guild& g) {
  const bool made = wanted_ == "INVITE_CREATE";
  json_writer json = begin(wanted_, g, intent::invites);
  if (made) {
    json.number("uses", 0);
    json.number("type", 0);
    json.boolean("temporary", false);
    json.number("max_uses", 0);
    json.number("max_age", 604'800);
    write_user(json.key("inviter"), g.owner, 0, false);
    json.time("created_at", now_ms_);
  }
  json.id("guild_id", g.id);
  json.text("code", "sim" + std::to_string(random_.below(1'000'000)));
  json.id("channel_id", g.system_channel);
  end();
  return true;
}

bool event_mix::integration(guild& g) {
  json_writer json = begin(wanted_, g, intent::integrations);
  if (wanted_ != "GUILD_INTEGRATIONS_UPDATE") {
    json.id("id", new_id());
    if (wanted_ == "INTEGRATION_DELETE") {
      json.id("application_id", g.owner);
    } else {
      json.text("type", "discord");
      json.text("name", word_pair(random_()));
      json.boolean("enabled", true);
      json.raw("account", R"({"name":"x","id":"1"})");
    }
  }
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::webhooks(guild& g) {
  json_writer json = begin("WEBHOOKS_UPDATE", g, intent::webhooks);
  json.id("guild_id", g.id);
  json.id("channel_id", g.system_channel);
  end();
  return true;
}

bool event_mix::command_permissions(guild& g) {
  json_writer json = begin("APPLICATION_COMMAND_PERMISSIONS_UPDATE", g, 0);
  json.raw("permissions", R"([{"type":1,"permission":true,"id":"1"}])");
  json.id("id", world_.bot().id);
  json.id("guild_id", g.id);
  json.id("application_id", world_.bot().id);
  end();
  return true;
}

bool event_mix::entitlement(guild& g) {
  // Shard 0's whatever the guild, as Discord documents.
  json_writer json = begin(wanted_, 0, 0, 0);
  json.id("user_id", g.owner);
  json.number("type", 8);
  json.id("sku_id", world_.bot().id + 2);
  json.id("id", new_id());
  if (random_.chance(0.5)) json.id("guild_id", g.id);
  json.boolean("deleted", wanted_ == "ENTITLEMENT_DELETE");
  json.boolean("consumed", false);
  json.id("application_id", world_.bot().id);
  end();
  return true;
}

bool event_mix::subscription(guild& g) {
  json_writer json = begin(wanted_, 0, 0, 0);
  json.id("user_id", g.owner);
  json.number("status", 0);
  json.raw("sku_ids", R"(["1"])");
  json.raw("renewal_sku_ids", "null");
  json.id("id", new_id());
  json.raw("entitlement_ids", R"(["2"])");
  json.time("current_period_start", now_ms_);
  json.time("current_period_end", now_ms_ + 2'592'000'000);
  json.null("canceled_at");
  end();
  return true;
}

bool event_mix::voice_channel_status(guild& g) {
  channel* c = pick_channel(g, [](const channel& x) { return x.holds_voice(); });
  if (c == nullptr) return false;
  ++c->status_revision;
  json_writer json = begin(wanted_, g, intent::guilds);
  if (wanted_ == "VOICE_CHANNEL_STATUS_UPDATE") {
    json.text("status", word_pair(mix(c->id, c->status_revision)));
  } else {
    json.number("voice_start_time", now_ms_ / 1000);
  }
  json.id("id", c->id);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::voice_channel_effect(guild& g) {
  if (g.voice_states.empty()) return false;
  const voice_state* v = pick(g.voice_states);
  json_writer json = begin("VOICE_CHANNEL_EFFECT_SEND", g, intent::voice_states);
  json.id("user_id", v->user);
  json.id("guild_id", g.id);
  json.id("channel_id", v->channel);
  json.number("animation_id", 3);
  json.number("animation_type", 1);
  json.raw("emoji", R"({"name":"\ud83d\udc4d","id":null})");
  end();
  return true;
}

bool event_mix::join_request(guild& g) {
  json_writer json = begin(wanted_, g, intent::moderation);
  json.text("status", "SUBMITTED");
  json.id("id", new_id());
  json.id("user_id", g.owner);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::undocumented(guild& g) {
  json_writer json = begin(wanted_, g, 0);
  json.raw("what", R"({"guild_id":"7","deep":[[[{"s":1}]]]})");
  json.id("guild_id", g.id);
  end();
  return true;
}

}  // namespace evergate::sim
