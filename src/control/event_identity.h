// Which event of one session is the same as which event of another: two sessions of the same bot receive the
// same dispatches, but with different sequence numbers and a few members that differ. A table per type says
// what tells an event. Pure; safe on any bytes; bounded by the payload.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "proto/event_type.h"

namespace evergate::control {

enum class identity_kind : std::uint8_t {
  unique,   ///< happens once: seen on both sides it is the same event, so it may serve as the cut
  repeats,  ///< an equal one may be another event: compared in sequence, never the cut
  apart,    ///< belongs to one session (replies, sessions, voice servers): not part of the shared stream
};

/// 128 bits of what tells the event (XXH3), and what may be concluded from an equal one.
struct event_identity {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  identity_kind kind = identity_kind::repeats;

  [[nodiscard]] bool same_as(const event_identity& other) const noexcept {
    return low == other.low && high == other.high;
  }
};

/// `name` is the event's `t`, `d` its raw JSON. Members in another order give the same identity. A `unique`
/// type that lacks its id counts as `repeats`, told by all of `d`.
[[nodiscard]] event_identity identify(proto::event_type type, std::string_view name, std::string_view d);

/// The kind alone, as the table has it.
[[nodiscard]] identity_kind identity_kind_of(proto::event_type type) noexcept;

}  // namespace evergate::control
