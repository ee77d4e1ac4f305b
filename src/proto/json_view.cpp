#include "proto/json_view.h"

#include <charconv>

#include "proto/json_walk.h"
#include "proto/snowflake_text.h"

namespace evergate::proto {
namespace {

constexpr bool literal_char(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

std::string_view trimmed(std::string_view value) noexcept {
  value.remove_prefix(skip_space(value, 0));
  while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
  return value;
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The four hex digits at `at`, or -1.
int code_unit(std::string_view text, std::size_t at) noexcept {
  if (text.size() < at + 4) return -1;
  int out = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    out = out * 16 + digit;
  }
  return out;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | (point >> 6));
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3f));
    put(0x80 | ((point >> 6) & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

/// Resolves the \u escape whose digits start at `at`, and its low surrogate if one follows. Moves `at` past
/// what was used; false when the digits are no digits.
bool decode_unicode(std::string_view text, std::size_t& at, std::string& out) {
  const int unit = code_unit(text, at);
  if (unit < 0) return false;
  at += 4;
  auto point = static_cast<std::uint32_t>(unit);
  if (point >= 0xd800 && point < 0xe000) {
    const bool pair = point < 0xdc00 && text.substr(at, 2) == "\\u";
    const int low = pair ? code_unit(text, at + 2) : -1;
    if (low >= 0xdc00 && low < 0xe000) {
      point = 0x10000 + ((point - 0xd800) << 10) + (static_cast<std::uint32_t>(low) - 0xdc00);
      at += 6;
    } else {
      point = 0xfffd;
    }
  }
  append_utf8(out, point);
  return true;
}

char simple_escape(char c) noexcept {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '/':
      return '/';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

}  // namespace

std::size_t skip_value(std::string_view text, std::size_t at) noexcept {
  at = skip_space(text, at);
  if (at >= text.size()) return std::string_view::npos;
  const char c = text[at];
  if (c == '"') return walk_string(text, at);
  if (c == '{' || c == '[') return walk_container(text, at, json_depth_max);
  const std::size_t first = at;
  while (at < text.size() && literal_char(text[at])) ++at;
  return at == first ? std::string_view::npos : at;
}

object_cursor::object_cursor(std::string_view object) noexcept : text_(object) {
  at_ = skip_space(text_, 0);
  ok_ = at_ < text_.size() && text_[at_] == '{';
  ++at_;
}

bool object_cursor::next() noexcept {
  if (!ok_ || at_ == std::string_view::npos) return false;
  ok_ = false;  // until this member has been read whole
  at_ = skip_space(text_, at_);
  if (at_ >= text_.size()) return false;
  if (text_[at_] == '}') {
    ok_ = skip_space(text_, at_ + 1) == text_.size();
    at_ = std::string_view::npos;
    return false;
  }
  if (!first_) {
    if (text_[at_] != ',') return false;
    at_ = skip_space(text_, at_ + 1);
  }
  if (at_ >= text_.size() || text_[at_] != '"') return false;
  const std::size_t key_end = walk_string(text_, at_);
  if (key_end == std::string_view::npos) return false;
  const std::size_t colon = skip_space(text_, key_end);
  if (colon >= text_.size() || text_[colon] != ':') return false;
  const std::size_t value_begin = skip_space(text_, colon + 1);
  const std::size_t value_end = skip_value(text_, value_begin);
  if (value_end == std::string_view::npos) return false;
  member_begin_ = at_;
  key_ = text_.substr(at_ + 1, key_end - at_ - 2);
  value_ = text_.substr(value_begin, value_end - value_begin);
  at_ = value_end;
  first_ = false;
  ok_ = true;
  return true;
}

array_cursor::array_cursor(std::string_view array) noexcept : text_(array) {
  at_ = skip_space(text_, 0);
  ok_ = at_ < text_.size() && text_[at_] == '[';
  ++at_;
}

bool array_cursor::next() noexcept {
  if (!ok_ || at_ == std::string_view::npos) return false;
  ok_ = false;
  at_ = skip_space(text_, at_);
  if (at_ >= text_.size()) return false;
  if (text_[at_] == ']') {
    ok_ = skip_space(text_, at_ + 1) == text_.size();
    at_ = std::string_view::npos;
    return false;
  }
  if (!first_) {
    if (text_[at_] != ',') return false;
    at_ = skip_space(text_, at_ + 1);
  }
  const std::size_t value_end = skip_value(text_, at_);
  if (value_end == std::string_view::npos) return false;
  value_ = text_.substr(at_, value_end - at_);
  at_ = value_end;
  first_ = false;
  ok_ = true;
  return true;
}

std::string_view member(std::string_view object, std::string_view key) noexcept {
  object_cursor cursor(object);
  while (cursor.next()) {
    if (cursor.key() == key) return cursor.value();
  }
  return {};
}

std::optional<std::string_view> plain_string(std::string_view value) noexcept {
  value = trimmed(value);
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::nullopt;
  value = value.substr(1, value.size() - 2);
  for (const char c : value) {
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) return std::nullopt;
  }
  return value;
}

std::optional<std::string> decoded_string(std::string_view value) {
  value = trimmed(value);
  if (value.size() < 2 || value.front() != '"' || walk_string(value, 0) != value.size()) return std::nullopt;
  value = value.substr(1, value.size() - 2);
  std::string out;
  out.reserve(value.size());
  for (std::size_t at = 0; at < value.size();) {
    const char c = value[at++];
    if (static_cast<unsigned char>(c) < 0x20) return std::nullopt;
    if (c != '\\') {
      out += c;
      continue;
    }
    const char escape = value[at++];  // walk_string vouches that one follows
    if (escape == 'u') {
      if (!decode_unicode(value, at, out)) return std::nullopt;
    } else if (const char plain = simple_escape(escape); plain != '\0') {
      out += plain;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

snowflake snowflake_of(std::string_view value) noexcept {
  value = trimmed(value);
  if (value.empty()) return 0;
  if (value.front() != '"') return parse_snowflake(value).value_or(0);
  const std::size_t end = walk_string(value, 0);
  return end == value.size() ? quoted_snowflake(value.data(), value.data() + value.size()) : 0;
}

std::optional<std::int64_t> integer_of(std::string_view value) noexcept {
  value = trimmed(value);
  std::int64_t out = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (failure != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  const std::string_view digits = value.substr(value.front() == '-' ? 1 : 0);
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;  // JSON has no leading zeros
  return out;
}

void append_quoted(std::string& out, std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace evergate::proto
