// Errors as values: every operation that the world can make fail returns a result<T>.
// Each folder declares its own errc enum and error category; an error adds a sentence for the operator.
#pragma once

#include <string>
#include <utility>

#include "evergate/error.h"

namespace evergate::base {

using evergate::error;
using evergate::result;

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
