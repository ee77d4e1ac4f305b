#include "journal/journal_options.h"

#include <fmt/format.h>

#include "journal/errc.h"
#include "journal/run_marks.h"

namespace evergate::journal {
namespace {

struct bound {
  const char* name;
  std::uint64_t value;
  std::uint64_t least;
  std::uint64_t most;
};

}  // namespace

base::result<void> validate(const journal_options& options) {
  if (options.storage == storage_kind::disk && options.directory.empty()) {
    return base::fail(errc::bad_option, "queue.directory is empty; a path is needed for storage on disk");
  }
  const auto count = [](auto time) {
    return static_cast<std::uint64_t>(time.count() < 0 ? 0 : time.count());
  };
  constexpr std::uint64_t tib = std::uint64_t{1} << 40;
  const bound bounds[] = {
      {"queue.max_events", options.max_events, 1, 1'000'000'000},
      {"queue.max_bytes", options.max_bytes, std::uint64_t{64} << 10, tib},
      {"queue.max_age (seconds)", count(options.max_age), 1, 366 * 86'400},
      {"queue.evict_blobs_max", options.evict_blobs_max, 1, 1'000'000},
      {"queue.items_max", options.queue_items_max, 1, 1'000'000},
      {"queue.bytes_max", options.queue_bytes_max, 4096, std::uint64_t{1} << 31},
      {"queue.round_bytes_max", options.round_bytes_max, 1, std::uint64_t{1} << 30},
      {"queue.changes_max", options.changes_max, 1, 10'000'000},
      {"queue.ring_bytes_max", options.ring_bytes_max, 0, std::uint64_t{64} << 30},
      {"queue.cursor_interval (ms)", count(options.cursor_interval), 1, 60'000},
      {"mirror.checkpoint_bytes_min", options.checkpoint_bytes_min, 1, std::uint64_t{1} << 30},
      {"mirror.checkpoint_blobs_max", options.checkpoint_blobs_max, 1, 1'000'000},
      {"mirror.checkpoint_queue_bytes_max", options.checkpoint_queue_bytes_max, 4096, std::uint64_t{8} << 30},
      {"mirror.document_bytes_max", options.document_bytes_max, 4096, std::uint64_t{1} << 31},
      {"mirror.checkpoint_level",
       options.checkpoint_level < 0 ? 0 : static_cast<std::uint64_t>(options.checkpoint_level), 1, 19},
      {"mirror.user_updates_max", options.user_updates_max, 1, 100'000},
      {"mirror.guild_wait (seconds)", count(options.guild_wait), 0, 3600},
      {"queue.map_bytes", options.map_bytes, std::uint64_t{1} << 20, options.map_bytes_max},
      {"queue.map_bytes_max", options.map_bytes_max, std::uint64_t{1} << 20, 64 * tib},
      {"queue.readers_max", options.readers_max, 8, 65'536},
      {"queue.retry_min (ms)", count(options.retry_min), 1, count(options.retry_max)},
      {"queue.retry_max (ms)", count(options.retry_max), 1, 3'600'000},
      {"queue.stop_wait (ms)", count(options.stop_wait), 0, 600'000},
      {"queue.gaps_max", options.gaps_max, 1, 1'000'000},
      {"store.damaged_kept", options.damaged_kept, 0, 1000},
      {"store.verify_timeout (ms)", count(options.verifier.timeout), 1, 86'400'000},
      {"store.verify_memory_max", options.verifier.memory_bytes_max, std::uint64_t{64} << 20, tib},
      {"store.deaths_max", options.deaths_max, 1, run_marks::starts_max},
      {"store.deaths_within (seconds)", count(options.deaths_within), 0, 366 * 86'400},
  };
  for (const auto& one : bounds) {
    if (one.value < one.least || one.value > one.most) {
      return base::fail(errc::bad_option, fmt::format("{} is {}; allowed are {} to {}", one.name, one.value,
                                                      one.least, one.most));
    }
  }
  return {};
}

}  // namespace evergate::journal
