// How busy each worker is: processor time and events between two samples. Owned by the application; sample()
// on one thread, load() on any.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "net/event_loop.h"

namespace evergate::app {

class worker_meter {
 public:
  static constexpr base::milliseconds interval{1'000};

  struct reading {
    double busy = 0;  ///< 0 to 1
    double events_per_second = 0;
  };

  explicit worker_meter(const std::vector<std::unique_ptr<net::event_loop>>& loops)
      : loops_(loops), last_(loops.size()), load_(loops.size()) {}

  /// `events` received by each worker's shards until now; fewer than before when a fleet has left.
  void sample(const std::vector<std::uint64_t>& events, base::instant now);
  [[nodiscard]] std::vector<reading> load() const;

 private:
  struct mark {
    base::nanoseconds cpu{0};
    std::uint64_t events = 0;
  };
  const std::vector<std::unique_ptr<net::event_loop>>& loops_;
  std::vector<mark> last_;
  base::instant at_{};
  mutable std::mutex mutex_;
  std::vector<reading> load_;
};

}  // namespace evergate::app
