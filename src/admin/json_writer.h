// Builds one JSON text: commas and quotes are its affair. Misuse is a bug; bounded by what is written.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>

#include "proto/json_view.h"

namespace evergate::admin {

class json_writer {
 public:
  json_writer& object() { return open('{'); }
  json_writer& object(std::string_view key) { return name(key).open('{'); }
  json_writer& array() { return open('['); }
  json_writer& array(std::string_view key) { return name(key).open('['); }
  /// Ends the innermost object or array.
  json_writer& end() {
    out_ += closers_.back();
    closers_.pop_back();
    fresh_ = false;
    return *this;
  }

  json_writer& put(std::string_view key, const auto& value) { return name(key).put(value); }
  json_writer& put(std::string_view text) {
    comma();
    proto::append_quoted(out_, text);
    return *this;
  }
  json_writer& put(const std::string& text) { return put(std::string_view(text)); }
  json_writer& put(const char* text) { return put(std::string_view(text)); }
  json_writer& put(bool value) {
    comma();
    out_ += value ? "true" : "false";
    return *this;
  }
  json_writer& put(std::integral auto value) {
    comma();
    out_ += fmt::to_string(value);
    return *this;
  }
  /// With three digits after the point.
  json_writer& put(double value) {
    comma();
    out_ += fmt::format("{:.3f}", value);
    return *this;
  }
  /// JSON made elsewhere.
  json_writer& raw(std::string_view key, std::string_view json) {
    name(key).comma();
    out_ += json;
    return *this;
  }
  json_writer& raw(std::string_view json) {
    comma();
    out_ += json;
    return *this;
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  json_writer& open(char bracket) {
    comma();
    out_ += bracket;
    closers_ += bracket == '{' ? '}' : ']';
    fresh_ = true;
    return *this;
  }
  json_writer& name(std::string_view key) {
    comma();
    proto::append_quoted(out_, key);
    out_ += ':';
    fresh_ = true;  // the value follows without a comma
    return *this;
  }
  void comma() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }

  std::string out_;
  std::string closers_;
  bool fresh_ = true;
};

}  // namespace evergate::admin
