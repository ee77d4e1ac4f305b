// The store over LMDB: one environment, written by copy on write, so that a killed process leaves the last
// commit. No WRITEMAP: a full disk is an error of commit(), not a signal. Owned by the journal; snapshots
// from any thread, one writing transaction at a time. Bounded by map_bytes_max; write() doubles the map
// when a transaction did not fit (errc::grow), waiting for open snapshots to end.
#pragma once

#include <lmdb.h>

#include <array>
#include <filesystem>
#include <memory>
#include <shared_mutex>

#include "journal/store.h"

namespace evergate::journal {

struct lmdb_settings {
  std::uint64_t map_bytes = std::uint64_t{4} << 30;
  std::uint64_t map_bytes_max = std::uint64_t{256} << 30;
  unsigned readers_max = 512;
  /// Commits write their pages, sync, and only then write the meta page that makes them count: what a power
  /// loss leaves is a whole commit. Without it the order on disk is the system's, and only sync() is a bound.
  bool ordered = false;
  bool read_only = false;  ///< beside a running daemon; the environment must exist
};

class lmdb_store final : public store {
 public:
  [[nodiscard]] static base::result<std::unique_ptr<lmdb_store>> open(const std::filesystem::path& directory,
                                                                      const lmdb_settings& settings);
  ~lmdb_store() override;
  lmdb_store(const lmdb_store&) = delete;
  lmdb_store& operator=(const lmdb_store&) = delete;

  [[nodiscard]] base::result<std::unique_ptr<snapshot>> read() override;
  [[nodiscard]] base::result<std::unique_ptr<transaction>> write() override;
  [[nodiscard]] base::result<void> sync() override;

 private:
  friend class lmdb_transaction;
  explicit lmdb_store(const lmdb_settings& settings) : settings_(settings) {}
  [[nodiscard]] base::result<void> open_tables();
  [[nodiscard]] base::result<void> grow();
  /// The error for an LMDB code met while writing; remembers that the map must grow.
  [[nodiscard]] std::unexpected<base::error> write_error(int code, const char* what);

  lmdb_settings settings_;
  MDB_env* env_ = nullptr;
  std::array<MDB_dbi, table_count> tables_{};
  std::shared_mutex map_mutex_;  ///< shared by snapshots, exclusive while the map is resized
  std::uint64_t map_bytes_ = 0;
  bool grow_wanted_ = false;
};

}  // namespace evergate::journal
