// The one place where turns to IDENTIFY are given out: the scheduler with its timer and the ledger of what
// has been spent, kept in step with what /gateway/bot says. Owned by the application's access; on the control
// loop's thread only, save state().
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "base/log.h"
#include "controllers/desk.h"
#include "net/event_loop.h"
#include "proto/identify_ledger.h"
#include "proto/identify_scheduler.h"
#include "upstream/gateway_info.h"

namespace evergate::upstream {

/// The line and the budget as they stand.
struct identify_state {
  std::optional<gateway_info> info;  ///< nothing until /gateway/bot has answered
  std::vector<proto::identify_scheduler::bucket_status> buckets;
  proto::identify_book book;
  std::uint32_t remaining = 0;  ///< session starts of the day, as far as we know
};

class identify_desk {
 public:
  using on_turn = std::function<void(proto::identify_slot who, base::instant not_before)>;
  /// Asked when turns wait and the limits are older than `info_age_max`; ends with set_info() or keep_info().
  using on_stale = std::function<void()>;

  identify_desk(net::event_loop& loop, proto::identify_options options, base::milliseconds info_age_max,
                base::logger& log, const decide::desk& decisions, const proto::identify_book& book,
                on_turn turn, on_stale stale);

  void set_info(const gateway_info& info);
  /// Asking again failed: the old limits go on.
  void keep_info();
  void request(proto::identify_slot who, proto::identify_cause cause);
  void open_reserve(std::uint32_t fleet);
  void cancel(proto::identify_slot who);
  void cancel_fleet(std::uint32_t fleet);
  void sent(proto::identify_slot who, proto::identify_cause cause, base::instant at);
  void refused(proto::identify_slot who, base::instant at);
  void on_book(std::function<void(const proto::identify_book&)> keep) { keep_ = std::move(keep); }
  [[nodiscard]] const proto::identify_ledger& ledger() const noexcept { return ledger_; }
  void stop();
  /// Thread-safe.
  [[nodiscard]] identify_state state() const;

 private:
  /// A turn that permit_identify lets wait.
  struct put_off {
    proto::identify_slot who;
    proto::identify_cause cause;
    base::instant until;  ///< then it joins the line again
    bool in_line = false;
    std::uint32_t times = 1;
  };

  void pump();
  /// Asks about each turn; those that may wait leave the list. True when some did: their buckets are free.
  bool put_some_off(std::vector<proto::identify_scheduler::turn>& turns, base::instant now);
  void line_up_again(base::instant now);
  void forget(proto::identify_slot who);

  const base::milliseconds info_age_max_;
  base::logger& log_;
  const decide::desk& decisions_;
  on_turn turn_;
  on_stale stale_;
  net::timer timer_;
  mutable std::mutex mutex_;  ///< of the three below: changed on the loop, read by state()
  proto::identify_scheduler scheduler_;
  proto::identify_ledger ledger_;
  std::optional<gateway_info> info_;
  std::function<void(const proto::identify_book&)> keep_;
  base::instant info_at_{};
  bool asking_ = false;
  bool stopped_ = false;
  bool short_told_ = false;
  std::vector<proto::identify_scheduler::turn> turns_;
  std::vector<put_off> put_off_;  ///< at most one a shard
};

}  // namespace evergate::upstream
