#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "net/http_server.h"

namespace evergate::net {
namespace {

/// Runs in a child, since descriptor 3 and the environment are the process's.
template <class Work>
int in_child(Work work) {
  const auto child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void set_environment(const std::string& pid, const std::string& count) {
  ::setenv("LISTEN_PID", pid.c_str(), 1);
  ::setenv("LISTEN_FDS", count.c_str(), 1);
}

TEST(inherited_sockets_test, takes_those_that_are_meant_for_it) {
  const int code = in_child([] {
    const int made = ::socket(AF_INET, SOCK_STREAM, 0);
    ::dup2(made, 3);
    set_environment(std::to_string(::getpid()), "1");
    const auto got = inherited_sockets();
    const bool closes = (::fcntl(3, F_GETFD) & FD_CLOEXEC) != 0;
    return got == std::vector<int>{3} && closes && std::getenv("LISTEN_FDS") != nullptr ? 42 : 1;
  });
  EXPECT_EQ(code, 42);
}

TEST(inherited_sockets_test, ignores_what_is_not) {
  const int code = in_child([] {
    const auto none = [](const std::string& pid, const std::string& count) {
      set_environment(pid, count);
      return inherited_sockets().empty();
    };
    const auto own = std::to_string(::getpid());
    bool ok = none("1", "1") && none(own, "0") && none(own, "-1") && none(own, "x") && none(own, "99999");
    ::unsetenv("LISTEN_PID");
    ok = ok && inherited_sockets().empty();
    return ok ? 42 : 1;
  });
  EXPECT_EQ(code, 42);
}

}  // namespace
}  // namespace evergate::net
