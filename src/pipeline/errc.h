// What can be wrong with the pipeline's options.
#pragma once

#include <system_error>

namespace evergate::pipeline {

enum class errc {
  bad_option = 1,  ///< a filter that names what may not be filtered
};

[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

}  // namespace evergate::pipeline

template <>
struct std::is_error_code_enum<evergate::pipeline::errc> : std::true_type {};
