// What can be wrong before the daemon runs, or with what is asked of it then.
#pragma once

#include <system_error>

namespace evergate::app {

enum class errc {
  bad_option = 1,   ///< an option's value is not allowed
  unknown_option,   ///< a key that does not exist
  unreadable_file,  ///< a configuration, token or certificate file
  not_now,          ///< what was asked for cannot be done as things stand
};

[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

}  // namespace evergate::app

template <>
struct std::is_error_code_enum<evergate::app::errc> : std::true_type {};
