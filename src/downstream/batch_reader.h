// Reads the journal for all lanes of one loop, remembering the last few batches, so that lanes near each
// other share one read (from memory or disk). Lives in its loop's room; holds at most `kept` batches.
#pragma once

#include <array>
#include <cstddef>

#include "base/result.h"
#include "flow/journal.h"

namespace evergate::downstream {

class batch_reader {
 public:
  batch_reader(flow::event_source& source, std::size_t bytes_hint) noexcept
      : source_(source), hint_(bytes_hint) {}

  struct slice {
    flow::batch_ptr batch;  ///< null when there is nothing past the offset
    std::size_t first = 0;  ///< the first row past the offset
  };

  /// The records past `after`, as flow::event_source::read_after gives them.
  [[nodiscard]] base::result<slice> read_after(flow::offset after);

 private:
  static constexpr std::size_t kept = 4;
  struct entry {
    flow::offset from;  ///< no retained record lies between this and the batch's first row
    flow::batch_ptr batch;
  };

  flow::event_source& source_;
  const std::size_t hint_;
  std::array<entry, kept> entries_;
  std::size_t next_ = 0;
};

}  // namespace evergate::downstream
