// The members of a request's JSON body, each judged with the words for what is wrong. A view; one call.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace evergate::admin {

class request_body {
 public:
  explicit request_body(std::string_view json) : json_(json) {}

  /// "250ms", "30s", "5m", "24h", or a number of milliseconds; `otherwise` when the member is missing.
  [[nodiscard]] base::result<base::milliseconds> duration(std::string_view key,
                                                          base::milliseconds otherwise) const;
  /// A string, or a number as its digits; empty when the member is missing.
  [[nodiscard]] base::result<std::string> text(std::string_view key) const;

 private:
  std::string_view json_;
};

}  // namespace evergate::admin
