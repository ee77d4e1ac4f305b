#include "journal/directory_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "journal/errc.h"

namespace evergate::journal {

base::result<directory_lock> directory_lock::take(const std::filesystem::path& directory) {
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure || !std::filesystem::is_directory(directory, failure)) {
    return base::fail(errc::unusable,
                      fmt::format("{} is not a directory and cannot be made one{}{}", directory.string(),
                                  failure ? ": " : "", failure ? failure.message() : std::string()));
  }
  const auto path = directory / "evergate.lock";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return base::fail(errc::unusable,
                      fmt::format("{} cannot be opened: {}", path.string(), std::strerror(errno)));
  }
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    const int cause = errno;
    ::close(file);
    if (cause == EWOULDBLOCK) {
      return base::fail(errc::locked, fmt::format("{} is in use by another daemon", directory.string()));
    }
    return base::fail(errc::unusable,
                      fmt::format("{} cannot be locked: {}", path.string(), std::strerror(cause)));
  }
  return directory_lock(file);
}

directory_lock::directory_lock(directory_lock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

directory_lock& directory_lock::operator=(directory_lock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

directory_lock::~directory_lock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace evergate::journal
