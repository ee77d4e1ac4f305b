// What can be wrong with bytes of Discord's protocol.
#pragma once

#include <system_error>

namespace evergate::proto {

enum class errc {
  bad_json = 1,     ///< not the JSON that the place allows
  bad_compression,  ///< a broken zlib or zstd stream
  too_large,        ///< past the stated bound (inflated size, ratio, depth)
};

[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

}  // namespace evergate::proto

template <>
struct std::is_error_code_enum<evergate::proto::errc> : std::true_type {};
