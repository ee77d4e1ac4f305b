#include "app/errc.h"

namespace evergate::app {
namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "evergate.app"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::bad_option:
        return "bad option";
      case errc::unknown_option:
        return "unknown option";
      case errc::unreadable_file:
        return "unreadable file";
      case errc::not_now:
        return "not possible now";
    }
    return "unknown error";
  }
};

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const category instance;
  return {static_cast<int>(code), instance};
}

}  // namespace evergate::app
