// Looking into a store from outside: what `evergate journal` does. Blocks on disk; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>

#include "evergate/error.h"

namespace evergate {

/// What the verification of a store has found.
struct journal_verdict {
  bool sound = true;    ///< every page and checksum is right
  std::string summary;  ///< one line for operators
};

/// Writes every retained event as a line of JSON:
/// `{"offset":…,"guild":"…"|null,"type":"…","shard":…,"shard_count":…,"seq":…|null,"flags":…,"d":…}`. A
/// gateway may run on the store meanwhile. An error when there is no store, and (is_damage()) after the last
/// line when damaged events had to be left out.
[[nodiscard]] result<void> dump_journal(const std::filesystem::path& data_dir, std::ostream& out);

/// Reads a whole store and judges it. A gateway may run on it meanwhile; then its pages are not looked at.
/// What a damaged store holds may end the process.
[[nodiscard]] result<journal_verdict> verify_journal(const std::filesystem::path& data_dir);

/// What store_settings::verify_program has to do for `journal verify --child --data-dir DIR --memory-max
/// BYTES`: limits the process, verifies, and writes the verdict to standard output. The process's exit
/// status.
[[nodiscard]] int verify_journal_as_child(const std::filesystem::path& data_dir,
                                          std::uint64_t memory_bytes_max);

/// Whether an error says that a store is damaged.
[[nodiscard]] bool is_damage(const error& what) noexcept;

}  // namespace evergate
