// A string that must never reach a log, an error, a metric or an API answer: it has no formatter and no
// implicit conversion, compares in constant time and wipes itself.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace evergate::base {

class secret {
 public:
  secret() = default;
  explicit secret(std::string value) : value_(std::move(value)) {}
  secret(const secret&) = default;
  secret(secret&&) = default;
  secret& operator=(const secret&) = default;
  secret& operator=(secret&&) = default;
  ~secret() {
    volatile char* bytes = value_.data();
    for (std::size_t i = 0; i < value_.size(); ++i) bytes[i] = 0;
  }

  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

  /// The bytes, for the one frame or header that must carry them.
  [[nodiscard]] const std::string& reveal() const noexcept { return value_; }

  /// Constant time in the contents and length of the candidate as far as the secret is long. Accepts the
  /// candidate with or without Discord's `Bot ` prefix.
  [[nodiscard]] bool matches(std::string_view candidate) const noexcept {
    constexpr std::string_view prefix = "Bot ";
    if (candidate.starts_with(prefix)) candidate.remove_prefix(prefix.size());
    if (value_.empty()) return false;
    std::size_t difference = value_.size() ^ candidate.size();
    for (std::size_t i = 0; i < value_.size(); ++i) {
      const char other = candidate.empty() ? '\0' : candidate[i % candidate.size()];
      difference |= static_cast<unsigned char>(value_[i] ^ other);
    }
    return difference == 0;
  }

 private:
  std::string value_;
};

}  // namespace evergate::base
