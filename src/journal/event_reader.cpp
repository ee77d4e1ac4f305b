#include "journal/event_reader.h"

#include <algorithm>
#include <utility>

#include "journal/bytes.h"
#include "journal/sealed.h"

namespace evergate::journal {

void event_reader::note(std::string_view key, std::uint64_t last, const base::error& why) {
  const auto first = key_number(key, 1, 8);
  damage_.push_back({class_of_key(key), first, std::max(first, last), why.text()});
}

base::result<void> event_reader::move(source& from) {
  const auto moved = from.at->next();
  if (!moved) return std::unexpected(moved.error());
  from.more = *moved;
  return {};
}

base::result<void> event_reader::look(source& from, std::uint8_t retention) {
  from.blob.reset();
  for (;;) {
    from.more = from.more && static_cast<std::uint8_t>(class_of_key(from.at->key())) == retention;
    if (!from.more) return {};
    const auto key = from.at->key();
    auto blob = blob_view::parse(key, from.at->value());
    const auto before = std::exchange(from.previous, key_number(key, 1, 8));
    if (blob) {
      const auto named = blob->header().previous;
      if (before != 0 && named > before) {
        const auto lost = blob_key(static_cast<proto::event_class>(retention), named);
        note(lost, blob->header().first - 1, damaged(table::events, lost, "the blob is missing").error());
      }
      from.blob = *blob;
      return {};
    }
    note(key, 0, blob.error());
    if (auto moved = move(from); !moved) return moved;
  }
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
    if (from.more && from.blob->header().last > after) continue;
    if (!from.more) {
      moved = from.at->seek(blob_key(kind, after + 1));
      if (!moved) return std::unexpected(moved.error());
      from.more = *moved;
    } else if (auto next = move(from); !next) {
      return next;
    }
    if (auto seen = look(from, retention); !seen) return seen;
  }
  return {};
}

base::result<void> event_reader::take(source& from, std::uint64_t after, flow::event_batch& out) {
  const auto& blob = *from.blob;
  const auto retention = blob.header().retention;
  if (auto whole = blob.verify_bytes(); !whole) {
    note(from.at->key(), blob.header().last, whole.error());
  } else {
    const auto shift = static_cast<std::uint32_t>(out.arena.size());
    out.arena.append(blob.bytes());
    for (std::uint32_t i = 0; i < blob.header().rows; ++i) {
      auto row = blob.row(i);
      if (row.offset.value <= after) continue;
      row.pos += shift;
      out.has_interactions |= row.type == proto::event_type::interaction_create;
      out.rows.push_back(row);
    }
  }
  if (auto moved = move(from); !moved) return moved;
  return look(from, retention);
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
      if (from.more) round = std::min(round, from.blob->header().round_first);
    }
    for (const auto& from : sources_) {
      if (from.more && from.blob->header().round_first == round) bytes += from.blob->header().bytes;
    }
    if (round == ~std::uint64_t{0}) break;
    if (!out->rows.empty() && (out->bytes() >= bytes_hint || out->arena.size() + bytes > arena_max)) break;
    const std::size_t begin = out->rows.size();
    for (auto& from : sources_) {
      if (!from.more || from.blob->header().round_first != round) continue;
      if (auto taken = take(from, after, *out); !taken) return std::unexpected(taken.error());
    }
    std::ranges::sort(out->rows.begin() + static_cast<std::ptrdiff_t>(begin), out->rows.end(), {},
                      &flow::event_row::offset);
  }
  if (out->rows.empty()) return nullptr;
  return out;
}

}  // namespace evergate::journal
