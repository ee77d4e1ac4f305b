// Appends JSON to a caller's string without a document in between: the fast way to write events. Commas
// follow from the last character written, so the writer keeps no state and may be made anew at any point.
// Any thread; bounded by what the caller writes. Keys are literals and need no escaping.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace evergate::sim {

class json_writer {
 public:
  explicit json_writer(std::string& out) noexcept : out_(out) {}

  json_writer& key(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return *this;
  }
  void begin_object() { separate(), out_ += '{'; }
  void end_object() { out_ += '}'; }
  void begin_array() { separate(), out_ += '['; }
  void end_array() { out_ += ']'; }

  void id(std::uint64_t value) {
    separate();
    out_ += '"';
    digits(value);
    out_ += '"';
  }
  void number(std::int64_t value) { separate(), digits(value); }
  void boolean(bool value) { separate(), out_ += value ? "true" : "false"; }
  void null() { separate(), out_ += "null"; }
  void raw(std::string_view json) { separate(), out_ += json; }
  /// Escapes quotes, backslashes and control characters; everything else is passed on as it is.
  void text(std::string_view value);
  /// Discord's ISO 8601 form of a moment in milliseconds since 1970.
  void time(std::int64_t unix_ms);

  void object(std::string_view name) { key(name).begin_object(); }
  void array(std::string_view name) { key(name).begin_array(); }
  void id(std::string_view name, std::uint64_t value) { key(name).id(value); }
  /// 0 is written as null.
  void id_or_null(std::string_view name, std::uint64_t value) {
    key(name);
    value == 0 ? null() : id(value);
  }
  void number(std::string_view name, std::int64_t value) { key(name).number(value); }
  void boolean(std::string_view name, bool value) { key(name).boolean(value); }
  void null(std::string_view name) { key(name).null(); }
  void raw(std::string_view name, std::string_view json) { key(name).raw(json); }
  void text(std::string_view name, std::string_view value) { key(name).text(value); }
  void time(std::string_view name, std::int64_t unix_ms) { key(name).time(unix_ms); }
  /// 0 is written as null.
  void time_or_null(std::string_view name, std::int64_t unix_ms) {
    key(name);
    unix_ms == 0 ? null() : time(unix_ms);
  }

 private:
  void separate() {
    if (out_.empty()) return;
    const char last = out_.back();
    if (last != '{' && last != '[' && last != ':' && last != '\n') out_ += ',';
  }
  template <class Number>
  void digits(Number value) {
    char buffer[24];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    out_.append(buffer, end);
  }

  std::string& out_;
};

}  // namespace evergate::sim
