// Reads the journal for all lanes of one loop, remembering the last few batches, so that lanes near each
// other share one read (from memory or disk). Lives in its loop's room; holds at most twice `kept` batches.
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
  [[nodiscard]] base::result<slice> read_after(flow::offset after) { return find(after, read_); }
  /// The same for those who look through what is new while lanes are far behind: the two do not push each
  /// other's batches out.
  [[nodiscard]] base::result<slice> look_after(flow::offset after) { return find(after, looked_at_); }

 private:
  static constexpr std::size_t kept = 4;
  struct entry {
    flow::offset from;  ///< no retained record lies between this and the batch's first row
    flow::batch_ptr batch;
  };

  struct shelf {
    std::array<entry, kept> entries;
    std::size_t next = 0;
  };

  [[nodiscard]] base::result<slice> find(flow::offset after, shelf& keep_in);
  [[nodiscard]] static slice found_in(const shelf& where, flow::offset after);

  flow::event_source& source_;
  const std::size_t hint_;
  shelf read_;
  shelf looked_at_;
};

}  // namespace evergate::downstream
