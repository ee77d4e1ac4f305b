#include "downstream/errc.h"

#include <string>

namespace evergate::downstream {
namespace {

class downstream_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "downstream"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
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
};

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const downstream_category category;
  return {static_cast<int>(code), category};
}

}  // namespace evergate::downstream
