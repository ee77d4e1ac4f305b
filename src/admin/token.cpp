#include "admin/token.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "admin/errc.h"

namespace evergate::admin {
namespace {

constexpr std::size_t characters_min = 16;

std::unexpected<base::error> unusable(const std::filesystem::path& file, std::string_view why) {
  return base::fail(errc::unreadable_file, fmt::format("admin token \"{}\" {}", file.string(), why));
}

std::string random_hex() {
  std::array<unsigned char, 32> bytes{};
  std::string out;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return out;
  for (const auto byte : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", byte);
  return out;
}

}  // namespace

base::result<base::secret> read_token(const std::filesystem::path& file) {
  struct stat about{};
  if (::stat(file.c_str(), &about) != 0) return unusable(file, "is not there");
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return unusable(file, "can be read by others: its mode must be 0600");
  }
  std::ifstream in(file);
  std::string line;
  if (!in || !std::getline(in, line)) return unusable(file, "cannot be read");
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  if (line.size() < characters_min) return unusable(file, "holds less than 16 characters");
  return base::secret(std::move(line));
}

base::result<void> write_private(const std::filesystem::path& file, std::string_view text) {
  const auto fresh = file.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool written = fd >= 0 && ::fchmod(fd, 0600) == 0;
  written = written && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) ::close(fd);
  if (written && ::rename(fresh.c_str(), file.c_str()) == 0) return {};
  return base::fail(errc::unreadable_file,
                    fmt::format("\"{}\" cannot be written: {}", file.string(), std::strerror(errno)));
}

base::result<base::secret> read_or_make_token(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) return read_token(file);
  std::filesystem::create_directories(file.parent_path(), ignored);
  auto token = random_hex();
  if (token.empty()) return unusable(file, "cannot be made: the system gives no random bytes");
  if (auto written = write_private(file, token + '\n'); !written) return std::unexpected(written.error());
  return base::secret(std::move(token));
}

}  // namespace evergate::admin
