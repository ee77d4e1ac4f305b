// Holds a directory for one daemon (flock on `evergate.lock`); released when the process ends, however it
// ends. Owned by the journal for as long as its store is open.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace evergate::journal {

class directory_lock {
 public:
  /// Makes the directory when it is missing. errc::unusable or errc::locked.
  [[nodiscard]] static base::result<directory_lock> take(const std::filesystem::path& directory);

  directory_lock() = default;
  directory_lock(directory_lock&& other) noexcept;
  directory_lock& operator=(directory_lock&& other) noexcept;
  ~directory_lock();

 private:
  explicit directory_lock(int file) noexcept : file_(file) {}
  int file_ = -1;
};

}  // namespace evergate::journal
