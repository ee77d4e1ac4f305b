// The delivery of one downstream session: reads the journal from its position, filters, numbers and frames
// events into the connection's output, and keeps what is unacknowledged. Also counts events again for a
// RESUME. Owned by a connection, on its loop; bounded by ack_window and by the budget of each pump.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "downstream/batch_reader.h"
#include "downstream/cursor_lag.h"
#include "downstream/delivery_filter.h"
#include "downstream/frame_writer.h"
#include "downstream/gateway_options.h"
#include "downstream/in_flight.h"
#include "downstream/interaction_stream.h"
#include "downstream/lane_grant.h"

namespace evergate::downstream {

struct lane_limits {
  std::uint32_t ack_window = 262'144;
  std::uint32_t seq_max = 0x7fff'fff0;
  std::size_t rows_per_pump = 65'536;  ///< looked at, delivered or not
  base::milliseconds close_grace{100};
  base::milliseconds handler_grace{0};

  [[nodiscard]] static lane_limits of(const consumer_policy& policy,
                                      const gateway_options& options) noexcept {
    return {.ack_window = policy.ack_window,
            .seq_max = options.seq_max,
            .close_grace = policy.close_grace,
            .handler_grace = options.handler_grace};
  }
};

class lane {
 public:
  lane(batch_reader& reader, frame_writer& writer, lane_limits limits) noexcept
      : reader_(reader), writer_(writer), limits_(limits), settling_(limits.handler_grace) {}

  /// The time of what follows.
  void at(base::instant now) noexcept { now_ = now; }

  /// Takes over after a backfill that ended with the number `seq`.
  void start(std::shared_ptr<const lane_grant> grant, std::uint32_t seq, proto::snowflake self);
  /// Takes over a RESUME: counts from the session's anchor to `client_seq`, then delivers.
  void resume(std::shared_ptr<const lane_grant> grant, std::uint32_t client_seq, proto::snowflake self);

  enum class pace : std::uint8_t {
    idle,     ///< everything up to `until` has been looked at
    more,     ///< the budget is used up: pump again in another turn
    window,   ///< waits for an acknowledgement
    spent,    ///< the session has no numbers left
    unknown,  ///< RESUME: the numbering cannot be done again, or the number does not exist
  };
  /// Appends frames of at most about `budget` bytes and `events_max` events to `out`, for events up to
  /// `until`.
  [[nodiscard]] base::result<pace> pump(flow::offset until, std::size_t budget, std::string& out,
                                        std::uint32_t events_max = ~0U);

  /// Hears of each interaction that the queue passes; must outlive the lane.
  void tell_passed(interaction_stream& interactions) noexcept { interactions_ = &interactions; }

  /// Events of the class up to `upto` that have not been sent yet are left out.
  void drop(proto::event_class what, flow::offset upto) noexcept {
    auto& mark = dropped_[static_cast<std::size_t>(what)];
    mark = std::max(mark, upto);
  }

  /// The bot has received everything up to `seq`. False when that is no news.
  bool acknowledge(std::int64_t seq);

  /// All that was sent so far had left for the kernel at `now`.
  void flushed(base::instant now);
  /// The first event that is unacknowledged had left by then: the bot may have had it.
  [[nodiscard]] bool first_has_left() const noexcept {
    return !in_flight_.empty() && flushed_seq_ > in_flight_.acked_seq();
  }
  /// More was sent at once than a bot takes in at once: until it has acknowledged that, it may be anywhere.
  void burst() noexcept { burst_seq_ = in_flight_.sent_seq(); }
  /// A heartbeat with this number came at `now`: measures how long the event after it has been on its way.
  /// Comes before acknowledge().
  void heard(std::int64_t seq, base::instant now) noexcept;
  /// A bot that will not resume sent a close frame at `now`. What had left close_grace before, or twice the
  /// lag last measured if that is more, counts as delivered; after a burst only what was acknowledged does.
  void closed_cleanly(base::instant now) noexcept;
  /// What left this long before a clean close counts as delivered; nothing: only what was acknowledged.
  [[nodiscard]] std::optional<base::milliseconds> grace() const noexcept;

