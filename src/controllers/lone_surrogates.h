// Half surrogate pairs in JSON ("\ud83d" alone): Discord's events may hold them, and simdjson refuses them.
// Pure.
#pragma once

#include <string>
#include <string_view>

namespace evergate::decide {

/// The text with U+FFFD for each half that stands alone; as long as before.
[[nodiscard]] std::string without_lone_surrogates(std::string_view json);

}  // namespace evergate::decide
