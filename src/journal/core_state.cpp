#include "journal/core_state.h"

#include <algorithm>

namespace evergate::journal {

std::uint64_t core_state::acknowledged(std::uint64_t otherwise) const {
  std::uint64_t least = ~std::uint64_t{0};
  for (const auto& [name, consumer] : consumers) {
    for (const auto& layout : consumer.layouts) {
      for (const auto cursor : layout.cursors) least = std::min(least, cursor.value);
    }
  }
  return least == ~std::uint64_t{0} ? otherwise : least;
}

}  // namespace evergate::journal
