// A stretch of events that somebody will never see, as the journal records it. Values.
#pragma once

#include <cstdint>
#include <string>

#include "proto/snowflake.h"

namespace evergate::flow {

/// A stretch of events that Discord will not give us, appended before the READY of the session that follows;
/// or one that was given up, with shard {0, 0}.
struct gap_record {
  proto::shard_key shard{};
  std::string session_id{};    ///< of the lost session
  std::int64_t last_seq = -1;  ///< the last committed one
  std::int64_t time_ms = 0;    ///< wall time, since 1970
  std::string cause{};         ///< for example "invalid_session", "close 4007", "resume_failed"
  std::string consumer{};      ///< the only one that misses them; empty = all
};

}  // namespace evergate::flow
