#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <type_traits>

namespace evergate::base {
namespace {

constexpr std::array level_names{"trace", "debug", "info", "warn", "error", "off"};

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_value(std::string& out, const field& f, log_format format) {
  std::visit(
      [&](const auto& v) {
        using type = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<type, std::string_view>) {
          const bool plain = format == log_format::text && !v.empty() &&
                             v.find_first_of(" \"\\=\n\r\t") == std::string_view::npos;
          if (plain) {
            out += v;
          } else {
            append_json_string(out, v);
          }
        } else {
          fmt::format_to(std::back_inserter(out), "{}", v);
        }
      },
      f.value);
}

}  // namespace

struct logger::state {
  log_format format;
  spdlog::logger sink;
};

logger::logger(log_level level, log_format format)
    : state_(
          new state{format, spdlog::logger("evergate", std::make_shared<spdlog::sinks::stderr_sink_mt>())}) {
  state_->sink.set_pattern(
      format == log_format::json ? "{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v}" : "%Y-%m-%dT%H:%M:%S.%eZ %v",
      spdlog::pattern_time_type::utc);
  state_->sink.flush_on(spdlog::level::trace);
  set_level(level);
}

logger::~logger() = default;

void logger::set_level(log_level level) noexcept {
  state_->sink.set_level(level == log_level::off ? spdlog::level::off
                                                 : static_cast<spdlog::level::level_enum>(level));
}

bool logger::enabled(log_level level) const noexcept {
  return state_->sink.should_log(static_cast<spdlog::level::level_enum>(level));
}

void logger::write(log_level level, std::string_view event, std::initializer_list<field> fields) {
  if (!enabled(level)) return;
  std::string line;
  const auto* name = level_names[static_cast<std::size_t>(level)];
  if (state_->format == log_format::json) {
    line += "\"level\":\"";
    line += name;
    line += "\",\"event\":";
    append_json_string(line, event);
    for (const auto& f : fields) {
      line += ',';
      append_json_string(line, f.key);
      line += ':';
      append_value(line, f, log_format::json);
    }
  } else {
    fmt::format_to(std::back_inserter(line), "{:<5} {}", name, event);
    for (const auto& f : fields) {
      line += ' ';
      line += f.key;
      line += '=';
      append_value(line, f, log_format::text);
    }
  }
  state_->sink.log(static_cast<spdlog::level::level_enum>(level), "{}", line);
}

}  // namespace evergate::base
