// Writes a guild and its parts as Discord writes them: the one place that knows the shape of each object, so
// that an event and the ground truth cannot disagree. Made for one moment; borrows the guild. One thread.
#pragma once

#include <string>
#include <string_view>

#include "sim/guild.h"
#include "sim/intent.h"
#include "sim/json_writer.h"

namespace evergate::sim {

/// The bot's own account, the same in every guild.
struct bot_user {
  snowflake id = 0;
  std::uint32_t revision = 0;
};

/// Who asks for a GUILD_CREATE: what it holds depends on it.
struct guild_view {
  intent_bits intents = intent::all;
  std::uint32_t large_threshold = 50;
};

[[nodiscard]] std::string user_name(snowflake id, std::uint32_t revision);
/// A derived name of two words, now and then with quotes, backslashes or characters outside ASCII.
[[nodiscard]] std::string word_pair(std::uint64_t chance);

void write_user(json_writer& out, snowflake id, std::uint32_t revision, bool bot);
/// READY's and USER_UPDATE's form: with mfa_enabled, verified and so on.
void write_own_user(json_writer& out, const bot_user& bot);

class guild_text {
 public:
  guild_text(const guild& g, const bot_user& bot) noexcept : guild_(g), bot_(bot) {}

  /// Members of an object already begun, so that the caller can add to it.
  void member_fields(json_writer& out, const member& m, bool with_user = true) const;
  void channel_fields(json_writer& out, const channel& c) const;
  void thread_fields(json_writer& out, const thread& t, bool archived = false) const;
  void presence_fields(json_writer& out, const member& m) const;
  void voice_fields(json_writer& out, const voice_state& v) const;
  void guild_fields(json_writer& out) const;

  void role_object(json_writer& out, const role& r) const;
  void emoji_object(json_writer& out, const expression& e) const;
  void sticker_object(json_writer& out, const expression& s) const;
  void sound_fields(json_writer& out, const expression& s) const;
  void stage_fields(json_writer& out, const stage_instance& s) const;
  void scheduled_fields(json_writer& out, const scheduled_event& e) const;
  void own_thread_member(json_writer& out, const thread& t, bool with_ids) const;

  void emojis(json_writer& out) const;
  void stickers(json_writer& out) const;

  /// All of GUILD_CREATE's `d` but the braces and `unavailable`.
  void guild_create_fields(json_writer& out, const guild_view& view) const;

 private:
  void members(json_writer& out, const guild_view& view) const;
  void user_of(json_writer& out, const member& m) const;

  const guild& guild_;
  const bot_user& bot_;
};

}  // namespace evergate::sim
