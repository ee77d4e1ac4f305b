// The frames that a session writes: heartbeat, IDENTIFY, RESUME, presence. Pure string building. The token
// goes into the returned frame and nowhere else. Heartbeat and RESUME take a committed sequence by type.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"
#include "flow/offset.h"
#include "proto/intents.h"
#include "proto/snowflake.h"

namespace evergate::upstream {

struct identify_fields {
  proto::shard_key shard;
  proto::intent_bits intents = 0;
  std::uint32_t large_threshold = 250;  ///< 50 to 250
  std::string os = "linux";
  std::string browser = "evergate";
  std::string device = "evergate";
  std::string presence;  ///< raw JSON object, empty = none
};

/// `{"op":1,"d":seq or null}`
[[nodiscard]] std::string heartbeat_frame(flow::committed_seq seq);
/// `{"op":2,"d":{…}}`
[[nodiscard]] std::string identify_frame(const identify_fields& fields, const base::secret& token);
/// `{"op":6,"d":{token, session_id, seq}}`; the sequence must not be none.
[[nodiscard]] std::string resume_frame(std::string_view session_id, flow::committed_seq seq,
                                       const base::secret& token);
/// `{"op":3,"d":presence}`
[[nodiscard]] std::string presence_frame(std::string_view presence);

}  // namespace evergate::upstream
