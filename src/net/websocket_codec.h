// RFC 6455 framing without I/O: bytes in, messages out; payloads in, frames out. Both roles. Control frames
// are handed to the caller, who answers pings and closes. Pure; one thread; bounded by its limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace evergate::net {

enum class ws_role : std::uint8_t { client, server };
enum class ws_opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10
};

struct ws_limits {
  std::size_t message_bytes_max = std::size_t{64} << 20;  ///< after joining fragments
  std::size_t fragments_max = 1024;                       ///< frames in one message
  bool check_utf8 = true;  ///< of text messages; false passes them on as they are
};

/// What went wrong in the peer's bytes and the close code that says so (1002, 1007, 1009).
struct ws_violation {
  std::uint16_t close_code = 1002;
  const char* what = "";
};

class ws_decoder {
 public:
  ws_decoder(ws_role role, ws_limits limits);
  ~ws_decoder();

  /// One whole message or control frame; `payload` is valid until the next call on the decoder. Unmasked.
  struct item {
    ws_opcode opcode = ws_opcode::text;
    std::string_view payload;
  };

  /// Where the next bytes are to be read into (at least `want` bytes), so that a large recv or SSL_read costs
  /// no copy.
  [[nodiscard]] std::span<char> prepare(std::size_t want);
  /// `count` bytes of what prepare() gave have been filled.
  void commit(std::size_t count);

  enum class outcome : std::uint8_t { item, need_more, violation };
  /// Takes the next item from what has been committed.
  [[nodiscard]] outcome next(item& out);
  [[nodiscard]] const ws_violation& violation() const noexcept { return violation_; }
  /// Bytes held (incomplete frames and joined fragments).
  [[nodiscard]] std::size_t buffered() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
  ws_violation violation_;
};

/// Appends one frame. A client masks with `mask_key`; a server's frames carry no mask.
void append_frame(std::string& out, ws_role role, ws_opcode opcode, std::string_view payload,
                  std::uint32_t mask_key = 0);

/// Server frames whose payload is built in place: reserves room for the usual header (126 to 65,535 bytes),
/// then the caller appends the payload, then end_server_frame() writes the header, moving the payload only
/// when it needs a shorter or a longer one. Returns the mark to hand to end_server_frame().
[[nodiscard]] std::size_t begin_server_frame(std::string& out);
void end_server_frame(std::string& out, std::size_t mark, ws_opcode opcode);

/// A close frame's payload; the code must be one that may be sent (1000–1003, 1007–1014, 3000–4999).
[[nodiscard]] std::string close_payload(std::uint16_t code, std::string_view reason);

/// The Sec-WebSocket-Accept value for a Sec-WebSocket-Key.
[[nodiscard]] std::string accept_key(std::string_view key);

}  // namespace evergate::net
