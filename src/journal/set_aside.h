// Moves a damaged store out of the way, inside its own directory: `damaged-<UTC time>-<n>/`. Nothing in it is
// changed. Owned by nobody; the caller holds the directory's lock and has closed the store.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace evergate::journal {

/// The new place. errc::unusable when the files cannot be moved.
[[nodiscard]] base::result<std::filesystem::path> set_aside(const std::filesystem::path& directory,
                                                            std::int64_t now_ms);

/// Removes the oldest of what was set aside, so that `kept` remain.
void forget_set_aside(const std::filesystem::path& directory, std::size_t kept);

}  // namespace evergate::journal
