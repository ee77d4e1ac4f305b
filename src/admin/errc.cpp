#include "admin/errc.h"

#include "base/error_category.h"

namespace evergate::admin {
namespace {

const char* errc_text(errc code) noexcept {
  switch (code) {
    case errc::bad_option:
      return "bad option";
    case errc::unreadable_file:
      return "unreadable file";
  }
  return "unknown";
}

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const base::error_category<errc> category("admin", errc_text);
  return {static_cast<int>(code), category};
}

}  // namespace evergate::admin
