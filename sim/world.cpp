#include "sim/world.h"

#include "base/check.h"

namespace evergate::sim {

world::world(const world_options& options) : options_(options), bot_{.id = options.bot, .revision = 0} {
  ids_.reserve(options_.guilds);
  kept_.resize(options_.guilds);
  index_.reserve(options_.guilds);
  for (std::uint32_t i = 0; i < options_.guilds; ++i) {
    ids_.push_back(guild_id_of(options_, i));
    index_.emplace(ids_.back(), i);
  }
  present_ = options_.guilds;
}

std::optional<std::uint32_t> world::index_of(snowflake guild_id) const noexcept {
  const auto at = index_.find(guild_id);
  if (at == index_.end()) return std::nullopt;
  return at->second;
}

guild* world::guild_of_channel(snowflake channel_id) {
  const auto made_later = channels_.find(channel_id);
  const std::uint32_t index = made_later != channels_.end() ? made_later->second : guild_slot_of(channel_id);
  if (index >= slots() || ids_[index] == 0) return nullptr;
  guild scratch;
  const guild& seen = peek(index, scratch);
  const bool there = seen.find_channel(channel_id) != nullptr ||
                     std::ranges::any_of(seen.threads, [&](const thread& t) { return t.id == channel_id; });
  return there ? &touch(index) : nullptr;
}

guild& world::touch(std::uint32_t index) {
  base::check(index < slots() && ids_[index] != 0, "a guild that is not there was touched");
  auto& slot = kept_[index];
  if (!slot) slot = std::make_unique<guild>(make_guild(options_, index));
  return *slot;
}

const guild& world::peek(std::uint32_t index, guild& scratch) const {
  base::check(index < slots() && ids_[index] != 0, "a guild that is not there was read");
  if (kept_[index]) return *kept_[index];
  scratch = make_guild(options_, index);
  return scratch;
}

guild& world::join() {
  const std::uint32_t index = slots();
  ids_.push_back(guild_id_of(options_, index));
  kept_.emplace_back();
  index_.emplace(ids_.back(), index);
  ++present_;
  return touch(index);
}

void world::leave(std::uint32_t index) {
  index_.erase(ids_[index]);
  ids_[index] = 0;
  kept_[index].reset();
  --present_;
}

void world::write_guild_create(std::string& out, std::uint32_t index, const guild_view& view,
                               std::uint64_t serial, bool with_unavailable) const {
  guild scratch;
  const guild& g = peek(index, scratch);
  json_writer json(out);
  json.begin_object();
  if (serial != 0) json.number("_serial", static_cast<std::int64_t>(serial));
  if (with_unavailable) json.boolean("unavailable", false);
  guild_text(g, bot_).guild_create_fields(json, view);
  json.end_object();
}

}  // namespace evergate::sim
