// Lets a process of its own verify a store: what it reads may end it, or keep it busy for ever, and both
// count as damage. Blocks the caller until the verdict is there or the time is over; used while starting.
// Bounds: time, the child's memory, and what it may say.
#pragma once

#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "journal/verify.h"

namespace evergate::journal {

struct verifier_settings {
  std::filesystem::path program;  ///< run as `program journal verify …`; empty = there is none
  base::milliseconds timeout{120'000};
  std::uint64_t memory_bytes_max = std::uint64_t{4} << 30;
};

/// errc::io when no child could be started; then nothing is known.
[[nodiscard]] base::result<verdict> verify_in_child(const std::filesystem::path& directory,
                                                    const verifier_settings& with);

/// The child's part: limits itself, verifies and writes told() to standard output. The process's exit status.
[[nodiscard]] int verify_as_child(const std::filesystem::path& directory, std::uint64_t memory_bytes_max);

}  // namespace evergate::journal
