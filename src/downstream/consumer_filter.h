// What a consumer does not want to see, by event and by guild. A pure function of the row, so that the
// numbering of a session's events can be done again; immutable once made. Costs one test an event when
// nothing is set, else a bit and two binary searches.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/event_batch.h"

namespace evergate::downstream {

struct filter_lists {
  std::vector<std::string> events_allow{};  ///< names as in `t`; when not empty, no others
  std::vector<std::string> events_deny{};
  std::vector<proto::snowflake> guilds_allow{};  ///< when not empty, no others
  std::vector<proto::snowflake> guilds_deny{};
};

class consumer_filter {
 public:
  consumer_filter() = default;
  /// errc::bad_option for what is no event name, and for READY, RESUMED, GUILD_CREATE and GUILD_DELETE among
  /// those denied: every library lives on them.
  [[nodiscard]] static base::result<consumer_filter> make(const filter_lists& lists);

  /// Replies to the consumer's own commands, READY, RESUMED, GUILD_CREATE and GUILD_DELETE pass whatever
  /// events_allow says; events without a guild pass whatever the guild lists say.
  [[nodiscard]] bool passes(const flow::event_batch& batch, const flow::event_row& row) const noexcept {
    return !set_ || judge(batch, row);
  }
  [[nodiscard]] bool passes_guild(proto::snowflake guild) const noexcept {
    return !by_guild_ || guild == 0 || judge_guild(guild);
  }
  /// 0 when nothing is set; else tells lists apart, whatever their order.
  [[nodiscard]] std::uint32_t hash() const noexcept { return hash_; }

 private:
  [[nodiscard]] bool judge(const flow::event_batch& batch, const flow::event_row& row) const noexcept;
  [[nodiscard]] bool judge_guild(proto::snowflake guild) const noexcept;
  [[nodiscard]] bool judge_name(std::string_view name) const noexcept;

  bool set_ = false;
  bool by_guild_ = false;
  bool allows_listed_only_ = false;
  std::bitset<256> types_;                ///< that pass; without `unknown`
  std::vector<std::string> names_allow_;  ///< of events not in the table, sorted
  std::vector<std::string> names_deny_;
  std::vector<proto::snowflake> guilds_allow_;  ///< sorted
  std::vector<proto::snowflake> guilds_deny_;
  std::uint32_t hash_ = 0;
};

}  // namespace evergate::downstream
