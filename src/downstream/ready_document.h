// READY for one downstream session: the upstream READY `d` verbatim, with the members that are the
// session's own spliced in. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "flow/journal.h"
#include "proto/snowflake.h"

namespace evergate::downstream {

struct ready_parts {
  std::string_view session_id;
  std::string_view resume_url;
  std::span<const flow::guild_entry> guilds;
  proto::shard_key lane;
};

/// Appends the `d` of READY to `out`. `private_channels` is added when Discord's has none (eris needs it).
/// Fails when `upstream` is no object.
[[nodiscard]] base::result<void> append_ready(std::string_view upstream, const ready_parts& own,
                                              std::string& out);

/// The bot's id, out of READY's `d`; 0 when it has none.
[[nodiscard]] proto::snowflake self_id(std::string_view upstream) noexcept;

}  // namespace evergate::downstream
