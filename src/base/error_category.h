// The std::error_category of a room's errc: a name and a text for each value.
#pragma once

#include <string>
#include <system_error>

namespace evergate::base {

template <class Errc>
class error_category final : public std::error_category {
 public:
  using text = const char* (*)(Errc) noexcept;

  error_category(const char* name, text of) noexcept : name_(name), of_(of) {}

  [[nodiscard]] const char* name() const noexcept override { return name_; }
  [[nodiscard]] std::string message(int value) const override { return of_(static_cast<Errc>(value)); }

 private:
  const char* const name_;
  const text of_;
};

}  // namespace evergate::base
