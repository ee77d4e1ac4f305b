// What can keep the admin API from running.
#pragma once

#include <system_error>

namespace evergate::admin {

enum class errc {
  bad_option = 1,   ///< an option's value is not allowed
  unreadable_file,  ///< the token cannot be read or written
};

[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

}  // namespace evergate::admin

template <>
struct std::is_error_code_enum<evergate::admin::errc> : std::true_type {};
