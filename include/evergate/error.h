// Errors as values, for the library's users and throughout its inside.
#pragma once

#include <expected>
#include <string>
#include <system_error>

namespace evergate {

/// A failure: a code that programs branch on, and a sentence that names the key, frame or file, what is
/// wrong with it and what is allowed. Never contains a token.
struct error {
  std::error_code code;  ///< what programs branch on
  std::string detail;    ///< the sentence for people; may be empty

  /// "detail (code message)", for logs and terminals.
  [[nodiscard]] std::string text() const {
    if (detail.empty()) return code.message();
    return code ? detail + " (" + code.message() + ")" : detail;
  }
};

template <class T>
using result = std::expected<T, error>;

}  // namespace evergate
