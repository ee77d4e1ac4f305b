// The door between upstream and the pipeline: a scanned dispatch becomes a row of a batch, or nothing when
// it is filtered. Implemented by pipeline::intake; one per worker, called on its thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "flow/event_batch.h"
#include "proto/envelope.h"
#include "proto/snowflake.h"

namespace evergate::flow {

class intake {
 public:
  virtual ~intake() = default;
  /// Appends the dispatch to `out` (rows, arena, counters), or leaves it out when a filter says so. READY
  /// becomes a session_started record, RESUMED nothing. Progress is the caller's to note.
  virtual void add(const proto::envelope& event, proto::shard_key shard, event_batch& out) = 0;
};

/// A stretch of events that Discord will not give us, appended before the READY of the session that follows.
struct gap_record {
  proto::shard_key shard;
  std::string session_id;      ///< of the lost session
  std::int64_t last_seq = -1;  ///< the last committed one
  std::int64_t time_ms = 0;    ///< wall time, since 1970
  std::string cause;           ///< for example "invalid_session", "close 4007", "resume_failed"
};

/// Appends the gap as a row (type gap, internal) to `out`; its d is
/// `{"shard":[i,n],"session_id":…,"last_seq":…,"time_ms":…,"cause":…}`.
void append_gap(const gap_record& gap, event_batch& out);

/// Appends one row whose bytes are `d`; returns it for the caller to fill in the rest.
event_row& append_row(event_batch& out, proto::event_type type, std::string_view name, std::string_view d);

}  // namespace evergate::flow
