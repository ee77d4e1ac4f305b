// The right to serve one lane, as its consumer gives it to a connection: who the session is and from where
// its events are due. Immutable once given.
#pragma once

#include <memory>

#include "downstream/due.h"
#include "flow/journal.h"

namespace evergate::downstream {

struct lane_grant {
  flow::downstream_record session;
  flow::offset start;                ///< events past this; with RESUME the record's anchor
  std::shared_ptr<const due> older;  ///< never null
  flow::offset interactions_sent;    ///< interactions up to this were sent to an earlier session
  std::uint32_t large_threshold = 50;
};

}  // namespace evergate::downstream
