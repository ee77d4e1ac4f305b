// What can go wrong with an application's store, as codes that callers branch on.
#pragma once

#include <system_error>

namespace evergate::journal {

enum class errc {
  bad_option = 1,  ///< an option outside what is allowed
  locked,          ///< another daemon uses the directory
  unusable,        ///< the directory cannot be made, read or written
  full,            ///< no room: disk, quota or map; trying again later may work
  io,              ///< the system refused a read or write
  damaged,         ///< a stored value is not what was written
  closed,          ///< the journal has been stopped
  grow,            ///< the map was too small: begin the transaction again, write() makes it larger
};

[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

}  // namespace evergate::journal

template <>
struct std::is_error_code_enum<evergate::journal::errc> : std::true_type {};
