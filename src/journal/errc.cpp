#include "journal/errc.h"

#include "base/error_category.h"

namespace evergate::journal {
namespace {

const char* errc_text(errc code) noexcept {
  switch (code) {
    case errc::bad_option:
      return "bad option";
    case errc::locked:
      return "in use by another daemon";
    case errc::unusable:
      return "directory not usable";
    case errc::full:
      return "no room";
    case errc::io:
      return "input/output failed";
    case errc::damaged:
      return "stored data is damaged";
    case errc::closed:
      return "journal is stopped";
    case errc::grow:
      return "map must grow";
  }
  return "unknown";
}

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const base::error_category<errc> category("journal", errc_text);
  return {static_cast<int>(code), category};
}

}  // namespace evergate::journal
