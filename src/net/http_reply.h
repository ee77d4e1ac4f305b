// Response heads as text. Pure. Header names and values that would break out of their line are dropped, as
// are those that are the server's own to say.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"

namespace evergate::net {

struct reply_head {
  unsigned status = 200;
  bool keep_alive = false;
  bool chunked = false;
  std::optional<std::size_t> content_length;  ///< absent: the caller's header or none
};

/// The head with its blank line. `keep_length` lets a Content-Length among `headers` through.
[[nodiscard]] std::string reply_head_text(const reply_head& head, const std::vector<http_header>& headers,
                                          bool keep_length);
/// True for statuses that never have a body (1xx, 204, 304).
[[nodiscard]] bool bodiless(unsigned status) noexcept;
[[nodiscard]] std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace evergate::net
