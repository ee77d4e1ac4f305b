// An answer of the simulated REST or control API before it meets a socket.
#pragma once

#include <string>

namespace evergate::sim {

struct http_reply {
  unsigned status = 200;
  std::string body = {};  ///< empty with 204
  std::string content_type = "application/json";
};

}  // namespace evergate::sim
