// Changing a JSON object without building a document: members are dropped, set or overwritten as raw slices,
// the rest keeps its bytes and order. Pure; an object that is not well-formed comes out as far as it could be
// read.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace evergate::journal {

/// `object` without the members named in `dropped`.
[[nodiscard]] std::string without(std::string_view object, std::initializer_list<std::string_view> dropped);

/// `object` with `key` set to the raw `value`, in its place or at the end.
[[nodiscard]] std::string with(std::string_view object, std::string_view key, std::string_view value);

/// `object` with every member of `patch` put over it (values whole, not merged inside), but for those named
/// in `dropped`.
[[nodiscard]] std::string merged(std::string_view object, std::string_view patch,
                                 std::initializer_list<std::string_view> dropped = {});

/// True when `text` is one whole JSON object.
[[nodiscard]] bool is_object(std::string_view text) noexcept;

}  // namespace evergate::journal
