// A guild document as it is stored: one zstd frame. Pure; unpacking is bounded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace evergate::journal {

[[nodiscard]] std::string compressed(std::string_view text, int level);
/// Nothing when it is no zstd frame of exactly `size` bytes, or `size` is past `most`.
[[nodiscard]] std::optional<std::string> decompressed(std::string_view frame, std::size_t size,
                                                      std::size_t most);

}  // namespace evergate::journal
