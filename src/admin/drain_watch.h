// One drain that somebody waits for: looks at the consumer until everything is acknowledged or the time is
// over, has that written to disk, and answers. Owned by the api, on its loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/operation.h"
#include "base/clock.h"
#include "downstream/consumer_control.h"

namespace evergate::admin {

class drain_watch {
 public:
  drain_watch(downstream::consumer_control& control, std::string consumer, base::instant until, reply back)
      : control_(control), consumer_(std::move(consumer)), until_(until), back_(std::move(back)) {}

  /// True when it has answered (or will, from the journal's thread) and may go.
  [[nodiscard]] bool look(base::instant now);

  /// `{"consumer":…,"drained":…,"lanes":[{"lane":[i,n],"state":…,"unacknowledged":…,"cursor":…}]}`
  [[nodiscard]] static answer result(std::string_view consumer,
                                     const std::vector<downstream::consumer::lane_drain>& lanes);

 private:
  downstream::consumer_control& control_;
  const std::string consumer_;
  const base::instant until_;
  reply back_;
};

}  // namespace evergate::admin
