// The right to serve one lane, as its consumer gives it to a connection: who the session is and from where
// its events are due. Immutable once given.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "downstream/consumer_policy.h"
#include "downstream/due.h"
#include "flow/journal.h"

namespace evergate::downstream {

/// What a bot said in its IDENTIFY about its library.
struct session_traits {
  std::uint32_t large_threshold = 50;
  bool may_ask = false;  ///< answers op 1 well
};

struct lane_grant {
  flow::downstream_record session;
  flow::offset start;                ///< events past this; with RESUME the record's anchor
  std::shared_ptr<const due> older;  ///< never null
  flow::offset interactions;         ///< those past this are due, as far as `older` says so
  policy_ptr policy = consumer_policy::plain();
  session_traits traits;
  flow::offset suspect;             ///< one of the events up to this may be what kills the bot
  std::uint32_t suspect_count = 0;  ///< of so many
  /// By class: events up to this were given up for the consumer.
  std::array<flow::offset, proto::event_class_count> dropped{};
  bool held = false;  ///< the consumer is paused: nothing flows until a go_on order

  /// Whether the consumer is to see the row: by its lists, then by deliver_event.
  [[nodiscard]] bool shows(const flow::event_batch& batch, const flow::event_row& row) const {
    if (!policy->filter.passes(batch, row)) return false;
    return !policy->decisions->deliver_event.overridden() || decided(batch, row);
  }

 private:
  [[nodiscard]] bool decided(const flow::event_batch& batch, const flow::event_row& row) const;
};

}  // namespace evergate::downstream
