// Where in the journal a position lies. Blocks on disk for times.
#pragma once

#include "base/result.h"
#include "flow/journal.h"
#include "flow/position.h"

namespace evergate::downstream {

/// The offset that has everything before the position behind it, between the oldest that is kept and the
/// head.
[[nodiscard]] base::result<flow::offset> locate(flow::event_source& events, const flow::position& where);

}  // namespace evergate::downstream
