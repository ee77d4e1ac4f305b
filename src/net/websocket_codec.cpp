#include "net/websocket_codec.h"

#include <simdjson.h>

#include <bit>
#include <cstring>
#include <utility>

#include "net/byte_buffer.h"

namespace evergate::net {
namespace {

/// Eight bytes at a time, which the compiler widens to the machine's vectors.
void apply_mask(char* bytes, std::size_t count, std::uint32_t key_as_sent) {
  const std::uint64_t wide = (std::uint64_t{key_as_sent} << 32) | key_as_sent;
  std::size_t at = 0;
  for (; at + 8 <= count; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes + at, 8);
    word ^= wide;
    std::memcpy(bytes + at, &word, 8);
  }
  char key[4];
  std::memcpy(key, &key_as_sent, 4);
  for (; at < count; ++at) bytes[at] = static_cast<char>(bytes[at] ^ key[at & 3]);
}

std::uint64_t big_endian(const char* at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

bool valid_close_code(std::uint64_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

struct frame_head {
  bool fin = false;
  bool masked = false;
  ws_opcode opcode = ws_opcode::text;
  std::size_t head_bytes = 0;
  std::uint64_t payload_bytes = 0;
  std::uint32_t key = 0;
};

constexpr bool is_control(ws_opcode opcode) {
  return static_cast<std::uint8_t>(opcode) >= 8;
}

/// Writes the header's bytes in front of `payload_bytes` of payload; returns how many.
std::size_t write_head(char* at, ws_opcode opcode, std::size_t payload_bytes, bool masked) {
  at[0] = static_cast<char>(0x80 | static_cast<unsigned>(opcode));
  const unsigned mask_bit = masked ? 0x80 : 0;
  if (payload_bytes < 126) {
    at[1] = static_cast<char>(mask_bit | payload_bytes);
    return 2;
  }
  const std::size_t width = payload_bytes <= 0xffff ? 2 : 8;
  at[1] = static_cast<char>(mask_bit | (width == 2 ? 126U : 127U));
  for (std::size_t i = 0; i < width; ++i) {
    at[2 + i] = static_cast<char>(std::uint64_t{payload_bytes} >> (8 * (width - 1 - i)));
  }
  return 2 + width;
}

}  // namespace

struct ws_decoder::state {
  ws_role role;
  ws_limits limits;
  byte_buffer buffer;
  std::string joined;         ///< payloads of an unfinished fragmented message
  std::size_t fragments = 0;  ///< frames of it so far; 0 = none open
  ws_opcode kind = ws_opcode::text;
  bool joined_taken = false;  ///< `joined` was handed out and is cleared at the next call
  bool broken = false;

  enum class head_state : std::uint8_t { whole, partial, bad };
  head_state parse_head(frame_head& head, ws_violation& why);
  bool admit(const frame_head& head, ws_violation& why) const;
  bool check_close(std::string_view payload, ws_violation& why) const;
  bool check_text(ws_opcode opcode, std::string_view payload, ws_violation& why) const;
};

/// The length that the header claims is judged here, before anything is kept for it.
bool ws_decoder::state::admit(const frame_head& head, ws_violation& why) const {
  if (is_control(head.opcode)) {
    if (!head.fin) return why = {1002, "fragmented control frame"}, false;
    if (head.payload_bytes > 125) return why = {1002, "control frame longer than 125 bytes"}, false;
    return true;
  }
  const bool continues = head.opcode == ws_opcode::continuation;
  if (continues && fragments == 0) return why = {1002, "continuation without a message"}, false;
  if (!continues && fragments != 0) return why = {1002, "new message inside a fragmented one"}, false;
  if (head.payload_bytes > limits.message_bytes_max - joined.size())
    return why = {1009, "message too big"}, false;
  if (!(head.fin && fragments == 0) && fragments + 1 > limits.fragments_max) {
    return why = {1009, "too many fragments"}, false;
  }
  return true;
}

ws_decoder::state::head_state ws_decoder::state::parse_head(frame_head& head, ws_violation& why) {
  const auto held = buffer.size();
  if (held == 0) return head_state::partial;
  const char* at = buffer.data();
  const auto first = static_cast<unsigned char>(at[0]);
  if ((first & 0x70) != 0) return why = {1002, "reserved bit set"}, head_state::bad;
  const unsigned code = first & 0x0fU;
  if ((code > 2 && code < 8) || code > 10) return why = {1002, "reserved opcode"}, head_state::bad;
  head.fin = (first & 0x80) != 0;
  head.opcode = static_cast<ws_opcode>(code);
  if (held < 2) return head_state::partial;
  const auto second = static_cast<unsigned char>(at[1]);
  head.masked = (second & 0x80) != 0;
  if (role == ws_role::server && !head.masked)
    return why = {1002, "unmasked frame from a client"}, head_state::bad;
  if (role == ws_role::client && head.masked)
    return why = {1002, "masked frame from a server"}, head_state::bad;
  const unsigned short_length = second & 0x7fU;
  const std::size_t extra = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
  head.head_bytes = 2 + extra + (head.masked ? 4 : 0);
  if (held < 2 + extra) return head_state::partial;
  head.payload_bytes = extra == 0 ? short_length : big_endian(at + 2, extra);
  const std::uint64_t smallest = extra == 0 ? 0 : extra == 2 ? 126 : 65536;
  if (head.payload_bytes < smallest) return why = {1002, "length not in its shortest form"}, head_state::bad;
  if (head.payload_bytes >> 63 != 0) return why = {1002, "length with its highest bit set"}, head_state::bad;
  if (!admit(head, why)) return head_state::bad;
  if (held < head.head_bytes) return head_state::partial;
  if (head.masked) std::memcpy(&head.key, at + 2 + extra, 4);
  return held - head.head_bytes < head.payload_bytes ? head_state::partial : head_state::whole;
}

bool ws_decoder::state::check_close(std::string_view payload, ws_violation& why) const {
  if (payload.empty()) return true;
  if (payload.size() == 1) return why = {1002, "close frame of one byte"}, false;
  if (!valid_close_code(big_endian(payload.data(), 2)))
    return why = {1002, "close code that may not be sent"}, false;
  if (!simdjson::validate_utf8(payload.data() + 2, payload.size() - 2)) {
    return why = {1007, "close reason is not UTF-8"}, false;
  }
  return true;
}

bool ws_decoder::state::check_text(ws_opcode opcode, std::string_view payload, ws_violation& why) const {
  if (opcode != ws_opcode::text || !limits.check_utf8) return true;
  if (simdjson::validate_utf8(payload.data(), payload.size())) return true;
  return why = {1007, "text message is not UTF-8"}, false;
}

ws_decoder::ws_decoder(ws_role role, ws_limits limits)
    : state_(new state{role, limits, {}, {}, 0, ws_opcode::text, false, false}) {}
ws_decoder::~ws_decoder() = default;

std::span<char> ws_decoder::prepare(std::size_t want) {
  return state_->buffer.prepare(want);
}
void ws_decoder::commit(std::size_t count) {
  state_->buffer.commit(count);
}
std::size_t ws_decoder::buffered() const noexcept {
  return state_->buffer.size() + (state_->joined_taken ? 0 : state_->joined.size());
}

ws_decoder::outcome ws_decoder::next(item& out) {
  auto& s = *state_;
  if (s.broken) return outcome::violation;
  if (s.joined_taken) {
    std::string().swap(s.joined);
    s.joined_taken = false;
  }
  const auto refuse = [&s] { return s.broken = true, outcome::violation; };
  for (;;) {
    frame_head head;
    const auto parsed = s.parse_head(head, violation_);
    if (parsed == state::head_state::bad) return refuse();
    if (parsed == state::head_state::partial) return outcome::need_more;
    char* bytes = s.buffer.data() + head.head_bytes;
    const auto count = static_cast<std::size_t>(head.payload_bytes);
    if (head.masked) apply_mask(bytes, count, head.key);
    const std::string_view payload(bytes, count);
    s.buffer.consume(head.head_bytes + count);
    if (is_control(head.opcode)) {
      if (head.opcode == ws_opcode::close && !s.check_close(payload, violation_)) return refuse();
      out = {head.opcode, payload};
      return outcome::item;
    }
    if (head.fin && s.fragments == 0) {
      if (!s.check_text(head.opcode, payload, violation_)) return refuse();
      out = {head.opcode, payload};
      return outcome::item;
    }
    if (s.fragments++ == 0) s.kind = head.opcode;
    s.joined.append(payload);
    if (!head.fin) continue;
    s.fragments = 0;
    s.joined_taken = true;
    if (!s.check_text(s.kind, s.joined, violation_)) return refuse();
    out = {s.kind, s.joined};
    return outcome::item;
  }
}

void append_frame(std::string& out, ws_role role, ws_opcode opcode, std::string_view payload,
                  std::uint32_t mask_key) {
  char head[14];
  const bool masked = role == ws_role::client;
  auto bytes = write_head(head, opcode, payload.size(), masked);
  if (masked) {
    std::memcpy(head + bytes, &mask_key, 4);
    bytes += 4;
  }
  out.append(head, bytes);
  const auto at = out.size();
  out.append(payload);
  if (masked) apply_mask(out.data() + at, payload.size(), mask_key);
}

namespace {
constexpr std::size_t usual_head_bytes = 4;
}

std::size_t begin_server_frame(std::string& out) {
  const auto mark = out.size();
  out.append(usual_head_bytes, '\0');
  return mark;
}

void end_server_frame(std::string& out, std::size_t mark, ws_opcode opcode) {
  const auto payload_bytes = out.size() - mark - usual_head_bytes;
  char head[14];
  const auto bytes = write_head(head, opcode, payload_bytes, false);
  if (bytes < usual_head_bytes) {
    out.erase(mark, usual_head_bytes - bytes);
  } else if (bytes > usual_head_bytes) {
    out.insert(mark, bytes - usual_head_bytes, '\0');
  }
  std::memcpy(out.data() + mark, head, bytes);
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  std::string out;
  if (!valid_close_code(code)) return out;
  constexpr std::size_t reason_bytes_max = 123;
  if (reason.size() > reason_bytes_max) {
    auto cut = reason_bytes_max;
    while (cut > 0 && (static_cast<unsigned char>(reason[cut]) & 0xc0U) == 0x80U) --cut;
    reason = reason.substr(0, cut);
  }
  out += static_cast<char>(code >> 8);
  out += static_cast<char>(code & 0xff);
  out += reason;
  return out;
}

}  // namespace evergate::net
