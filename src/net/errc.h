// What can go wrong at the network's edge.
#pragma once

#include <system_error>

namespace evergate::net {

enum class errc {
  bad_address = 1,  ///< an address, port or URL that cannot be used
  resolve_failed,   ///< the name has no address
  connect_failed,
  tls_failed,        ///< handshake or certificate
  handshake_failed,  ///< the HTTP upgrade was refused or malformed
  rate_limited,      ///< the HTTP upgrade was answered 429, or 403 as by a front that blocks our address
  timed_out,
  closed,          ///< the peer closed
  protocol_error,  ///< RFC 6455 or HTTP broken by the peer
  too_large,
  bad_certificate_file,
  too_many,  ///< a bound on what may run at once is reached
};

[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

}  // namespace evergate::net

template <>
struct std::is_error_code_enum<evergate::net::errc> : std::true_type {};
