// What can go wrong between us and Discord before a session lives.
#pragma once

#include <system_error>

namespace evergate::upstream {

enum class errc {
  bad_option = 1,    ///< a fleet option that cannot be used
  unauthorized,      ///< Discord does not accept the token
  bad_gateway_info,  ///< /gateway/bot answered something else than documented
  unavailable,       ///< /gateway/bot could not be asked
  closed_fatally,    ///< a close code after which no reconnect helps
};

[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

}  // namespace evergate::upstream

template <>
struct std::is_error_code_enum<evergate::upstream::errc> : std::true_type {};
