#include "proto/utf8.h"

#include <simdjson.h>

namespace evergate::proto {
namespace {

struct sequence {
  std::size_t size = 1;  ///< bytes to take, well-formed or to be replaced as one
  bool valid = false;
};

/// What starts at `at`, which is no ASCII byte.
sequence sequence_at(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  std::size_t size = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    size = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    size = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    size = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return {};
  }
  for (std::size_t i = 1; i < size; ++i, low = 0x80, high = 0xbf) {
    if (at + i >= text.size() || byte(at + i) < low || byte(at + i) > high) return {i, false};
  }
  return {size, true};
}

}  // namespace

bool valid_utf8(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::size_t append_repaired_utf8(std::string_view text, std::string& out) {
  std::size_t replaced = 0;
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const sequence next = sequence_at(text, at);
    if (!next.valid) {
      out.append(text.substr(copied, at - copied)).append("\xef\xbf\xbd");
      copied = at + next.size;
      ++replaced;
    }
    at += next.size;
  }
  out.append(text.substr(copied));
  return replaced;
}

}  // namespace evergate::proto
