// http, https, ws and wss URLs, as far as gateways and REST bases need them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace evergate::net {

struct url {
  std::string scheme;  ///< "http", "https", "ws" or "wss"
  std::string host;    ///< name or address, without brackets
  std::uint16_t port = 0;
  std::string path;   ///< starts with '/'; trailing slashes are dropped unless it is all there is
  std::string query;  ///< without '?'

  [[nodiscard]] bool secure() const noexcept { return scheme == "https" || scheme == "wss"; }
  /// Host, with the port when it is not the scheme's own, IPv6 in brackets: for the Host header.
  [[nodiscard]] std::string authority() const;
  /// Path and query, "/" at least: for the request line.
  [[nodiscard]] std::string target() const;
  [[nodiscard]] std::string text() const;
};

/// Rejects user info, fragments, unknown schemes and control characters. An absent path becomes "/".
[[nodiscard]] base::result<url> parse_url(std::string_view text);

}  // namespace evergate::net
