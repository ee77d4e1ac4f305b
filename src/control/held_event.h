// An event that waits: its row, its bytes and what the mirror needs of it, out of the batch it came in.
// Owned by a guild_cut, which bounds how many there are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "control/event_identity.h"
#include "flow/event_batch.h"

namespace evergate::control {

/// An event as it arrives, still inside its batch. The pointers are valid during the call only.
struct arriving_event {
  event_identity what;
  const flow::event_batch* batch = nullptr;
  const flow::event_row* row = nullptr;
  const flow::counter_row* counter = nullptr;  ///< nullptr = it has none
};

struct held_event {
  event_identity what;
  base::instant at;      ///< when it arrived
  base::instant proved;  ///< what its side had proved by then: Discord handed it over later than this
  flow::event_row row;
  std::optional<flow::counter_row> counter;
  std::string bytes;  ///< name (if the type is unknown), then d

  held_event(const arriving_event& e, base::instant now, base::instant proved_before = {})
      : what(e.what),
        at(now),
        proved(proved_before),
        row(*e.row),
        bytes(e.batch->arena, e.row->pos, e.row->name_size + e.row->size) {
    if (e.counter != nullptr) counter = *e.counter;
  }

  [[nodiscard]] std::size_t size() const noexcept { return sizeof(held_event) + bytes.size(); }

  /// Puts it back into a batch, as its last row.
  void append_to(flow::event_batch& out) const {
    auto& again = out.rows.emplace_back(row);
    out.has_interactions |= row.type == proto::event_type::interaction_create;
    again.pos = static_cast<std::uint32_t>(out.arena.size());
    out.arena += bytes;
    if (!counter) return;
    out.counters.push_back(*counter);
    out.counters.back().offset = flow::offset{out.rows.size() - 1};
  }
};

}  // namespace evergate::control
