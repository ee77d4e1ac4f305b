// The bounds of the journal and of the bots' consumer, held against what is in the image: the part of the
// oracle that a run has when it must give events up. Feeds eviction_check and relief_check. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "eviction_check.h"
#include "flow/event_batch.h"
#include "relief_check.h"
#include "swarm.h"
#include "virtual_journal.h"

namespace evergate::simulation {

class bounds_watch {
 public:
  explicit bounds_watch(const swarm& plan);

  [[nodiscard]] bool any() const noexcept { return evictions_ || relief_; }
  [[nodiscard]] bool evicts() const noexcept { return evictions_.has_value(); }

  /// A row of the commit that comes next.
  void row(const flow::event_row& one);
  /// A GAP record of the journal's own, by its cause.
  void gap(std::string_view cause);
  void committed(const virtual_disk& disk, std::int64_t unix_ms, base::instant at);
  void looked(const relief_look& what);
  void finish();

  /// A row of which bots may rightly be without.
  [[nodiscard]] bool may_miss(flow::offset at) const;
  [[nodiscard]] std::uint64_t given_up_rows() const;
  /// From where on the mirror kept guilds at that moment.
  [[nodiscard]] flow::offset guilds_kept_from(base::instant at) const;
  [[nodiscard]] std::vector<std::string> findings() const;

 private:
  std::optional<eviction_check> evictions_;
  std::optional<relief_check> relief_;
  std::vector<std::pair<base::instant, flow::offset>> kept_from_;  ///< the mirror's floor after each commit
};

}  // namespace evergate::simulation
