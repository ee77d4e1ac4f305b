#include "journal/event_reader.h"

#include <algorithm>

namespace evergate::journal {

base::result<void> event_reader::look(source& from, std::uint8_t retention) {
  from.more = from.more && static_cast<std::uint8_t>(class_of_key(from.at->key())) == retention;
  if (!from.more) return {};
  const auto header = peek_header(from.at->key(), from.at->value());
  if (!header) return std::unexpected(header.error());
  from.header = *header;
  return {};
}

base::result<void> event_reader::open(std::uint64_t after) {
  for (std::uint8_t retention = 0; retention < proto::event_class_count; ++retention) {
    auto& from = sources_[retention];
    auto at = view_.scan(table::events);
    if (!at) return std::unexpected(at.error());
    from.at = std::move(*at);
    const auto kind = static_cast<proto::event_class>(retention);
    // The blob that begins at or before `after + 1` may reach past it.
    auto moved = from.at->seek_before(blob_key(kind, after + 2));
    if (!moved) return std::unexpected(moved.error());
    from.more = *moved;
    if (auto seen = look(from, retention); !seen) return seen;
    if (from.more && from.header.last > after) continue;
    moved = from.at->seek(blob_key(kind, after + 1));
    if (!moved) return std::unexpected(moved.error());
    from.more = *moved;
    if (auto seen = look(from, retention); !seen) return seen;
  }
  return {};
}

base::result<void> event_reader::take(source& from, std::uint64_t after, flow::event_batch& out) {
  const auto blob = blob_view::parse(from.at->key(), from.at->value());
  if (!blob) return std::unexpected(blob.error());
  if (auto whole = blob->verify_bytes(); !whole) return whole;
  const auto shift = static_cast<std::uint32_t>(out.arena.size());
  out.arena.append(blob->bytes());
  for (std::uint32_t i = 0; i < blob->header().rows; ++i) {
    auto row = blob->row(i);
    if (row.offset.value <= after) continue;
    row.pos += shift;
    out.rows.push_back(row);
  }
  const auto moved = from.at->next();
  if (!moved) return std::unexpected(moved.error());
  from.more = *moved;
  return look(from, blob->header().retention);
}

base::result<std::shared_ptr<flow::event_batch>> event_reader::read(std::uint64_t after,
                                                                    std::size_t bytes_hint) {
  constexpr std::size_t arena_max = std::size_t{1} << 31;  // positions in a batch are 32 bits
  if (auto opened = open(after); !opened) return std::unexpected(opened.error());
  auto out = std::make_shared<flow::event_batch>();
  for (;;) {
    std::uint64_t round = ~std::uint64_t{0};
    std::size_t bytes = 0;
    for (const auto& from : sources_) {
      if (from.more) round = std::min(round, from.header.round_first);
    }
    for (const auto& from : sources_) {
      if (from.more && from.header.round_first == round) bytes += from.header.bytes;
    }
    if (round == ~std::uint64_t{0}) break;
    if (!out->rows.empty() && (out->bytes() >= bytes_hint || out->arena.size() + bytes > arena_max)) break;
    const std::size_t begin = out->rows.size();
    for (auto& from : sources_) {
      if (!from.more || from.header.round_first != round) continue;
      if (auto taken = take(from, after, *out); !taken) return std::unexpected(taken.error());
    }
    std::ranges::sort(out->rows.begin() + static_cast<std::ptrdiff_t>(begin), out->rows.end(), {},
                      &flow::event_row::offset);
  }
  if (out->rows.empty()) return nullptr;
  return out;
}

}  // namespace evergate::journal
