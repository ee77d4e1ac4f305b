// What lies in the store of one class, told by the blobs' headers and indexes alone: flow::event_source's
// stretches(). Reads a consistent view; one thread at a time.
#pragma once

#include <functional>

#include "base/result.h"
#include "flow/journal.h"
#include "journal/store.h"

namespace evergate::journal {

[[nodiscard]] base::result<void> stretches_in(snapshot& view, proto::event_class of, flow::offset after,
                                              flow::offset upto,
                                              const std::function<bool(const flow::stretch&)>& each);

}  // namespace evergate::journal
