// A copy of a JSON text in which some pieces are replaced or left out, the rest copied as raw bytes. Edits
// go from left to right. The text and the output belong to the caller; one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/check.h"
#include "proto/json_view.h"

namespace evergate::proto {

class json_splice {
 public:
  json_splice(std::string_view text, std::string& out) noexcept : text_(text), out_(out) {}

  /// Everything before `piece` (a view into the text, after all pieces edited so far) is copied; `with`
  /// stands in its place.
  void replace(std::string_view piece, std::string_view with) {
    skip_to(piece);
    out_.append(with);
  }
  /// The same for a caller that appends the replacement to out itself.
  void skip_to(std::string_view piece) {
    const auto begin = static_cast<std::size_t>(piece.data() - text_.data());
    base::check(begin >= copied_ && begin + piece.size() <= text_.size(), "splices go from left to right");
    out_.append(text_.substr(copied_, begin - copied_));
    copied_ = begin + piece.size();
  }
  /// Copies the rest.
  void finish() {
    out_.append(text_.substr(copied_));
    copied_ = text_.size();
  }

 private:
  std::string_view text_;
  std::string& out_;
  std::size_t copied_ = 0;
};

/// The piece to leave out so that the member `key` (the first of that name) is gone: the member and one of
/// its commas. Empty when it is not there.
[[nodiscard]] std::string_view member_with_comma(std::string_view object, std::string_view key) noexcept;

}  // namespace evergate::proto
