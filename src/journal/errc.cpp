#include "journal/errc.h"

#include <string>

namespace evergate::journal {
namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "journal"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::bad_option:
        return "bad option";
      case errc::locked:
        return "in use by another daemon";
      case errc::unusable:
        return "directory not usable";
      case errc::full:
        return "no room";
      case errc::io:
        return "input/output failed";
      case errc::damaged:
        return "stored data is damaged";
      case errc::closed:
        return "journal is stopped";
      case errc::grow:
        return "map must grow";
    }
    return "unknown";
  }
};

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const category instance;
  return {static_cast<int>(code), instance};
}

}  // namespace evergate::journal
