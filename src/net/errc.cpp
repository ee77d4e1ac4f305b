#include "net/errc.h"

#include "base/error_category.h"

namespace evergate::net {
namespace {

const char* errc_text(errc code) noexcept {
  switch (code) {
    case errc::bad_address:
      return "bad address";
    case errc::resolve_failed:
      return "name not resolved";
    case errc::connect_failed:
      return "connect failed";
    case errc::tls_failed:
      return "TLS failed";
    case errc::handshake_failed:
      return "upgrade refused";
    case errc::rate_limited:
      return "too many connections for the server's liking";
    case errc::timed_out:
      return "timed out";
    case errc::closed:
      return "connection closed";
    case errc::protocol_error:
      return "protocol broken by the peer";
    case errc::too_large:
      return "too large";
    case errc::bad_certificate_file:
      return "unusable certificate file";
    case errc::too_many:
      return "too many at once";
  }
  return "unknown";
}

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const base::error_category<errc> category("net", errc_text);
  return {static_cast<int>(code), category};
}

}  // namespace evergate::net
