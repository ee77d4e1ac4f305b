#include "app/errc.h"

#include "base/error_category.h"

namespace evergate::app {
namespace {

const char* errc_text(errc code) noexcept {
  switch (code) {
    case errc::bad_option:
      return "bad option";
    case errc::unknown_option:
      return "unknown option";
    case errc::unreadable_file:
      return "unreadable file";
    case errc::not_now:
      return "not possible now";
  }
  return "unknown";
}

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const base::error_category<errc> category("app", errc_text);
  return {static_cast<int>(code), category};
}

}  // namespace evergate::app
