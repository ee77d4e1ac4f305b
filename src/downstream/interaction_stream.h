// The INTERACTION_CREATEs of one lane, apart from its queue: finds those past the lane's interaction
// position, lets go of what has passed its deadline, and holds the rest until the position is durable, so
// that none is ever sent twice. Pure; owned by a connection, on its loop; holds at most waiting_max rows.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "downstream/batch_reader.h"
#include "downstream/delivery_filter.h"
#include "downstream/delivery_rules.h"
#include "downstream/lane_grant.h"

namespace evergate::downstream {

class interaction_stream {
 public:
  static constexpr std::size_t waiting_max = 64;   ///< sent after one commit
  static constexpr std::size_t batches_max = 256;  ///< looked at in one scan

  interaction_stream(batch_reader& reader, interaction_rules rules) noexcept
      : reader_(reader), rules_(rules) {}

  /// Begins past the grant's position.
  void start(std::shared_ptr<const lane_grant> grant);
  /// The lane was another's for a while: goes on past `from`. What is reserved is still sent.
  void go_on(flow::offset from);
  /// What was found is not for this connection to send.
  void forget() noexcept;

  /// Looks at the records up to `until`. Finds nothing new while what it found before is not sent. With
  /// expired = drop it passes over what lies at or before `recent_after`. True when there may be more.
  [[nodiscard]] base::result<bool> scan(flow::offset recent_after, flow::offset until, std::int64_t unix_ms);
  [[nodiscard]] bool waiting() const noexcept { return !waiting_.empty(); }

  /// Everything up to here is sent once what waits is sent: what has to be durable first.
  [[nodiscard]] flow::offset position() const noexcept { return position_; }
  /// Everything up to here is sent, expired or another lane's.
  [[nodiscard]] flow::offset settled() const noexcept {
    return waiting_.empty() ? position_ : before_waiting_;
  }

  /// What waits is sent when `confirm` says that this ticket is durable.
  [[nodiscard]] std::uint64_t reserve() noexcept { return reserved_ = ++next_ticket_; }
  [[nodiscard]] bool reserved() const noexcept { return reserved_ != 0; }
  /// Calls `send(batch, row)` for what has waited and is still in time. False for another's ticket.
  template <class Send>
  bool confirm(std::uint64_t ticket, std::int64_t unix_ms, Send&& send) {
    if (ticket == 0 || ticket != reserved_) return false;
    reserved_ = 0;
    for (const auto& [batch, at] : std::exchange(waiting_, {})) {
      const auto& row = batch->rows[at];
      if (expired(*batch, row, unix_ms)) {
        ++expired_;
        continue;
      }
      ++sent_;
      send(*batch, row);
    }
    return true;
  }

  /// The lane's queue has come to an interaction: it counts as expired when scans have passed over it.
  void passed(const flow::event_batch& batch, const flow::event_row& row);

  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return expired_; }

 private:
  [[nodiscard]] bool due(const flow::event_batch& batch, const flow::event_row& row) const noexcept;
  [[nodiscard]] bool expired(const flow::event_batch& batch, const flow::event_row& row,
                             std::int64_t unix_ms) const;
  void skip_to(flow::offset recent_after);

  struct found {
    flow::batch_ptr batch;
    std::size_t row;
  };
  struct stretch {
    flow::offset after;
    flow::offset upto;
  };
  static constexpr std::size_t skipped_max = 16;

  batch_reader& reader_;
  const interaction_rules rules_;
  std::shared_ptr<const lane_grant> grant_;
  filter_key key_;
  flow::offset position_;
  flow::offset before_waiting_;
  std::vector<found> waiting_;
  std::vector<stretch> skipped_;  ///< passed over unread, ascending; counted when the queue gets there
  std::uint64_t next_ticket_ = 0;
  std::uint64_t reserved_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t expired_ = 0;
};

}  // namespace evergate::downstream
