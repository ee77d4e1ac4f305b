// Stored events in offset order: the blobs of the three classes put together again, one round after the
// other. One reader per use, on the caller's thread, over a snapshot it does not own. Bounded by the hint
// plus one round.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "flow/event_batch.h"
#include "journal/event_blob.h"
#include "journal/store.h"

namespace evergate::journal {

class event_reader {
 public:
  explicit event_reader(snapshot& view) : view_(view) {}

  /// A batch of the retained rows past `after`, of whole rounds until it has `bytes_hint` bytes; null when
  /// there are none. Every retained row up to the batch's last is in it.
  [[nodiscard]] base::result<std::shared_ptr<flow::event_batch>> read(std::uint64_t after,
                                                                      std::size_t bytes_hint);

 private:
  struct source {
    std::unique_ptr<cursor> at;
    bool more = false;
    blob_header header;
  };
  [[nodiscard]] base::result<void> open(std::uint64_t after);
  [[nodiscard]] base::result<void> look(source& from, std::uint8_t retention);
  [[nodiscard]] base::result<void> take(source& from, std::uint64_t after, flow::event_batch& out);

  snapshot& view_;
  std::array<source, proto::event_class_count> sources_;
};

}  // namespace evergate::journal
