#include "journal/event_blob.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/check.h"
#include "journal/bytes.h"
#include "journal/sealed.h"

namespace evergate::journal {
namespace {

// A stored row is the event_row as it lies in memory, with the effect in the place of the class, which the
// header has.
constexpr std::size_t row_size = sizeof(flow::event_row);
constexpr std::size_t effect_at = offsetof(flow::event_row, retention);
static_assert(row_size == 40 && effect_at == 37 && offsetof(flow::event_row, guild) == 8 &&
              offsetof(flow::event_row, pos) == 16);
constexpr std::size_t counter_size = sizeof(flow::counter_row);
static_assert(counter_size == 40 && offsetof(flow::counter_row, added_total) == 36);

}  // namespace

std::string blob_key(proto::event_class retention, std::uint64_t first) {
  std::string key(1, static_cast<char>(retention));
  put_key(key, first);
  return key;
}

proto::event_class class_of_key(std::string_view key) noexcept {
  return static_cast<proto::event_class>(key.empty() ? 0 : key.front());
}

base::result<blob_header> peek_header(std::string_view key, std::string_view value) {
  blob_header header;
  if (value.size() < sizeof(header)) return damaged(table::events, key, "blob shorter than its header");
  std::memcpy(&header, value.data(), sizeof(header));
  if (header.magic != blob_magic) return damaged(table::events, key, "not an event blob");
  if (header.version != blob_version)
    return damaged(table::events, key, "written in an unknown version of the format");
  if (key.size() != 9 || header.retention != static_cast<std::uint8_t>(key.front()) ||
      header.retention >= proto::event_class_count || header.first != key_number(key, 1, 8) ||
      header.last < header.first || header.round_first > header.first || header.round_last < header.last) {
    return damaged(table::events, key, "header does not belong to its key");
  }
  return header;
}

base::result<blob_view> blob_view::known(std::string_view key, std::string_view value,
                                         const blob_header& header) {
  blob_view view;
  view.key_ = key;
  view.header_ = header;
  const std::size_t rows = header.rows * row_size;
  const std::size_t counters = header.counters * counter_size;
  if (header.bytes > value.size() || sizeof(blob_header) + rows + counters + header.bytes != value.size()) {
    return damaged(table::events, key, "sizes in the header do not add up");
  }
  view.rows_ = value.substr(sizeof(blob_header), rows);
  view.counters_ = value.substr(sizeof(blob_header) + rows, counters);
  view.bytes_ = value.substr(sizeof(blob_header) + rows + counters);
  return view;
}

base::result<blob_view> blob_view::parse(std::string_view key, std::string_view value) {
  const auto header = peek_header(key, value);
  if (!header) return std::unexpected(header.error());
  auto view = known(key, value, *header);
  if (!view) return view;
  blob_header unsummed = *header;
  unsummed.index_checksum = 0;
  const std::uint64_t head_sum =
      checksum({reinterpret_cast<const char*>(&unsummed), sizeof(unsummed)}, seal_seed(table::events, key));
  const std::size_t index = view->rows_.size() + view->counters_.size();
  if (checksum(value.substr(sizeof(blob_header), index), head_sum) != header->index_checksum) {
    return damaged(table::events, key, "checksum of the index differs");
  }
  for (std::uint32_t i = 0; i < header->rows; ++i) {
    if (!view->holds(view->row(i))) return damaged(table::events, key, "a row points outside");
  }
  return view;
}

flow::event_row blob_view::row(std::uint32_t i) const noexcept {
  flow::event_row row;
  std::memcpy(static_cast<void*>(&row), rows_.data() + i * row_size, row_size);
  row.retention = static_cast<proto::event_class>(header_.retention);
  return row;
}

guild_effect blob_view::effect(std::uint32_t i) const noexcept {
  const auto raw = static_cast<std::uint8_t>(rows_[i * row_size + effect_at]);
  return raw <= static_cast<std::uint8_t>(guild_effect::removed) ? static_cast<guild_effect>(raw)
                                                                 : guild_effect::none;
}

base::result<void> blob_view::verify_bytes() const {
  if (checksum(bytes_, seal_seed(table::events, key_)) != header_.bytes_checksum) {
    return damaged(table::events, key_, "checksum of the events differs");
  }
  return {};
}

void blob_builder::add(const flow::event_batch& batch, std::uint32_t row, guild_effect effect) {
  rows_.push_back({&batch, row, effect});
  bytes_ += std::size_t{batch.rows[row].name_size} + batch.rows[row].size;
}

std::uint64_t blob_builder::first() const noexcept {
  const std::uint64_t none = ~std::uint64_t{0};
  const std::uint64_t row = rows_.empty() ? none : rows_.front().batch->rows[rows_.front().row].offset.value;
  return std::min(row, counters_.empty() ? none : counters_.front().offset.value);
}

std::uint64_t blob_builder::last() const noexcept {
  const std::uint64_t row = rows_.empty() ? 0 : rows_.back().batch->rows[rows_.back().row].offset.value;
  return std::max(row, counters_.empty() ? 0 : counters_.back().offset.value);
}

std::size_t blob_builder::size() const noexcept {
  return sizeof(blob_header) + rows_.size() * row_size + counters_.size() * counter_size + bytes_;
}

void blob_builder::write(std::string_view key, blob_header header, std::span<char> room) const {
  base::check(room.size() == size(), "a blob fills its room");
  header.rows = static_cast<std::uint32_t>(rows_.size());
  header.counters = static_cast<std::uint32_t>(counters_.size());
  const auto internal = std::ranges::count_if(rows_, [](const part& one) {
    return (one.batch->rows[one.row].flags & flow::row_flag::internal) != 0;
  });
  header.internal = static_cast<std::uint8_t>(std::min<std::ptrdiff_t>(internal, 255));
  header.first = first();
  header.last = last();
  header.bytes = bytes_;
  char* row_at = room.data() + sizeof(blob_header);
  char* const bytes_begin = row_at + rows_.size() * row_size + counters_.size() * counter_size;
  std::size_t pos = 0;
  for (const auto& part : rows_) {
    flow::event_row row = part.batch->rows[part.row];
    const std::size_t size = std::size_t{row.name_size} + row.size;
    std::memcpy(bytes_begin + pos, part.batch->arena.data() + row.pos, size);
    row.pos = static_cast<std::uint32_t>(pos);
    std::memcpy(row_at, static_cast<const void*>(&row), row_size);
    row_at[effect_at] = static_cast<char>(part.effect);
    row_at += row_size;
    pos += size;
  }
  if (!counters_.empty())
    std::memcpy(row_at, static_cast<const void*>(counters_.data()), counters_.size() * counter_size);
  const auto seed = seal_seed(table::events, key);
  header.bytes_checksum = checksum({bytes_begin, bytes_}, seed);
  header.index_checksum = 0;
  const std::uint64_t head_sum = checksum({reinterpret_cast<const char*>(&header), sizeof(header)}, seed);
  const char* const index = room.data() + sizeof(blob_header);
  header.index_checksum = checksum({index, static_cast<std::size_t>(bytes_begin - index)}, head_sum);
  std::memcpy(room.data(), &header, sizeof(header));
}

void blob_builder::clear() noexcept {
  rows_.clear();
  counters_.clear();
  bytes_ = 0;
}

}  // namespace evergate::journal
