// UTF-8 from the network: judged by SIMD, repaired by splicing. Only what is invalid is touched, so that
// escaped lone surrogates and everything else pass as they came. Pure; linear.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace evergate::proto {

[[nodiscard]] bool valid_utf8(std::string_view text) noexcept;

/// Appends `text` to `out`, each maximal ill-formed subsequence (Unicode 15, §3.9, U+FFFD substitution)
/// replaced by U+FFFD. Returns how many were replaced. Grows the text to three times its size at most.
std::size_t append_repaired_utf8(std::string_view text, std::string& out);

}  // namespace evergate::proto
