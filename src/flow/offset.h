// Positions: `offset` counts every record of an application's journal from 1, over all event classes;
// `committed_seq` is an upstream sequence number whose event is on disk.
#pragma once

#include <compare>
#include <cstdint>

namespace evergate::flow {

/// Position of a record in the journal. `offset{0}` is before the first; a cursor at x has x behind it.
struct offset {
  std::uint64_t value = 0;
  auto operator<=>(const offset&) const = default;
};

class commit_authority;

/// An upstream sequence number that survived: only a store that has committed it can make one, so that a
/// heartbeat or RESUME cannot carry a sequence that a crash would take back.
class committed_seq {
 public:
  committed_seq() = default;  ///< nothing committed yet; heartbeats carry null
  [[nodiscard]] bool none() const noexcept { return value_ < 0; }
  [[nodiscard]] std::int64_t value() const noexcept { return value_; }
  auto operator<=>(const committed_seq&) const = default;

 private:
  friend class commit_authority;
  explicit committed_seq(std::int64_t value) noexcept : value_(value) {}
  std::int64_t value_ = -1;
};

/// The right to say "committed". Held by the journal's writer (and by the simulation's store); nothing else
/// derives from it.
class commit_authority {
 protected:
  [[nodiscard]] static committed_seq committed(std::int64_t seq) noexcept { return committed_seq(seq); }
};

}  // namespace evergate::flow
