#include "admin/errc.h"

#include <string>

namespace evergate::admin {
namespace {

class admin_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "admin"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::bad_option:
        return "bad option";
      case errc::unreadable_file:
        return "unreadable file";
    }
    return "unknown";
  }
};

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const admin_category category;
  return {static_cast<int>(code), category};
}

}  // namespace evergate::admin
