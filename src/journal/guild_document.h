// A guild as GUILD_CREATE described it and the events since have changed it (discord-gateway.md §4, "Apply").
// Kept as raw slices: unknown members and arrays keep their bytes, an array is taken apart only when an event
// touches it. Lives for one materialisation, on one thread; holds the base text and what was changed.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/event_batch.h"
#include "journal/apply.h"
#include "journal/element_list.h"
#include "proto/event_type.h"
#include "proto/snowflake.h"

namespace evergate::journal {

/// The arrays that events change element by element.
enum class guild_array : std::uint8_t {
  roles,
  emojis,
  stickers,
  channels,
  threads,
  members,
  presences,
  voice_states,
  stage_instances,
  guild_scheduled_events,
  soundboard_sounds,
};
inline constexpr std::size_t guild_array_count = 11;

class guild_document {
 public:
  /// `self` is the bot's own user id, 0 when not known yet.
  explicit guild_document(proto::snowflake self = 0) : self_(self) {}

  /// The base: a whole GUILD_CREATE. False (and no change) when `json` is no object.
  bool replace(std::string json);
  /// True once there is a base; events before it are ignored.
  [[nodiscard]] bool present() const noexcept { return present_; }
  /// GUILD_DELETE without `unavailable`.
  void remove();

  /// Applies one event's d (GUILD_CREATE with `unavailable:true` and GUILD_DELETE change nothing here). False
  /// when it could not be used: no base, no object, or an event that does not concern the document.
  bool apply(proto::event_type type, std::string_view d);
  /// Moves last_message_id and the message counts; those of one channel together, once something looks.
  void apply(const flow::counter_row& counter);
  /// USER_UPDATE: the bot's own member.
  void apply_user(std::string_view user);

  /// The whole document with `"unavailable":false`.
  void write(std::string& out);

  // For the apply_* functions.
  [[nodiscard]] proto::snowflake self() const noexcept { return self_; }
  /// The array, taken apart on first use and made when the base lacks it.
  [[nodiscard]] element_list& list(guild_array which);
  /// Raw top-level value; empty when absent.
  [[nodiscard]] std::string_view get(std::string_view key) const;
  void set(std::string_view key, std::string_view value);
  /// Adds to a top-level integer that is there.
  void add(std::string_view key, std::int64_t amount);
  /// Keeps bytes for as long as the document lives.
  [[nodiscard]] std::string_view keep(std::string text);

 private:
  struct top_member {
    std::string_view key;
    std::string_view value;
    int list = -1;  ///< guild_array, when it is one
  };
  [[nodiscard]] top_member* find(std::string_view key);
  void apply_counted();

  proto::snowflake self_;
  bool present_ = false;
  std::deque<std::string> kept_;
  std::vector<top_member> members_;
  std::array<std::unique_ptr<element_list>, guild_array_count> lists_;
  std::vector<counted> counted_;  ///< by channel
};

}  // namespace evergate::journal
