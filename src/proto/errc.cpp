#include "proto/errc.h"

#include "base/error_category.h"

namespace evergate::proto {
namespace {

const char* errc_text(errc code) noexcept {
  switch (code) {
    case errc::bad_json:
      return "not the JSON that is allowed here";
    case errc::bad_compression:
      return "broken compressed stream";
    case errc::too_large:
      return "past its bound";
  }
  return "unknown";
}

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const base::error_category<errc> category("proto", errc_text);
  return {static_cast<int>(code), category};
}

}  // namespace evergate::proto
