#include "downstream/batch_reader.h"

#include <algorithm>

namespace evergate::downstream {

base::result<batch_reader::slice> batch_reader::read_after(flow::offset after) {
  for (const auto& kept_one : entries_) {
    if (!kept_one.batch || after < kept_one.from) continue;
    const auto& rows = kept_one.batch->rows;
    if (after >= rows.back().offset) continue;
    const auto found = std::ranges::upper_bound(rows, after, {}, &flow::event_row::offset);
    return slice{kept_one.batch, static_cast<std::size_t>(found - rows.begin())};
  }
  auto batch = source_.read_after(after, hint_);
  if (!batch) return std::unexpected(batch.error());
  if (!*batch || (*batch)->rows.empty()) return slice{};
  entries_[next_] = {after, *batch};
  next_ = (next_ + 1) % kept;
  const auto found = std::ranges::upper_bound((*batch)->rows, after, {}, &flow::event_row::offset);
  if (found == (*batch)->rows.end()) return slice{};
  return slice{*batch, static_cast<std::size_t>(found - (*batch)->rows.begin())};
}

}  // namespace evergate::downstream
