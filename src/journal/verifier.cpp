#include "journal/verifier.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "journal/errc.h"

namespace evergate::journal {
namespace {

constexpr std::size_t said_bytes_max = std::size_t{64} << 20;

std::unexpected<base::error> cannot(const char* what, int cause) {
  return base::fail(errc::io, fmt::format("{}: {}", what, std::strerror(cause)));
}

// Begins with no signal blocked or ignored, no environment (it holds the token) and no other open file.
base::result<pid_t> spawn(const verifier_settings& with, const std::filesystem::path& directory, int output) {
  const auto program = with.program.string();
  const auto memory = std::to_string(with.memory_bytes_max);
  const auto place = directory.string();
  const char* const words[] = {program.c_str(), "journal",      "verify",       "--data-dir", place.c_str(),
                               "--child",       "--memory-max", memory.c_str(), nullptr};
  const char* const environment[] = {nullptr};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&files, output, 1);
  ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = -1;
  const int failure = ::posix_spawn(&child, program.c_str(), &files, &attributes,
                                    const_cast<char* const*>(words), const_cast<char* const*>(environment));
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  if (failure != 0) return cannot("starting the verification", failure);
  return child;
}

struct hearing {
  std::string said;
  bool in_time = true;
};

// Until the child closes its end.
hearing listen(int from, base::instant until) {
  hearing out;
  char piece[16'384];
  for (;;) {
    const auto left = std::chrono::ceil<base::milliseconds>(until - base::boot_clock::now()).count();
    pollfd one{from, POLLIN, 0};
    const int ready = left > 0 ? ::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000))) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 && left > 60'000) continue;
    out.in_time = ready > 0;
    const auto n = out.in_time ? ::read(from, piece, sizeof(piece)) : 0;
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || out.said.size() > said_bytes_max) return out;
    out.said.append(piece, static_cast<std::size_t>(n));
  }
}

verdict broken(std::string found) {
  verdict out;
  out.sound = false;
  out.found = std::move(found);
  return out;
}

}  // namespace

base::result<verdict> verify_in_child(const std::filesystem::path& directory, const verifier_settings& with) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot("verifying", errno);
  const auto child = spawn(with, directory, ends[1]);
  ::close(ends[1]);
  if (!child) {
    ::close(ends[0]);
    return std::unexpected(child.error());
  }
  auto heard_of = listen(ends[0], base::boot_clock::now() + with.timeout);
  ::close(ends[0]);
  if (!heard_of.in_time) ::kill(*child, SIGKILL);
  int status = 0;
  pid_t gone = -1;
  do {
    gone = ::waitpid(*child, &status, 0);
  } while (gone < 0 && errno == EINTR);
  if (!heard_of.in_time)
    return broken(fmt::format("verification took longer than {} ms", with.timeout.count()));
  // A program that ignores SIGCHLD is told nothing of how it ended; what the child said is whole or not.
  if (gone == *child && WIFSIGNALED(status))
    return broken(fmt::format("verification was ended by signal {}", WTERMSIG(status)));
  if (gone == *child && WEXITSTATUS(status) == 127) return cannot("starting the verification", ENOEXEC);
  auto out = heard(heard_of.said);
  if (!out) return broken("verification ended without a verdict");
  return std::move(*out);
}

int verify_as_child(const std::filesystem::path& directory, std::uint64_t memory_bytes_max) {
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  // Private memory only: the store's map is address space. Sanitizers take terabytes of it for themselves.
  const rlimit memory{memory_bytes_max, memory_bytes_max};
  ::setrlimit(RLIMIT_DATA, &memory);
#else
  (void)memory_bytes_max;
#endif
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const auto found = verify(directory, true);
  if (!found) return 2;
  const auto text = told(*found);
  for (std::size_t sent = 0; sent < text.size();) {
    const auto n = ::write(1, text.data() + sent, text.size() - sent);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 2;
    sent += static_cast<std::size_t>(n);
  }
  return found->sound ? 0 : 3;
}

}  // namespace evergate::journal
