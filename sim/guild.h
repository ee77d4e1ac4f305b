// One guild of the simulated world as plain values. What does not need a field of its own (names, colours,
// flags) is derived from an object's id and revision when it is written, so that a change is `++revision`
// and a guild stays small. Owned by the world; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace evergate::sim {

using snowflake = std::uint64_t;

inline constexpr std::int64_t discord_epoch_ms = 1'420'070'400'000;

/// A well mixed hash of two numbers: the source of everything derived.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b = 0) noexcept {
  std::uint64_t z = a + 0x9e3779b97f4a7c15ULL * (b + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

enum class presence_status : std::uint8_t { offline, online, idle, dnd };

/// Discord's channel types.
enum class channel_type : std::uint8_t {
  text = 0,
  voice = 2,
  category = 4,
  announcement = 5,
  announcement_thread = 10,
  public_thread = 11,
  private_thread = 12,
  stage = 13,
  forum = 15
};

struct member {
  snowflake id = 0;
  std::uint32_t revision = 0;
  std::uint32_t user_revision = 0;
  std::uint32_t presence_revision = 0;
  presence_status status = presence_status::offline;
  bool bot = false;
  std::int64_t joined_ms = 0;
  std::vector<snowflake> roles = {};
};

struct channel {
  snowflake id = 0;
  channel_type type = channel_type::text;
  snowflake parent = 0;
  std::int32_t position = 0;
  std::uint32_t revision = 0;
  snowflake last_message = 0;
  snowflake last_deleted = 0;  ///< a message is deleted once
  std::int64_t last_pin_ms = 0;
  bool fixed = false;                 ///< the guild object points at it: never deleted
  std::uint32_t status_revision = 0;  ///< the voice channel's status text, kept beside the channel object

  [[nodiscard]] bool talks() const noexcept {
    return type == channel_type::text || type == channel_type::announcement || type == channel_type::voice;
  }
  [[nodiscard]] bool holds_voice() const noexcept {
    return type == channel_type::voice || type == channel_type::stage;
  }
};

struct thread {
  snowflake id = 0;
  snowflake parent = 0;
  snowflake owner = 0;
  channel_type type = channel_type::public_thread;
  std::uint32_t revision = 0;
  snowflake last_message = 0;
  snowflake last_deleted = 0;  ///< a message is deleted once
  std::int64_t last_pin_ms = 0;
  std::int64_t archive_changed_ms = 0;
  std::int32_t message_count = 0;
  std::int32_t total_sent = 0;
  std::int32_t member_count = 1;
  bool joined = false;  ///< the bot is a member
  std::int64_t joined_ms = 0;
  std::int32_t join_flags = 0;
};

struct role {
  snowflake id = 0;
  std::uint32_t revision = 0;
  std::int32_t position = 0;
};

/// An emoji, a sticker or a soundboard sound.
struct expression {
  snowflake id = 0;
  std::uint32_t revision = 0;
};

struct stage_instance {
  snowflake id = 0;
  snowflake channel = 0;
  std::uint32_t revision = 0;
};

struct scheduled_event {
  snowflake id = 0;
  snowflake channel = 0;  ///< 0 = held somewhere else
  snowflake creator = 0;
  std::uint32_t revision = 0;
  std::int32_t status = 1;  ///< 1 scheduled, 2 active, 3 completed, 4 cancelled
  std::int32_t user_count = 0;
  std::int64_t start_ms = 0;
};

struct voice_state {
  snowflake user = 0;
  snowflake channel = 0;
  std::uint32_t revision = 0;
  bool self_mute = false;
  bool self_deaf = false;
  std::string session;  ///< the bot's own gateway session; empty for others, whose ids are derived
};

struct guild {
  snowflake id = 0;
  std::uint32_t index = 0;
  std::uint32_t revision = 0;
  bool available = true;
  snowflake owner = 0;
  std::int64_t joined_ms = 0;
  std::int32_t member_count = 0;
  snowflake system_channel = 0;
  snowflake rules_channel = 0;
  snowflake afk_channel = 0;
  std::vector<member> members;  ///< the bot is the first
  std::vector<channel> channels;
  std::vector<thread> threads;           ///< active ones
  std::vector<thread> archived_threads;  ///< a few, so that they can come back
  std::vector<role> roles;               ///< @everyone is the first
  std::vector<expression> emojis;
  std::vector<expression> stickers;
  std::vector<expression> sounds;
  std::vector<stage_instance> stages;
  std::vector<scheduled_event> scheduled_events;
  std::vector<voice_state> voice_states;

  [[nodiscard]] std::int64_t created_ms() const noexcept {
    return static_cast<std::int64_t>(id >> 22) + discord_epoch_ms;
  }
  [[nodiscard]] member* find_member(snowflake user) noexcept { return find(members, user); }
  [[nodiscard]] const member* find_member(snowflake user) const noexcept { return find(members, user); }
  [[nodiscard]] channel* find_channel(snowflake channel_id) noexcept { return find(channels, channel_id); }
  [[nodiscard]] thread* find_thread(snowflake thread_id) noexcept { return find(threads, thread_id); }
  [[nodiscard]] const channel* find_channel(snowflake channel_id) const noexcept {
    return find(channels, channel_id);
  }
  [[nodiscard]] voice_state* find_voice(snowflake user) noexcept {
    const auto at = std::ranges::find(voice_states, user, &voice_state::user);
    return at == voice_states.end() ? nullptr : &*at;
  }
  [[nodiscard]] const voice_state* find_voice(snowflake user) const noexcept {
    const auto at = std::ranges::find(voice_states, user, &voice_state::user);
    return at == voice_states.end() ? nullptr : &*at;
  }

 private:
  template <class List>
  static auto find(List& list, snowflake wanted) noexcept -> decltype(&list[0]) {
    for (auto& item : list) {
      if (item.id == wanted) return &item;
    }
    return nullptr;
  }
};

}  // namespace evergate::sim
