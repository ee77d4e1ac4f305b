// Reading JSON as raw slices: members of an object and elements of an array, each value as the bytes it
// stands in. What the mirror, the redaction rules and the session cores are built on, so that nothing is
// re-serialised. Pure; safe on any bytes; shares its value skipping with the envelope scan.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/snowflake.h"

namespace evergate::proto {

/// Walks the members of a JSON object: `object_cursor c(text); while (c.next()) use(c.key(), c.value());`
/// then `c.ok()` tells whether the text was one whole well-formed object (as far as the scan judges).
class object_cursor {
 public:
  explicit object_cursor(std::string_view object) noexcept;
  bool next() noexcept;
  /// Raw key between its quotes, escapes untouched.
  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  /// Raw value, without surrounding white space.
  [[nodiscard]] std::string_view value() const noexcept { return value_; }
  /// Position of the opening quote of the key in the text given to the constructor.
  [[nodiscard]] std::size_t member_begin() const noexcept { return member_begin_; }
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t member_begin_ = 0;
  std::string_view key_;
  std::string_view value_;
  bool first_ = true;
  bool ok_ = true;
};

/// Walks the elements of a JSON array in the same way.
class array_cursor {
 public:
  explicit array_cursor(std::string_view array) noexcept;
  bool next() noexcept;
  [[nodiscard]] std::string_view value() const noexcept { return value_; }
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view value_;
  bool first_ = true;
  bool ok_ = true;
};

/// Raw value of the member `key` of an object; empty when absent or when `object` is no object. The last of
/// repeated keys does not win: the first does.
[[nodiscard]] std::string_view member(std::string_view object, std::string_view key) noexcept;

/// The text between the quotes of a raw string value when it has no escapes; nothing otherwise.
[[nodiscard]] std::optional<std::string_view> plain_string(std::string_view value) noexcept;

/// A raw string value with escapes resolved to UTF-8 (lone surrogates become U+FFFD); nothing when it is no
/// string or malformed.
[[nodiscard]] std::optional<std::string> decoded_string(std::string_view value);

/// A snowflake given as a string or as a bare number; 0 otherwise.
[[nodiscard]] snowflake snowflake_of(std::string_view value) noexcept;

/// An integer value; nothing for anything else.
[[nodiscard]] std::optional<std::int64_t> integer_of(std::string_view value) noexcept;

/// Appends `text` as a quoted JSON string.
void append_quoted(std::string& out, std::string_view text);

/// The position just past the JSON value that starts at `at` (leading white space allowed), or npos.
/// Judges strings, brackets and literals' character set; depth is bounded to 512.
[[nodiscard]] std::size_t skip_value(std::string_view text, std::size_t at) noexcept;

}  // namespace evergate::proto
