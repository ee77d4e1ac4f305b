#include "upstream/errc.h"

#include <string>

namespace evergate::upstream {
namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "upstream"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
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
};

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const category instance;
  return {static_cast<int>(code), instance};
}

}  // namespace evergate::upstream
