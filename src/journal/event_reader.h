// Stored events in offset order: the blobs of the three classes put together again, one round after the
// other. What is damaged is left out and told. One reader per use, on the caller's thread, over a snapshot it
// does not own. Bounded by the hint plus one round.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/event_batch.h"
#include "journal/event_blob.h"
#include "journal/store.h"

namespace evergate::journal {

/// Records that cannot be read any more.
struct damaged_events {
  proto::event_class retention = proto::event_class::state;
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< as far as is known; at least `first`
  std::string found;
};

class event_reader {
 public:
  explicit event_reader(snapshot& view) : view_(view) {}

  /// A batch of the retained rows past `after`, of whole rounds until it has `bytes_hint` bytes; null when
  /// there are none. Every retained row up to the batch's last is in it, save those in damage(). An error
  /// means that the store itself cannot be read.
  [[nodiscard]] base::result<std::shared_ptr<flow::event_batch>> read(std::uint64_t after,
                                                                      std::size_t bytes_hint);

  /// What read() has left out so far.
  [[nodiscard]] const std::vector<damaged_events>& damage() const noexcept { return damage_; }

 private:
  struct source {
    std::unique_ptr<cursor> at;
    bool more = false;
    std::uint64_t previous = 0;     ///< first offset of the blob before, 0 = not seen
    std::optional<blob_view> blob;  ///< where the cursor stands, its index verified
  };
  [[nodiscard]] base::result<void> open(std::uint64_t after);
  /// To the first blob at or past the cursor whose index is whole.
  [[nodiscard]] base::result<void> look(source& from, std::uint8_t retention);
  [[nodiscard]] base::result<void> move(source& from);
  void note(std::string_view key, std::uint64_t last, const base::error& why);
  [[nodiscard]] base::result<void> take(source& from, std::uint64_t after, flow::event_batch& out);

  snapshot& view_;
  std::vector<damaged_events> damage_;
  std::array<source, proto::event_class_count> sources_;
};

}  // namespace evergate::journal
