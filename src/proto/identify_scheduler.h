// Who may IDENTIFY and when: one at a time per bucket (shard id % max_concurrency), `spacing` apart, within
// the daily budget; what serves comes before what is prepared. For all fleets of an application, on one loop;
// pure. Bounded by one request per shard and fleet.
// Source: Discord documentation, Gateway, "Session Start Limit Object" and "Max Concurrency".
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "proto/identify_ledger.h"

namespace evergate::proto {

/// A shard of one of the application's fleets.
struct identify_slot {
  std::uint32_t shard = 0;
  std::uint32_t fleet = 0;

  identify_slot() = default;
  // A lone fleet is number 0, so that a shard's number says all.
  identify_slot(std::uint32_t shard_id, std::uint32_t fleet_number = 0) noexcept
      : shard(shard_id), fleet(fleet_number) {}
  bool operator==(const identify_slot&) const = default;
};

struct identify_options {
  base::milliseconds spacing{5'300};    ///< between two IDENTIFYs of a bucket; Discord asks for 5 s
  base::milliseconds lead{1'500};       ///< the turn is given this much earlier, for connecting
  base::milliseconds turn_max{60'000};  ///< a turn that was neither used nor given back ends
  std::uint32_t reserve = 0;            ///< identifies of the daily budget that are not used
  std::uint32_t reshard_reserve = 0;    ///< identifies that are not used for identify_cause::reshard
};

/// What /gateway/bot says in session_start_limit.
struct identify_limits {
  std::uint32_t max_concurrency = 1;
  std::uint32_t total = 1'000;
  std::uint32_t remaining = 1'000;
  base::instant reset_at{};  ///< remaining is total again
};

class identify_scheduler {
 public:
  explicit identify_scheduler(identify_options options = {}) : options_(options) {}

  /// Nothing is granted before the first call. Waiting requests are dealt to the new buckets in their order.
  void set_limits(const identify_limits& limits);
  [[nodiscard]] bool knows_limits() const noexcept { return !buckets_.empty(); }

  /// Joins the end of the bucket's line; a shard already in it, or at its turn, keeps its place.
  void request(identify_slot who, identify_cause cause = identify_cause::start);
  /// Leaves the line, or gives an unused turn back.
  void cancel(identify_slot who);
  /// What this fleet prepares may use what is kept from identify_cause::reshard, and comes after what serves
  /// all the same.
  void open_reserve(std::uint32_t fleet) { unreserved_.insert(fleet); }
  /// Ends every request and turn of a fleet.
  void cancel_fleet(std::uint32_t fleet);
  /// The IDENTIFY has left: the budget shrinks and the bucket rests for `spacing`.
  void sent(identify_slot who, base::instant now);
  /// Discord answered op 9: the bucket rests again from now.
  void refused(identify_slot who, base::instant now);

  struct turn {
    std::uint32_t shard = 0;
    std::uint32_t fleet = 0;
    base::instant not_before;  ///< earliest instant for the IDENTIFY itself
    identify_cause cause = identify_cause::start;
  };
  /// Appends the turns that begin by `now`, buckets in order.
  void step(base::instant now, std::vector<turn>& out);
  /// When step() can have something to do; nothing while nobody waits.
  [[nodiscard]] std::optional<base::instant> next(base::instant now) const;

  /// A bucket as it stands, for status pages.
  struct bucket_status {
    std::size_t waiting = 0;
    std::optional<identify_slot> turn;
    base::instant free_at{};  ///< the next IDENTIFY may leave
  };
  /// By bucket; empty until the limits are known.
  [[nodiscard]] std::vector<bucket_status> bucket_states() const;

  [[nodiscard]] std::uint32_t remaining() const noexcept { return limits_.remaining; }
  /// Nothing is left of the budget but the reserve.
  [[nodiscard]] bool spent() const noexcept { return limits_.remaining <= options_.reserve; }
  [[nodiscard]] std::size_t waiting() const noexcept;
  [[nodiscard]] std::uint32_t buckets() const noexcept { return static_cast<std::uint32_t>(buckets_.size()); }
  [[nodiscard]] std::uint64_t refused_total() const noexcept { return refused_total_; }

 private:
  struct waiting_slot {
    identify_slot who;
    identify_cause cause = identify_cause::start;
  };
  struct holder {
    identify_slot who;
    base::instant since;
  };
  struct bucket {
    std::deque<waiting_slot> line;
    std::optional<holder> turn;
    base::instant free_at{};
  };

  [[nodiscard]] bucket& bucket_of(std::uint32_t shard);
  /// Who of the line comes next: what can wait comes after what cannot, and only within its own limit.
  [[nodiscard]] std::deque<waiting_slot>::const_iterator next_of(const bucket& b, std::uint32_t left,
                                                                 std::uint32_t left_to_reshard) const;
  /// Turns that the budget still covers, turns given out but not used taken off.
  [[nodiscard]] std::uint32_t affordable(std::uint32_t kept) const noexcept;
  void refill(base::instant now) noexcept;

  identify_options options_;
  identify_limits limits_;
  std::vector<bucket> buckets_;
  std::set<std::uint32_t> unreserved_;  ///< fleets, see open_reserve()
  std::deque<waiting_slot> early_;      ///< requests before the limits are known
  std::uint64_t refused_total_ = 0;
};

}  // namespace evergate::proto
