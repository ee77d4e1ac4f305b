// What people say: messages in guilds, threads and private, and what is done to them.
#include <array>
#include <utility>

#include "sim/event_mix.h"

namespace evergate::sim {

struct event_mix::message_draft {
  std::string_view type;
  snowflake id = 0;
  snowflake channel = 0;
  const guild* g = nullptr;        ///< null = a direct message
  const member* author = nullptr;  ///< null = the bot
  std::uint64_t serial = 0;
  std::uint64_t chance = 0;
  bool edited = false;
  bool mentions_bot = false;
  std::string content = {};
};

namespace {

constexpr std::array words{"lorem",   "ipsum",  "deploy",  "\xF0\x9F\x98\x80", "shard",
                           "gateway", "später", "resume",  "\"said\"",         "a\\b",
                           "日本語",  "really", "because", "line\nbreak"};

void write_embed(json_writer& out, std::uint64_t h) {
  out.begin_object();
  out.text("type", "rich");
  out.text("title", word_pair(h));
  out.text("description", "{\"guild_id\":\"42\",\"s\":7} is only text, and so is ],}]");
  out.number("color", static_cast<std::int64_t>(h % 0xffffff));
  out.end_object();
}

void write_emoji(json_writer& out, const guild& g, std::uint64_t h) {
  out.object("emoji");
  if (!g.emojis.empty() && h % 2 == 0) {
    const auto& e = g.emojis[h % g.emojis.size()];
    out.text("name", "emoji");
    out.id("id", e.id);
  } else {
    out.text("name", "\xF0\x9F\x91\x8D");
    out.null("id");
  }
  out.end_object();
}

}  // namespace

std::string event_mix::prose(std::uint64_t chance, std::size_t bytes) {
  std::string out;
  out.reserve(bytes + 16);
  for (std::uint64_t i = 0; out.size() < bytes; ++i) {
    out += words[mix(chance, i) % words.size()];
    out += ' ';
  }
  return out;
}

void event_mix::write_message(const message_draft& m, bool content, std::string& out) {
  const std::uint64_t h = m.chance;
  json_writer json(out);
  json.begin_object();
  json.number("_serial", static_cast<std::int64_t>(m.serial));
  json.number("type", 0);
  json.boolean("tts", false);
  json.time("timestamp", static_cast<std::int64_t>(m.id >> 22) + discord_epoch_ms);
  json.boolean("pinned", false);
  if (m.type == "MESSAGE_CREATE") json.id("nonce", m.id + 1);
  if (content && h % 61 == 0 && m.g != nullptr) json.raw("poll", R"({"question":{"text":"?"},"answers":[]})");
  if (m.g != nullptr && h % 37 == 0) {  // a forward: another guild's id stands before this message's own
    json.raw("message_reference", R"({"type":1,"message_id":"1","guild_id":"4242","channel_id":"2"})");
    json.raw(
        "message_snapshots",
        content
            ? R"([{"message":{"type":0,"content":"forwarded \ud83d\ude00","embeds":[],"guild_id":"4242"}}])"
            : R"([{"message":{"type":0,"content":"","embeds":[],"guild_id":"4242"}}])");
  }
  json.array("mentions");
  if (m.mentions_bot) write_own_user(json, world_.bot());
  json.end_array();
  json.raw("mention_roles", "[]");
  json.boolean("mention_everyone", h % 97 == 0);
  if (m.g != nullptr && m.author != nullptr) {
    json.object("member");
    text(*m.g).member_fields(json, *m.author, false);
    json.end_object();
  }
  json.id("id", m.id);
  json.number("flags", 0);
  json.array("embeds");
  if (content && h % 8 == 0) write_embed(json, h);
  json.end_array();
  m.edited ? json.time("edited_timestamp", now_ms_) : json.null("edited_timestamp");
  if (content && h % 1009 == 0) {
    json.raw("content", R"("half a pair \ud83d stays as it is")");
  } else {
    json.text("content", content ? std::string_view(m.content) : std::string_view());
  }
  json.raw("components", "[]");
  json.id("channel_id", m.channel);
  json.number("channel_type", m.g == nullptr ? 1 : 0);
  if (m.author != nullptr) {
    write_user(json.key("author"), m.author->id, m.author->user_revision, m.author->bot);
  } else if (m.g != nullptr || m.edited) {
    write_own_user(json.key("author"), world_.bot());
  } else {
    write_user(json.key("author"), mix(m.channel) >> 1, 0, false);
  }
  json.raw("attachments", "[]");
  if (m.g != nullptr) json.id("guild_id", m.g->id);
  json.end_object();
}

void event_mix::finish_message(const message_draft& m) {
  event& e = *out_;
  e.d.clear();
  write_message(m, true, e.d);
  const bool always_shown = m.g == nullptr || m.author == nullptr || m.mentions_bot;
  if (want_stripped_ && !always_shown) write_message(m, false, e.d_stripped);
}

bool event_mix::message_create(guild& g) {
  member* author = pick_member(g);
  if (author == nullptr) return false;
  thread* inside = random_.chance(0.2) ? pick(g.threads) : nullptr;
  channel* c = inside != nullptr ? nullptr : pick_channel(g, [](const channel& x) { return x.talks(); });
  if (inside == nullptr && c == nullptr) return false;
  message_draft m{.type = "MESSAGE_CREATE", .id = new_id(), .g = &g, .author = author, .chance = random_()};
  m.channel = inside != nullptr ? inside->id : c->id;
  m.mentions_bot = m.chance % 20 == 3;
  const std::uint32_t around = options_.message_bytes > 1000 ? options_.message_bytes - 1000 : 1;
  m.content = prose(m.chance, random_.below(2ULL * around));
  if (inside != nullptr) {
    inside->last_message = m.id;
    ++inside->message_count;
    ++inside->total_sent;
  } else {
    c->last_message = m.id;
  }
  begin("MESSAGE_CREATE", g, intent::messages);
  m.serial = serial_;
  finish_message(m);
  return true;
}

void event_mix::own_message(guild& g, snowflake channel_id, std::string_view content, std::int64_t now_ms,
                            event& out) {
  now_ms_ = now_ms;
  out_ = &out;
  message_draft m{.type = "MESSAGE_CREATE", .id = new_id(), .channel = channel_id, .g = &g, .chance = 1};
  m.content = content;
  if (thread* t = g.find_thread(channel_id)) {
    t->last_message = m.id;
    ++t->message_count;
    ++t->total_sent;
  } else if (channel* c = g.find_channel(channel_id)) {
    c->last_message = m.id;
  }
  begin("MESSAGE_CREATE", g, intent::messages);
  m.serial = serial_;
  finish_message(m);
}

bool event_mix::message_update(guild& g) {
  member* author = pick_member(g);
  channel* c = pick_channel(g, [](const channel& x) { return x.talks() && x.last_message != 0; });
  if (author == nullptr || c == nullptr) return false;
  message_draft m{
      .type = "MESSAGE_UPDATE", .id = c->last_message, .channel = c->id, .g = &g, .author = author};
  m.chance = random_();
  m.edited = true;
  m.content = prose(m.chance, random_.below(options_.message_bytes / 2 + 1));
  begin("MESSAGE_UPDATE", g, intent::messages);
  m.serial = serial_;
  finish_message(m);
  return true;
}

bool event_mix::direct_message(guild& g) {
  message_draft m{.type = "MESSAGE_CREATE", .id = new_id(), .chance = random_()};
  m.channel = mix(g.owner) >> 1;
  m.content = prose(m.chance, random_.below(400));
  begin("MESSAGE_CREATE", 0, 0, intent::dm_messages);
  m.serial = serial_;
  finish_message(m);
  return true;
}

bool event_mix::message_delete(guild& g) {
  thread* inside = random_.chance(0.3) ? pick(g.threads) : nullptr;
  channel* c = pick_channel(g, [](const channel& x) { return x.talks() && x.last_message != 0; });
  if (inside != nullptr && inside->message_count < 1) inside = nullptr;
  if (inside == nullptr && c == nullptr) return false;
  if (inside != nullptr) --inside->message_count;
  const auto newest = inside != nullptr ? inside->last_message : c->last_message;
  auto& deleted = inside != nullptr ? inside->last_deleted : c->last_deleted;
  // The newest one, or some older one once that is gone.
  const auto which = std::exchange(deleted, newest) == newest ? new_id() : newest;
  json_writer json = begin("MESSAGE_DELETE", g, intent::messages);
  json.id("id", which);
  json.id("channel_id", inside != nullptr ? inside->id : c->id);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::message_delete_bulk(guild& g) {
  thread* inside = random_.chance(0.5) ? pick(g.threads) : nullptr;
  channel* c = pick_channel(g, [](const channel& x) { return x.talks() && x.last_message != 0; });
  const auto count = static_cast<std::int32_t>(2 + random_.below(10));
  if (inside != nullptr && inside->message_count < count) inside = nullptr;
  if (inside == nullptr && c == nullptr) return false;
  if (inside != nullptr) inside->message_count -= count;
  json_writer json = begin("MESSAGE_DELETE_BULK", g, intent::messages);
  json.array("ids");
  for (std::int32_t i = 0; i < count; ++i) json.id(new_id());
  json.end_array();
  json.id("channel_id", inside != nullptr ? inside->id : c->id);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::reaction(guild& g) {
  member* who = pick_member(g);
  channel* c = pick_channel(g, [](const channel& x) { return x.talks() && x.last_message != 0; });
  if (who == nullptr || c == nullptr) return false;
  json_writer json = begin(wanted_, g, intent::reactions);
  json.id("user_id", who->id);
  json.number("type", 0);
  json.id("message_id", c->last_message);
  if (wanted_ == "MESSAGE_REACTION_ADD") {
    json.id("message_author_id", g.owner);
    json.object("member");
    text(g).member_fields(json, *who);
    json.end_object();
  }
  write_emoji(json, g, random_());
  json.id("channel_id", c->id);
  json.boolean("burst", false);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::reaction_remove_all(guild& g) {
  channel* c = pick_channel(g, [](const channel& x) { return x.talks() && x.last_message != 0; });
  if (c == nullptr) return false;
  json_writer json = begin("MESSAGE_REACTION_REMOVE_ALL", g, intent::reactions);
  json.id("message_id", c->last_message);
  json.id("channel_id", c->id);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::reaction_remove_emoji(guild& g) {
  channel* c = pick_channel(g, [](const channel& x) { return x.talks() && x.last_message != 0; });
  if (c == nullptr) return false;
  json_writer json = begin("MESSAGE_REACTION_REMOVE_EMOJI", g, intent::reactions);
  json.id("message_id", c->last_message);
  write_emoji(json, g, random_());
  json.id("channel_id", c->id);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::typing(guild& g) {
  member* who = pick_member(g);
  channel* c = pick_channel(g, [](const channel& x) { return x.talks(); });
  if (who == nullptr || c == nullptr) return false;
  json_writer json = begin("TYPING_START", g, intent::typing);
  json.id("user_id", who->id);
  json.number("timestamp", now_ms_ / 1000);
  json.object("member");
  text(g).member_fields(json, *who);
  json.end_object();
  json.id("channel_id", c->id);
  json.id("guild_id", g.id);
  end();
  return true;
}

bool event_mix::poll_vote(guild& g) {
  member* who = pick_member(g);
  channel* c = pick_channel(g, [](const channel& x) { return x.talks() && x.last_message != 0; });
  if (who == nullptr || c == nullptr) return false;
  json_writer json = begin(wanted_, g, intent::polls);
  json.id("user_id", who->id);
  json.id("message_id", c->last_message);
  json.id("guild_id", g.id);
  json.id("channel_id", c->id);
  json.number("answer_id", 1 + static_cast<std::int64_t>(random_.below(4)));
  end();
  return true;
}

bool event_mix::channel_pins(guild& g) {
  const std::int64_t when = random_.chance(0.2) ? 0 : now_ms_;
  thread* inside = random_.chance(0.3) ? pick(g.threads) : nullptr;
  channel* c = pick_channel(g, [](const channel& x) { return x.type == channel_type::text; });
  if (inside == nullptr && c == nullptr) return false;
  (inside != nullptr ? inside->last_pin_ms : c->last_pin_ms) = when;
  json_writer json = begin("CHANNEL_PINS_UPDATE", g, intent::guilds);
  json.time_or_null("last_pin_timestamp", when);
  json.id("guild_id", g.id);
  json.id("channel_id", inside != nullptr ? inside->id : c->id);
  end();
  return true;
}

}  // namespace evergate::sim
