#include "proto/json_splice.h"

namespace evergate::proto {

std::string_view member_with_comma(std::string_view object, std::string_view key) noexcept {
  std::size_t previous_end = 0;  // of the value before, 0 for the first member
  object_cursor cursor(object);
  while (cursor.next()) {
    const auto end = static_cast<std::size_t>(cursor.value().data() + cursor.value().size() - object.data());
    if (cursor.key() != key) {
      previous_end = end;
      continue;
    }
    if (previous_end != 0) return object.substr(previous_end, end - previous_end);
    const std::size_t begin = cursor.member_begin();
    const std::size_t stop = cursor.next() ? cursor.member_begin() : end;
    return object.substr(begin, stop - begin);
  }
  return {};
}

}  // namespace evergate::proto
