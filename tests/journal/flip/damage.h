// Damage to a file of pages, by number: the same seed and number always give the same. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/rng.h"

namespace evergate::journal::flip {

struct damage {
  std::string what;     ///< for messages
  bool verify = false;  ///< the machine "went down": the store is verified in full
};

/// Damages `bytes`; `older` is the file as it was some commits earlier, for writes that were lost.
[[nodiscard]] damage damage_at_random(std::string& bytes, const std::string& older, base::rng& random);

}  // namespace evergate::journal::flip
