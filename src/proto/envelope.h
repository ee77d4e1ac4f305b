// The envelope scan: finds op, s, t, the raw bytes of d and the ids that routing needs, in one SIMD pass,
// without building a document. A plain search for "guild_id" is wrong on forwarded messages and
// GUILD_CREATE; this scan knows its depth. Pure; safe on any bytes.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "proto/event_type.h"
#include "proto/snowflake.h"

namespace evergate::proto {

/// One gateway payload, as views into the scanned bytes.
struct envelope {
  int op = -1;          ///< -1 when absent
  std::int64_t s = -1;  ///< -1 when null or absent
  std::string_view t;   ///< without quotes; empty when null or absent
  std::string_view d;   ///< raw JSON of the value of d; empty when absent
  event_type type = event_type::unknown;
  snowflake guild = 0;    ///< by the event's guild_place; 0 when it has none
  snowflake id = 0;       ///< d.id when it is a snowflake string at d's top level, else 0
  snowflake channel = 0;  ///< d.channel_id likewise
};

/// Scans `{op, d, s, t}` in any key order, unknown keys skipped. Fails (errc::bad_json) on anything that is
/// not one JSON object, on nesting past 512 levels, on an `op` or `s` that is no integer, and on a `t` with
/// escapes. The inside of d is walked for structure (strings, brackets); its literals are not judged.
[[nodiscard]] base::result<envelope> scan_envelope(std::string_view json);

}  // namespace evergate::proto
