// The door between upstream and the pipeline: a scanned dispatch becomes a row of a batch, or nothing when
// it is filtered. Implemented by pipeline::intake; one per worker, called on its thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "flow/event_batch.h"
#include "flow/gap.h"
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

/// Appends the gap as a row (type gap, internal) to `out`; its d is
/// `{"shard":[i,n],"session_id":…,"last_seq":…,"time_ms":…,"cause":…}`, with `"consumer":…` when it is one's
/// alone.
void append_gap(const gap_record& gap, event_batch& out);

/// Appends one row whose bytes are `d`; returns it for the caller to fill in the rest.
event_row& append_row(event_batch& out, proto::event_type type, std::string_view name, std::string_view d);

}  // namespace evergate::flow
