// Makes Discord ids that are unique and never fall: the clock's milliseconds above 22 bits of counter.
// Owned by the world; one thread; deterministic for the moments it is given.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sim/guild.h"

namespace evergate::sim {

class id_source {
 public:
  [[nodiscard]] snowflake next(std::int64_t unix_ms) noexcept {
    const auto base = static_cast<snowflake>(std::max<std::int64_t>(unix_ms - discord_epoch_ms, 0)) << 22;
    last_ = std::max(base, last_ + 1);
    return last_;
  }

 private:
  snowflake last_ = 0;
};

}  // namespace evergate::sim
