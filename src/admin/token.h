// The bearer token of the admin API, on disk for those who may read the daemon's files. Start-up only.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/secret.h"

namespace evergate::admin {

/// The first line of `file`. errc::unreadable_file when there is none of at least 16 characters, or when
/// others than its owner may read the file.
[[nodiscard]] base::result<base::secret> read_token(const std::filesystem::path& file);

/// The same; a file that is not there is made with 256 random bits in it, mode 0600, in one step.
[[nodiscard]] base::result<base::secret> read_or_make_token(const std::filesystem::path& file);

/// Replaces a file in one step, mode 0600.
[[nodiscard]] base::result<void> write_private(const std::filesystem::path& file, std::string_view text);

}  // namespace evergate::admin
