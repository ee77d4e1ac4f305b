#include "journal/set_aside.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "journal/errc.h"

namespace evergate::journal {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "damaged-";
constexpr int same_second_max = 1'000;

std::unexpected<base::error> immovable(const fs::path& what, const std::error_code& why) {
  return base::fail(errc::unusable, fmt::format("{} cannot be set aside: {}", what.string(), why.message()));
}

void sync_directory(const fs::path& directory) {
  const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
}

}  // namespace

base::result<fs::path> set_aside(const fs::path& directory, std::int64_t now_ms) {
  const auto seconds = std::chrono::sys_seconds(std::chrono::seconds(now_ms / 1000));
  const auto stem = fmt::format("{}{:%Y%m%dT%H%M%SZ}", prefix, seconds);
  fs::path place;
  std::error_code why;
  for (int n = 1; n <= same_second_max; ++n) {
    place = directory / fmt::format("{}-{}", stem, n);
    if (fs::create_directory(place, why)) break;
    if (why || n == same_second_max) return immovable(directory, why);
  }
  fs::permissions(place, fs::perms::owner_all, why);
  for (const char* name : {"data.mdb", "lock.mdb"}) {
    if (!fs::exists(directory / name, why)) continue;
    fs::rename(directory / name, place / name, why);
    if (why) return immovable(directory / name, why);
  }
  sync_directory(place);
  sync_directory(directory);
  return place;
}

void forget_set_aside(const fs::path& directory, std::size_t kept) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (entry.path().filename().string().starts_with(prefix) && entry.is_directory(ignored))
      found.push_back(entry.path());
  }
  const auto age = [&](const fs::path& path) { return std::pair(fs::last_write_time(path, ignored), path); };
  std::ranges::sort(found, {}, age);
  for (std::size_t i = 0; i + kept < found.size(); ++i) fs::remove_all(found[i], ignored);
}

}  // namespace evergate::journal
