#include "journal/run_marks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "journal/errc.h"

namespace evergate::journal {
namespace {

constexpr const char* file_name = "evergate.runs";
constexpr std::string_view opening = "runs-1";
constexpr std::string_view closing = "end";
constexpr std::size_t line_bytes = 512;  // the file never changes its size: a full disk does not matter

bool take_flag(std::istream& in, std::string_view name, bool& out) {
  std::string word;
  if (!(in >> word) || word.size() != name.size() + 2 || !word.starts_with(name)) return false;
  out = word.back() == '1';
  return word[name.size()] == '=' && (word.back() == '0' || word.back() == '1');
}

bool parse(std::istream& in, run_marks& out) {
  std::string word;
  if (!(in >> word) || word != opening) return false;
  const bool flags = take_flag(in, "made", out.made) && take_flag(in, "clean", out.clean) &&
                     take_flag(in, "suspect", out.suspect) && take_flag(in, "gap_owed", out.gap_owed);
  if (!flags || !(in >> word) || !word.starts_with("boot=")) return false;
  out.boot = word.substr(5);
  while (in >> word && word != closing) {
    if (out.starts.size() == run_marks::starts_max || word.size() > 18 ||
        word.find_first_not_of("0123456789") != std::string::npos)
      return false;
    out.starts.push_back(std::stoll(word));
  }
  return word == closing;
}

}  // namespace

run_marks run_marks::load(const std::filesystem::path& directory) {
  std::ifstream in(directory / file_name, std::ios::binary);
  std::string line(line_bytes, '\0');
  in.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(in.gcount()));
  std::istringstream words(line);
  run_marks out;
  if (!parse(words, out)) return {};
  out.known = true;
  return out;
}

base::result<void> run_marks::save(const std::filesystem::path& directory) const {
  auto line = fmt::format("{} made={:d} clean={:d} suspect={:d} gap_owed={:d} boot={}", opening, made, clean,
                          suspect, gap_owed, boot);
  for (const auto start : starts) line += fmt::format(" {}", start);
  line += fmt::format(" {}", closing);
  line.resize(line_bytes - 1, ' ');
  line += '\n';
  const auto path = directory / file_name;
  const auto wrong = [&] {
    return base::fail(errc::io, fmt::format("{}: {}", path.string(), std::strerror(errno)));
  };
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return wrong();
  const bool written = ::pwrite(file, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size()) &&
                       ::fdatasync(file) == 0;
  const auto cause = errno;
  ::close(file);
  errno = cause;
  if (!written) return wrong();
  return {};
}

std::size_t run_marks::begin(std::int64_t now_ms, std::int64_t since_ms, std::string boot_now) {
  if (clean) starts.clear();
  std::erase_if(starts, [&](std::int64_t at) { return at < since_ms || at > now_ms; });
  const auto unclean = starts.size();
  if (starts.size() == starts_max) starts.erase(starts.begin());
  starts.push_back(now_ms);
  clean = false;
  boot = std::move(boot_now);
  return unclean;
}

void run_marks::end_cleanly() {
  clean = true;
  starts.clear();
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id;
}

}  // namespace evergate::journal
