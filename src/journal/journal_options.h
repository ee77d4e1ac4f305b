// Every bound of an application's journal, with its default. Values, checked once by validate().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "base/clock.h"
#include "base/result.h"
#include "controllers/desk.h"
#include "journal/verifier.h"

namespace evergate::journal {

enum class storage_kind : std::uint8_t { disk, memory };

/// `process`: a commit survives the death of the process. `power`: it survives power loss too (one fdatasync
/// per round, before the commit is announced).
enum class durability_kind : std::uint8_t { process, power };

/// What happens to a store that cannot be trusted: it is moved aside and an empty one begun, or the journal
/// refuses to open.
enum class damage_policy : std::uint8_t { set_aside, refuse };

struct journal_options {
  std::filesystem::path directory;  ///< made when missing (mode 0700); unused with storage = memory
  storage_kind storage = storage_kind::disk;
  durability_kind durability = durability_kind::process;

  // Retention: whichever bound is reached first.
  std::uint64_t max_events = 2'000'000;
  std::uint64_t max_bytes = std::uint64_t{1} << 30;  ///< of event blobs
  std::chrono::seconds max_age = std::chrono::hours{24};
  const decide::desk* decisions = &decide::desk::plain();  ///< choose_overflow
  std::size_t evict_blobs_max = 256;                       ///< per transaction; at least twice what it adds

  // Between upstream and the writer. Full: append() returns false and upstream stops reading. As much again
  // may be in the writer's hands.
  std::size_t queue_items_max = 4096;  ///< batches
  std::size_t queue_bytes_max = std::size_t{64} << 20;
  std::size_t round_bytes_max = std::size_t{1} << 20;  ///< a transaction takes batches until it has this much
  std::size_t changes_max =
      65'536;  ///< consumer and session records waiting; past it they are written at once

  std::size_t ring_bytes_max = std::size_t{32} << 20;  ///< recent batches in memory, served without disk
  base::milliseconds cursor_interval{20};              ///< an idle journal writes waiting cursors after this

  // Mirror. A guild is written again when its pending bytes reach max(checkpoint_bytes_min, size of its
  // document) or its pending rows are spread over checkpoint_blobs_max blobs.
  std::size_t checkpoint_bytes_min = std::size_t{64} << 10;
  std::size_t checkpoint_blobs_max = 256;
  std::size_t checkpoint_queue_bytes_max = std::size_t{16} << 20;  ///< written by the keeper, not yet stored
  std::size_t document_bytes_max = std::size_t{256} << 20;         ///< one guild, raw
  int checkpoint_level = 1;                                        ///< zstd, 1…19
  std::size_t user_updates_max = 64;  ///< USER_UPDATEs kept past the slowest consumer
  base::seconds guild_wait{
      15};  ///< complete() stops waiting for a GUILD_CREATE this long after the last one, or the last READY

  // LMDB. The map is address space, not memory or disk; it doubles when full.
  std::uint64_t map_bytes = std::uint64_t{4} << 30;
  std::uint64_t map_bytes_max = std::uint64_t{256} << 30;
  unsigned readers_max = 512;  ///< read transactions at once, this process and others

  // A write that fails is repeated after retry_min, doubling to retry_max; stop() gives up after stop_wait.
  base::milliseconds retry_min{100};
  base::milliseconds retry_max{5000};
  base::milliseconds stop_wait{10'000};

  // Damage. A store is verified after an unclean boot, and when `deaths_max` runs within `deaths_within`
  // ended without a clean stop.
  damage_policy on_damage = damage_policy::set_aside;
  std::size_t damaged_kept = 3;  ///< stores set aside; the oldest go first
  verifier_settings verifier;    ///< without a program the journal verifies in its own process
  std::size_t deaths_max = 3;
  base::seconds deaths_within{600};

  std::size_t gaps_max = 256;  ///< GAPs remembered for operators
  /// What retention takes that a consumer has not had is summed up for so long, then a GAP record tells of
  /// it.
  base::milliseconds gap_interval{5'000};
};

/// errc::bad_option naming the option, its value and what is allowed.
[[nodiscard]] base::result<void> validate(const journal_options& options);

}  // namespace evergate::journal
