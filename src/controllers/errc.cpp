#include "controllers/errc.h"

#include <string>

namespace evergate::decide {
namespace {

class controllers_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "controllers"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
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
};

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const controllers_category category;
  return {static_cast<int>(code), category};
}

}  // namespace evergate::decide
