#include "upstream/errc.h"

#include "base/error_category.h"

namespace evergate::upstream {
namespace {

const char* errc_text(errc code) noexcept {
  switch (code) {
    case errc::bad_option:
      return "option not usable";
    case errc::unauthorized:
      return "the bot token is not accepted";
    case errc::bad_gateway_info:
      return "unexpected answer of /gateway/bot";
    case errc::unavailable:
      return "/gateway/bot could not be asked";
    case errc::closed_fatally:
      return "Discord closed for good";
  }
  return "unknown";
}

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const base::error_category<errc> category("upstream", errc_text);
  return {static_cast<int>(code), category};
}

}  // namespace evergate::upstream
