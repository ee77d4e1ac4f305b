// Every guild there is: ids at once, contents when first touched, changed ones kept. Also the bot's own
// account and the maker of new ids. Owned by the core; one thread; bounded by guilds × members, of which
// only touched guilds take memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/guild.h"
#include "sim/guild_maker.h"
#include "sim/guild_text.h"
#include "sim/id_source.h"

namespace evergate::sim {

class world {
 public:
  explicit world(const world_options& options);

  [[nodiscard]] const world_options& options() const noexcept { return options_; }
  /// Slots, those of guilds that were left included.
  [[nodiscard]] std::uint32_t slots() const noexcept { return static_cast<std::uint32_t>(ids_.size()); }
  [[nodiscard]] std::uint32_t guilds() const noexcept { return present_; }
  /// 0 when the bot left it.
  [[nodiscard]] snowflake id_at(std::uint32_t index) const noexcept { return ids_[index]; }
  [[nodiscard]] std::optional<std::uint32_t> index_of(snowflake guild_id) const noexcept;
  /// The guild that holds this channel or thread, if the bot sees it.
  [[nodiscard]] guild* guild_of_channel(snowflake channel_id);

  /// For changing: made if need be, then kept.
  [[nodiscard]] guild& touch(std::uint32_t index);
  /// For reading: an untouched guild is made into `scratch` and not kept.
  [[nodiscard]] const guild& peek(std::uint32_t index, guild& scratch) const;

  /// False during an outage; untouched guilds have none.
  [[nodiscard]] bool kept_available(std::uint32_t index) const noexcept {
    return !kept_[index] || kept_[index]->available;
  }

  guild& join();  ///< a new guild
  void leave(std::uint32_t index);
  void remember_channel(snowflake channel_id, std::uint32_t index) { channels_[channel_id] = index; }
  void forget_channel(snowflake channel_id) { channels_.erase(channel_id); }

  [[nodiscard]] bot_user& bot() noexcept { return bot_; }
  [[nodiscard]] const bot_user& bot() const noexcept { return bot_; }
  [[nodiscard]] id_source& ids() noexcept { return new_ids_; }

  /// GUILD_CREATE's `d` for this viewer, from brace to brace. `serial` 0 leaves `_serial` out; `unavailable`
  /// absent means that the bot has just joined.
  void write_guild_create(std::string& out, std::uint32_t index, const guild_view& view, std::uint64_t serial,
                          bool with_unavailable) const;

 private:
  world_options options_;
  std::vector<snowflake> ids_;
  std::vector<std::unique_ptr<guild>> kept_;
  std::unordered_map<snowflake, std::uint32_t> index_;
  std::unordered_map<snowflake, std::uint32_t> channels_;  ///< those that were made after their guild
  std::uint32_t present_ = 0;
  bot_user bot_;
  id_source new_ids_;
};

}  // namespace evergate::sim
