// `evergate journal dump`: what a journal holds, as JSON lines for people and for tests.
#pragma once

#include <filesystem>
#include <ostream>

#include "base/result.h"

namespace evergate::app {

/// Writes every retained record, oldest first:
/// `{"offset":…,"guild":"…","type":"…","shard":…,"shard_count":…,"seq":…,"flags":…,"d":…}`. The daemon may be
/// running. Fails when the directory holds no readable journal.
[[nodiscard]] base::result<void> dump_journal(const std::filesystem::path& data_dir, std::ostream& out);

}  // namespace evergate::app
