// Picks what happens next, changes the world accordingly and writes the event. Weights follow what a busy
// bot sees: mostly messages, presences and typing, and now and then one of everything that exists. Owned by
// the core; one thread; chance and time come in as arguments, so a seed reproduces a run.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "sim/event.h"
#include "sim/world.h"

namespace evergate::sim {

struct mix_options {
  std::uint32_t message_bytes = 1200;  ///< average size of a MESSAGE_CREATE
  double outage_share_max = 0.01;      ///< of all guilds, unavailable at once
};

class event_mix {
 public:
  event_mix(world& w, const mix_options& options, std::uint64_t seed);

  /// The serial of the last event made; replies and backfill take theirs from the same counter.
  [[nodiscard]] std::uint64_t next_serial() noexcept { return ++serial_; }
  [[nodiscard]] std::uint64_t last_serial() const noexcept { return serial_; }

  /// Makes one event by weight.
  void next(std::int64_t now_ms, event& out);
  /// Makes one of the given type (or GUILD_OUTAGE, GUILD_RETURN); false when there is no such type or no
  /// guild allows it.
  [[nodiscard]] bool make(std::string_view type, std::int64_t now_ms, event& out);
  /// The guild `index` comes back from an outage, if it is in one.
  [[nodiscard]] bool end_outage(std::int64_t now_ms, event& out);
  [[nodiscard]] static std::vector<std::string_view> types();

  /// Whether messages are also written as sessions without MESSAGE_CONTENT see them.
  void want_stripped(bool wanted) noexcept { want_stripped_ = wanted; }

  /// The bot's message of a REST call.
  void own_message(guild& g, snowflake channel_id, std::string_view content, std::int64_t now_ms, event& out);
  /// The bot joins, moves in or leaves (channel 0) voice.
  void own_voice(guild& g, snowflake channel_id, bool mute, bool deaf, std::string_view session,
                 std::int64_t now_ms, event& out);

  using maker = bool (event_mix::*)(guild&);
  struct kind {
    std::string_view name;
    std::uint32_t weight;
    maker make;
  };

 private:
  static const kind table_[];
  [[nodiscard]] static std::span<const kind> kinds();
  [[nodiscard]] guild* any_guild();
  bool attempt(const kind& what, guild& g, event& out);

  /// Starts `d`; the caller adds members and calls end().
  json_writer begin(std::string_view type, snowflake guild_id, std::uint32_t index, intent_bits intents);
  json_writer begin(std::string_view type, const guild& g, intent_bits intents) {
    return begin(type, g.id, g.index, intents);
  }
  void end() { out_->d += '}'; }
  [[nodiscard]] guild_text text(const guild& g) const { return {g, world_.bot()}; }
  [[nodiscard]] snowflake new_id() { return world_.ids().next(now_ms_); }
  template <class List>
  [[nodiscard]] auto* pick(List& list) {
    return list.empty() ? nullptr : &list[random_.below(list.size())];
  }
  /// Anybody but the bot.
  [[nodiscard]] member* pick_member(guild& g) {
    return g.members.size() < 2 ? nullptr : &g.members[1 + random_.below(g.members.size() - 1)];
  }
  template <class Condition>
  [[nodiscard]] channel* pick_channel(guild& g, Condition&& fits) {
    const std::size_t start = random_.below(g.channels.size());
    for (std::size_t i = 0; i < g.channels.size(); ++i) {
      channel& c = g.channels[(start + i) % g.channels.size()];
      if (fits(c)) return &c;
    }
    return nullptr;
  }

  // message_events.cpp
  struct message_draft;
  void write_message(const message_draft& draft, bool content, std::string& out);
  void finish_message(const message_draft& draft);
  [[nodiscard]] std::string prose(std::uint64_t chance, std::size_t bytes);
  bool message_create(guild& g);
  bool message_update(guild& g);
  bool message_delete(guild& g);
  bool message_delete_bulk(guild& g);
  bool direct_message(guild& g);
  bool reaction(guild& g);
  bool reaction_remove_all(guild& g);
  bool reaction_remove_emoji(guild& g);
  bool typing(guild& g);
  bool poll_vote(guild& g);
  bool channel_pins(guild& g);
  // direct_events.cpp
  bool direct_other(guild& g);
  // channel_events.cpp
  bool channel_create(guild& g);
  bool channel_update(guild& g);
  bool channel_delete(guild& g);
  bool thread_create(guild& g);
  bool thread_update(guild& g);
  bool thread_archive(guild& g);
  bool thread_delete(guild& g);
  bool thread_list_sync(guild& g);
  bool thread_member_update(guild& g);
  bool thread_members_update(guild& g);
  void list_threads(json_writer& json, const guild& g, snowflake parent);
  void archive(guild& g, const thread& t);
  // guild_events.cpp
  bool guild_update(guild& g);
  bool guild_join(guild& g);
  bool guild_leave(guild& g);
  bool guild_outage(guild& g);
  bool guild_return(guild& g);
  bool role_create(guild& g);
  bool role_update(guild& g);
  bool role_delete(guild& g);
  bool emojis_update(guild& g);
  bool stickers_update(guild& g);
  bool sound_create(guild& g);
  bool sound_update(guild& g);
  bool sound_delete(guild& g);
  bool sounds_update(guild& g);
  bool scheduled_create(guild& g);
  bool scheduled_update(guild& g);
  bool scheduled_delete(guild& g);
  bool scheduled_user(guild& g);
  bool stage_create(guild& g);
  bool stage_update(guild& g);
  bool stage_delete(guild& g);
  void change_list(std::vector<expression>& list, std::size_t most);
  // member_events.cpp
  bool member_add(guild& g);
  bool member_update(guild& g);
  bool member_remove(guild& g);
  bool presence_update(guild& g);
  bool voice_update(guild& g);
  bool ban(guild& g);
  bool user_update(guild& g);
  void write_voice(const guild& g, const voice_state& v);
  // other_events.cpp
  bool interaction(guild& g);
  bool direct_interaction(guild& g);
  bool automod_rule(guild& g);
  bool automod_execution(guild& g);
  bool audit_log(guild& g);
  bool invite(guild& g);
  bool integration(guild& g);
  bool webhooks(guild& g);
  bool command_permissions(guild& g);
  bool entitlement(guild& g);
  bool subscription(guild& g);
  bool voice_channel_status(guild& g);
  bool voice_channel_effect(guild& g);
  bool join_request(guild& g);
  bool undocumented(guild& g);

  world& world_;
  mix_options options_;
  base::rng random_;
  std::uint64_t serial_ = 0;
  std::uint32_t weight_total_ = 0;
  std::int64_t now_ms_ = 0;
  bool want_stripped_ = false;
  event* out_ = nullptr;
  std::string_view wanted_;             ///< the name asked of a maker that makes several
  std::vector<std::uint32_t> outages_;  ///< slots
};

}  // namespace evergate::sim
