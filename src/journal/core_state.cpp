#include "journal/core_state.h"

#include <algorithm>

namespace evergate::journal {

std::uint64_t core_state::acknowledged(proto::event_class of, std::uint64_t otherwise) const {
  std::uint64_t least = ~std::uint64_t{0};
  for (const auto& [name, consumer] : consumers) {
    const auto dropped = consumer.dropped[static_cast<std::size_t>(of)].value;
    for (const auto& layout : consumer.layouts) {
      for (const auto cursor : layout.cursors) least = std::min(least, std::max(cursor.value, dropped));
    }
  }
  return least == ~std::uint64_t{0} ? otherwise : least;
}

per_class core_state::acknowledged(std::uint64_t otherwise) const {
  per_class out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = acknowledged(static_cast<proto::event_class>(i), otherwise);
  }
  return out;
}

}  // namespace evergate::journal
