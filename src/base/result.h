// Errors as values: every operation that the world can make fail returns a result<T>.
// Each folder declares its own errc enum and error category; an error adds a sentence for the operator.
#pragma once

#include <expected>
#include <string>
#include <system_error>
#include <utility>

namespace evergate::base {

/// A failure: a code that programs branch on, and a sentence that names the key, frame or file, what is
/// wrong with it and what is allowed. Never contains a token.
struct error {
  std::error_code code;
  std::string detail;

  /// "detail (code message)", for logs and terminals.
  [[nodiscard]] std::string text() const {
    if (detail.empty()) return code.message();
    return code ? detail + " (" + code.message() + ")" : detail;
  }
};

template <class T>
using result = std::expected<T, error>;

/// Makes the unexpected half of a result: `return fail(errc::bad_frame, "…");`
template <class Code>
[[nodiscard]] std::unexpected<error> fail(Code code, std::string detail = {}) {
  return std::unexpected(error{make_error_code(code), std::move(detail)});
}

/// Passes another call's error on, with the place it happened in front.
[[nodiscard]] inline std::unexpected<error> fail(error cause, const std::string& place) {
  cause.detail = cause.detail.empty() ? place : place + ": " + cause.detail;
  return std::unexpected(std::move(cause));
}

}  // namespace evergate::base
