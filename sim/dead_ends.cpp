#include "sim/dead_ends.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace evergate::sim {
namespace {

constexpr int backlog = 1024;

base::error last_error(const char* what) {
  return {std::error_code(errno, std::system_category()), what};
}

}  // namespace

base::result<dead_ends::held_port> dead_ends::bind_any(const std::string& address) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), "0", &hints, &found) != 0) {
    return std::unexpected(base::error{std::make_error_code(std::errc::invalid_argument), address});
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> kept(found, &::freeaddrinfo);
  held_port out{.fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (out.fd < 0) return std::unexpected(last_error("socket"));
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::bind(out.fd, found->ai_addr, found->ai_addrlen) != 0 ||
      ::getsockname(out.fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    const auto why = last_error("bind");
    ::close(out.fd);
    return std::unexpected(why);
  }
  out.port = ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(name).sin6_port
                                              : reinterpret_cast<sockaddr_in&>(name).sin_port);
  return out;
}

base::result<dead_ends> dead_ends::open(const std::string& address) {
  dead_ends made;
  for (held_port* port : {&made.refusing_, &made.silent_}) {
    auto bound = bind_any(address);
    if (!bound) return std::unexpected(bound.error());
    *port = *bound;
  }
  if (::listen(made.silent_.fd, backlog) != 0) return std::unexpected(last_error("listen"));
  return made;
}

dead_ends::dead_ends(dead_ends&& other) noexcept
    : refusing_(std::exchange(other.refusing_, {})), silent_(std::exchange(other.silent_, {})) {}

dead_ends& dead_ends::operator=(dead_ends&& other) noexcept {
  std::swap(refusing_, other.refusing_);
  std::swap(silent_, other.silent_);
  return *this;
}

dead_ends::~dead_ends() {
  for (const held_port& port : {refusing_, silent_}) {
    if (port.fd >= 0) ::close(port.fd);
  }
}

}  // namespace evergate::sim
