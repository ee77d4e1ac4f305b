#include "proto/errc.h"

#include <string>

namespace evergate::proto {
namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "proto"; }
  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::bad_json:
        return "not the JSON that is allowed here";
      case errc::bad_compression:
        return "broken compressed stream";
      case errc::too_large:
        return "past its bound";
    }
    return "unknown proto error " + std::to_string(value);
  }
};

}  // namespace

std::error_code make_error_code(errc code) noexcept {
  static const category instance;
  return {static_cast<int>(code), instance};
}

}  // namespace evergate::proto
