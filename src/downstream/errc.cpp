#include "downstream/errc.h"

#include "base/error_category.h"

namespace evergate::downstream {
namespace {

const char* errc_text(errc code) noexcept {
  switch (code) {
    case errc::bad_frame:
      return "bad frame";
    case errc::bad_option:
      return "bad option";
    case errc::refused:
      return "refused";
    case errc::unknown_consumer:
      return "unknown consumer";
  }
  return "unknown";
}

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const base::error_category<errc> category("downstream", errc_text);
  return {static_cast<int>(code), category};
}

}  // namespace evergate::downstream