  /// A frame without a number of its own (RESUMED, RATE_LIMITED, INTERACTION_CREATE): carries the last one,
  /// which libraries copy without harm and which leaves the numbering as the journal makes it.
  void unnumbered(std::string_view name, std::string_view d, std::string& out) {
    writer_.dispatch(name, in_flight_.sent_seq(), d, out);
  }
  /// The same for an event that once was the lane's, as this session is shown such events.
  void repeat(const flow::dead_letter& letter, std::string& out) {
    write(proto::event_type_of(letter.type), letter.type, letter.d, in_flight_.sent_seq(), out);
  }

  [[nodiscard]] bool counting() const noexcept { return to_count_ > 0; }
  [[nodiscard]] flow::offset position() const noexcept { return position_; }
  [[nodiscard]] flow::offset cursor() const noexcept { return in_flight_.cursor(position_); }
  /// The same without what was acknowledged within handler_grace.
  [[nodiscard]] flow::offset settled_cursor();
  [[nodiscard]] bool lags() const noexcept { return settling_.lags(); }
  /// The first event that was sent and not acknowledged; none is 0.
  [[nodiscard]] flow::offset first_unacknowledged() const noexcept {
    return in_flight_.empty() ? flow::offset{} : flow::offset{cursor().value + 1};
  }
  /// Few events at a time are sent, as one of them may be what kills the bot: half of those in question, and
  /// of what is left when they are acknowledged, down to one.
  [[nodiscard]] bool suspects() const noexcept {
    return grant_ && grant_->suspect.value != 0 && cursor() < grant_->suspect;
  }
  [[nodiscard]] std::uint32_t sent_seq() const noexcept { return in_flight_.sent_seq(); }
  [[nodiscard]] std::uint32_t acked_seq() const noexcept { return in_flight_.acked_seq(); }
  [[nodiscard]] std::size_t unacknowledged() const noexcept { return in_flight_.size(); }
  /// From where the numbering can be done again: a number, and the offset just before the next event.
  [[nodiscard]] std::uint32_t anchor_seq() const noexcept;
  [[nodiscard]] flow::offset anchor_offset() const noexcept;
  [[nodiscard]] std::uint64_t rows_missing() const noexcept { return rows_missing_; }

 private:
  enum class step : std::uint8_t { on, full, spent, unknown };

  [[nodiscard]] bool wanted(const flow::event_batch& batch, const flow::event_row& row) const noexcept;
  [[nodiscard]] bool pass_hole(flow::offset upto);
  [[nodiscard]] step take(const flow::event_batch& batch, const flow::event_row& row, std::string& out);
  void begin(std::shared_ptr<const lane_grant> grant, proto::snowflake self);
  void note_acknowledged();
  [[nodiscard]] std::uint32_t window() const noexcept {
    return suspects() ? std::clamp(suspects_left_ / 2, 1U, limits_.ack_window) : limits_.ack_window;
  }
  void write(proto::event_type type, std::string_view name, std::string_view d, std::uint32_t seq,
             std::string& out);

  struct mark {
    base::instant at;
    std::uint32_t seq;
  };

  batch_reader& reader_;
  frame_writer& writer_;
  const lane_limits limits_;
  std::shared_ptr<const lane_grant> grant_;
  filter_key key_;
  proto::snowflake self_ = 0;
  bool blind_ = false;  ///< without MESSAGE_CONTENT
  flow::offset position_;
  std::uint32_t to_count_ = 0;  ///< RESUME: events still to be counted without sending
  bool counted_in_flight_ = false;
  in_flight in_flight_;
  cursor_lag settling_;
  std::uint32_t suspects_left_ = 0;
  base::instant now_{};
  std::deque<mark> marks_;  ///< of what is unacknowledged
  base::milliseconds lag_{0};
  std::uint32_t burst_seq_ = 0;
  std::uint32_t flushed_seq_ = 0;
  std::uint32_t heard_seq_ = 0;
  interaction_stream* interactions_ = nullptr;
  std::uint32_t fixed_seq_ = 0;  ///< an anchor past a hole in the journal
  flow::offset fixed_offset_;
  std::array<flow::offset, proto::event_class_count> dropped_{};
  std::uint64_t rows_missing_ = 0;
  std::string scratch_;
};

}  // namespace evergate::downstream
