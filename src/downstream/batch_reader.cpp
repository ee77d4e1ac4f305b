#include "downstream/batch_reader.h"

#include <algorithm>

namespace evergate::downstream {

batch_reader::slice batch_reader::found_in(const shelf& where, flow::offset after) {
  for (const auto& kept_one : where.entries) {
    if (!kept_one.batch || after < kept_one.from) continue;
    const auto& rows = kept_one.batch->rows;
    if (after >= rows.back().offset) continue;
    const auto found = std::ranges::upper_bound(rows, after, {}, &flow::event_row::offset);
    return {kept_one.batch, static_cast<std::size_t>(found - rows.begin())};
  }
  return {};
}

base::result<batch_reader::slice> batch_reader::find(flow::offset after, shelf& keep_in) {
  for (const auto* where : {&read_, &looked_at_}) {
    if (auto known = found_in(*where, after); known.batch) return known;
  }
  auto batch = source_.read_after(after, hint_);
  if (!batch) return std::unexpected(batch.error());
  if (!*batch || (*batch)->rows.empty()) return slice{};
  keep_in.entries[keep_in.next] = {after, *batch};
  keep_in.next = (keep_in.next + 1) % kept;
  const auto found = std::ranges::upper_bound((*batch)->rows, after, {}, &flow::event_row::offset);
  if (found == (*batch)->rows.end()) return slice{};
  return slice{*batch, static_cast<std::size_t>(found - (*batch)->rows.begin())};
}

}  // namespace evergate::downstream
