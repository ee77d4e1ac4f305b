// The declarative filters: events that nobody wants, by name and by guild, left out before the journal.
// Immutable once made; costs a bit test an event. Bounded by its options.
#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/event_type.h"
#include "proto/snowflake.h"

namespace evergate::pipeline {

struct filter_options {
  /// Names as in `t`, known or not. READY, RESUMED, GUILD_CREATE and GUILD_DELETE cannot be dropped: the
  /// sessions and the mirror live on them. Default: none.
  std::vector<std::string> dropped_events;
  /// When not empty, only these guilds pass. Events without a guild always pass. Default: all.
  std::vector<proto::snowflake> guilds_allowed;
  /// These guilds do not pass, allowed or not. Default: none.
  std::vector<proto::snowflake> guilds_denied;
};

class event_filter {
 public:
  [[nodiscard]] static base::result<event_filter> make(const filter_options& options);

  [[nodiscard]] bool drops_event(proto::event_type type, std::string_view name) const noexcept {
    if (type != proto::event_type::unknown) [[likely]]
      return types_[static_cast<std::size_t>(type)];
    return !names_.empty() && drops_name(name);
  }
  [[nodiscard]] bool drops_guild(proto::snowflake guild) const noexcept {
    if (guild == 0 || (allowed_.empty() && denied_.empty())) [[likely]]
      return false;
    return judges_out(guild);
  }

 private:
  event_filter() = default;
  [[nodiscard]] bool drops_name(std::string_view name) const noexcept;
  [[nodiscard]] bool judges_out(proto::snowflake guild) const noexcept;

  std::bitset<256> types_;
  std::vector<std::string> names_;         ///< of events not in the table, sorted
  std::vector<proto::snowflake> allowed_;  ///< sorted
  std::vector<proto::snowflake> denied_;   ///< sorted
};

}  // namespace evergate::pipeline
