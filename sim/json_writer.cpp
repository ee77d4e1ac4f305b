#include "sim/json_writer.h"

namespace evergate::sim {
namespace {

// Writes `value` with exactly `width` digits.
void put(char* at, std::int64_t value, int width) {
  for (int i = width - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

void json_writer::text(std::string_view value) {
  static constexpr char hex[] = "0123456789abcdef";
  separate();
  out_ += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto c = static_cast<unsigned char>(value[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out_ += value.substr(plain, i - plain);
    plain = i + 1;
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += static_cast<char>(c);
    } else if (c == '\n') {
      out_ += "\\n";
    } else {
      out_ += "\\u00";
      out_ += hex[c >> 4];
      out_ += hex[c & 15];
    }
  }
  out_ += value.substr(plain);
  out_ += '"';
}

void json_writer::time(std::int64_t unix_ms) {
  // Days to a civil date, after Howard Hinnant's chrono-compatible algorithms; dates here are past 1970.
  const std::int64_t days = unix_ms / 86'400'000;
  const std::int64_t rest = unix_ms % 86'400'000;
  const std::int64_t z = days + 719'468;
  const std::int64_t era = z / 146'097;
  const std::int64_t doe = z - era * 146'097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const std::int64_t mp = (5 * doy + 2) / 153;
  const std::int64_t month = mp < 10 ? mp + 3 : mp - 9;
  char buffer[] = "0000-00-00T00:00:00.000000+00:00";
  put(buffer, yoe + era * 400 + (month <= 2 ? 1 : 0), 4);
  put(buffer + 5, month, 2);
  put(buffer + 8, doy - (153 * mp + 2) / 5 + 1, 2);
  put(buffer + 11, rest / 3'600'000, 2);
  put(buffer + 14, rest / 60'000 % 60, 2);
  put(buffer + 17, rest / 1000 % 60, 2);
  put(buffer + 20, rest % 1000, 3);
  separate();
  out_ += '"';
  out_.append(buffer, sizeof buffer - 1);
  out_ += '"';
}

}  // namespace evergate::sim
