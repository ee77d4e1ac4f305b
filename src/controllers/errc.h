// Why a script is not taken over.
#pragma once

#include <system_error>

namespace evergate::decide {

enum class errc {
  bad_script = 1,     ///< it does not compile, fails as it is run, or names what is no controller
  unreadable_script,  ///< the file cannot be read
  no_script,          ///< controllers.script names none
  script_failed,      ///< a call of it failed
};

[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

}  // namespace evergate::decide

template <>
struct std::is_error_code_enum<evergate::decide::errc> : std::true_type {};
