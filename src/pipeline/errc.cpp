#include "pipeline/errc.h"

#include "base/error_category.h"

namespace evergate::pipeline {
namespace {

const char* errc_text(errc code) noexcept {
  switch (code) {
    case errc::bad_option:
      return "option not allowed";
  }
  return "unknown";
}

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const base::error_category<errc> category("pipeline", errc_text);
  return {static_cast<int>(code), category};
}

}  // namespace evergate::pipeline
