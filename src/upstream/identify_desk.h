// The one place where turns to IDENTIFY are given out: the scheduler with its timer, kept in step with what
// /gateway/bot says. Owned by the fleet; on the control loop's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/log.h"
#include "net/event_loop.h"
#include "proto/identify_scheduler.h"
#include "upstream/gateway_info.h"

namespace evergate::upstream {

class identify_desk {
 public:
  using on_turn = std::function<void(std::uint32_t shard, base::instant not_before)>;
  /// Asked when turns wait and the limits are older than `info_age_max`; ends with set_info() or keep_info().
  using on_stale = std::function<void()>;

  identify_desk(net::event_loop& loop, proto::identify_options options, base::milliseconds info_age_max,
                base::logger& log, on_turn turn, on_stale stale);

  void set_info(const gateway_info& info);
  /// Asking again failed: the old limits go on.
  void keep_info();
  void request(std::uint32_t shard);
  void cancel(std::uint32_t shard);
  void sent(std::uint32_t shard, base::instant at);
  void refused(std::uint32_t shard, base::instant at);
  void stop();

 private:
  void pump();

  const base::milliseconds info_age_max_;
  base::logger& log_;
  on_turn turn_;
  on_stale stale_;
  net::timer timer_;
  proto::identify_scheduler scheduler_;
  base::instant info_at_{};
  bool asking_ = false;
  bool stopped_ = false;
  bool short_told_ = false;
  std::vector<proto::identify_scheduler::turn> turns_;
};

}  // namespace evergate::upstream
