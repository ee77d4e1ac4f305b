// One message of a bot, judged: whole valid JSON in valid UTF-8, an object with an integer op. One reader
// per loop (its buffers are reused); bounded by the caller's size limit. Pure.
#pragma once

#include <simdjson.h>

#include <string_view>

#include "base/result.h"

namespace evergate::downstream {

struct client_frame {
  int op = -1;
  std::string_view d;  ///< raw value; empty when absent
};

class client_frame_reader {
 public:
  /// The views of the result point into `text`.
  [[nodiscard]] base::result<client_frame> read(std::string_view text);

 private:
  simdjson::dom::parser parser_;
};

}  // namespace evergate::downstream
