// Structured logging: an event name and fields, one line each, as text or JSON. Thread-safe; writes go
// through spdlog. Fields are numbers and strings only, so a secret cannot be passed.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace evergate::base {

enum class log_level { trace, debug, info, warn, error, off };
enum class log_format { text, json };

/// One key and value of a log line.
struct field {
  std::string_view key;
  std::variant<std::int64_t, std::uint64_t, double, bool, std::string_view> value;

  field(std::string_view k, std::string_view v) : key(k), value(v) {}
  field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  field(std::string_view k, bool v) : key(k), value(v) {}
  field(std::string_view k, double v) : key(k), value(v) {}
  field(std::string_view k, std::signed_integral auto v) : key(k), value(static_cast<std::int64_t>(v)) {}
  field(std::string_view k, std::unsigned_integral auto v) : key(k), value(static_cast<std::uint64_t>(v)) {}
};

class logger {
 public:
  /// Writes to standard error.
  explicit logger(log_level level = log_level::info, log_format format = log_format::text);
  ~logger();
  logger(const logger&) = delete;
  logger& operator=(const logger&) = delete;

  void set_level(log_level level) noexcept;
  [[nodiscard]] bool enabled(log_level level) const noexcept;

  /// `event` is a stable dotted name, for example "shard.ready".
  void write(log_level level, std::string_view event, std::initializer_list<field> fields);
  void debug(std::string_view event, std::initializer_list<field> fields = {}) {
    write(log_level::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<field> fields = {}) {
    write(log_level::info, event, fields);
  }
  void warn(std::string_view event, std::initializer_list<field> fields = {}) {
    write(log_level::warn, event, fields);
  }
  void error(std::string_view event, std::initializer_list<field> fields = {}) {
    write(log_level::error, event, fields);
  }

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace evergate::base
