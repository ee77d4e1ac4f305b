#include "controllers/errc.h"

#include "base/error_category.h"

namespace evergate::decide {
namespace {

const char* errc_text(errc code) noexcept {
  switch (code) {
    case errc::bad_script:
      return "bad script";
    case errc::unreadable_script:
      return "unreadable script";
    case errc::no_script:
      return "no script";
    case errc::script_failed:
      return "script failed";
  }
  return "unknown";
}

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const base::error_category<errc> category("controllers", errc_text);
  return {static_cast<int>(code), category};
}

}  // namespace evergate::decide
