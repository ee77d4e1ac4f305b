#include "pipeline/errc.h"

#include <string>

namespace evergate::pipeline {
namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "pipeline"; }
  std::string message(int value) const override {
    if (static_cast<errc>(value) == errc::bad_option) return "option not allowed";
    return "unknown pipeline error " + std::to_string(value);
  }
};

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const category instance;
  return {static_cast<int>(code), instance};
}

}  // namespace evergate::pipeline
