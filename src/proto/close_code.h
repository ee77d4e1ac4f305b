// What each WebSocket close code of Discord's gateway asks of us. A table without state. Source: Discord
// documentation, Opcodes and Status Codes; verdicts for undocumented codes are marked in close_code.cpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace evergate::proto {

enum class close_verdict : std::uint8_t {
  resume,        ///< reconnect and RESUME at once
  resume_later,  ///< RESUME after a pause
  resume_once,   ///< one RESUME is tried; the same code again means a new session
  identify,      ///< the session is gone: new IDENTIFY
  fatal,         ///< no reconnect helps: the operator must act
};

struct close_meaning {
  std::uint16_t code = 0;
  close_verdict verdict = close_verdict::resume;
  std::string_view meaning;  ///< for the operator
};

/// The verdict for a code received from Discord (1005 = close frame without a code, 1006 = no close frame).
/// Codes not in the table are reconnectable, so RESUME is tried.
[[nodiscard]] close_meaning meaning_of_close(std::uint16_t code) noexcept;

}  // namespace evergate::proto
