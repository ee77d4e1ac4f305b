#include "net/errc.h"

#include <string>

namespace evergate::net {
namespace {

class net_category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "evergate.net"; }
  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
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
    return "unknown network error";
  }
};

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const net_category category;
  return {static_cast<int>(code), category};
}

}  // namespace evergate::net
