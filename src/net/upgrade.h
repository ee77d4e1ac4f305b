// The HTTP upgrade to WebSocket (RFC 6455 §4), both sides, as text: no I/O. Pure save for OpenSSL's SHA-1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_server.h"
#include "net/url.h"

namespace evergate::net {

/// A client's request; `key` is the Sec-WebSocket-Key.
[[nodiscard]] std::string upgrade_request(const url& target, std::string_view key);
/// The base64 of sixteen bytes.
[[nodiscard]] std::string upgrade_key(std::uint64_t low, std::uint64_t high);
/// Judges the server's response head (with its blank line); names the status when it is not 101.
[[nodiscard]] base::result<void> check_upgrade_response(std::string_view head, std::string_view key);

enum class upgrade_verdict : std::uint8_t {
  absent,  ///< an ordinary request
  good,
  malformed,    ///< 400
  bad_version,  ///< 426
};
/// Judges a client's request by its method and headers; `http_11` is its version.
[[nodiscard]] upgrade_verdict judge_upgrade(const http_request& request, bool http_11);
/// The whole 101 response.
[[nodiscard]] std::string upgrade_answer(std::string_view key);

/// True when a comma-separated header value has `token` in it, any case.
[[nodiscard]] bool has_token(std::string_view list, std::string_view token);

}  // namespace evergate::net
