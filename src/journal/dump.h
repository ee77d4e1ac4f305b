// Every retained event as a line of JSON, for operators: beside a running daemon, reading only. The caller's
// thread; one round of events in memory at a time, and a fresh snapshot for each stretch, so that it does not
// hold up the reuse of space.
#pragma once

#include <filesystem>
#include <ostream>

#include "base/result.h"
#include "journal/store.h"

namespace evergate::journal {

/// Writes `{"offset":…,"guild":"…"|null,"type":"…","shard":…,"shard_count":…,"seq":…|null,"flags":…,"d":…}`
/// per event past `after`. Fails with errc::unusable when there is no store in `directory`,
/// and with errc::damaged after the last line when damaged events had to be left out.
[[nodiscard]] base::result<void> dump(const std::filesystem::path& directory, std::ostream& out,
                                      std::uint64_t after = 0);

/// The same over an open store.
[[nodiscard]] base::result<void> dump(store& from, std::ostream& out, std::uint64_t after = 0);

}  // namespace evergate::journal
