// What can go wrong between a bot and us.
#pragma once

#include <system_error>

namespace evergate::downstream {

enum class errc {
  bad_frame = 1,  ///< a message that is not what the gateway protocol allows
  bad_option,     ///< an option out of range
  refused,        ///< a command that the owning shard has no room for
  unknown_consumer,
};

[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

}  // namespace evergate::downstream

template <>
struct std::is_error_code_enum<evergate::downstream::errc> : std::true_type {};
