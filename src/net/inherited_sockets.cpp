#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "net/http_server.h"

namespace evergate::net {
namespace {

/// The variable as a number; -1 when it is absent or not one.
long environment_number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return -1;
  const std::string_view view(text);
  long number = -1;
  const auto [end, bad] = std::from_chars(view.data(), view.data() + view.size(), number);
  return bad == std::errc{} && end == view.data() + view.size() && !view.empty() ? number : -1;
}

}  // namespace

std::vector<int> inherited_sockets() {
  constexpr int first_fd = 3;  // SD_LISTEN_FDS_START
  constexpr long count_max = 64;
  const long count = environment_number("LISTEN_FDS");
  if (environment_number("LISTEN_PID") != ::getpid() || count <= 0 || count > count_max) return {};
  std::vector<int> out;
  for (int fd = first_fd; fd < first_fd + count; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags < 0) continue;
    ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
    out.push_back(fd);
  }
  return out;
}

std::string local_address(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  std::array<char, NI_MAXHOST> out{};
  auto* const at = reinterpret_cast<sockaddr*>(&bound);
  if (::getsockname(fd, at, &size) != 0 || (bound.ss_family != AF_INET && bound.ss_family != AF_INET6))
    return {};
  if (::getnameinfo(at, size, out.data(), out.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return out.data();
}

}  // namespace evergate::net
