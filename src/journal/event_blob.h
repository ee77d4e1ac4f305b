// One value of the events table: the rows of one class of one round, the counters (class state only) and the
// events' bytes. Byte format: docs/journal-format.md. The index (header, rows, counters) and the bytes have
// checksums of their own, so that whoever only looks for rows reads no more than those. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/event_batch.h"

namespace evergate::journal {

/// What a row does to its guild's state; stored with it, so that recovery reads no JSON.
enum class guild_effect : std::uint8_t { none = 0, available = 1, unavailable = 2, removed = 3 };

inline constexpr std::uint32_t blob_magic = 0x314a5645;  // "EVJ1"
inline constexpr std::uint16_t blob_version = 1;

struct blob_header {
  std::uint32_t magic = blob_magic;
  std::uint16_t version = blob_version;
  std::uint8_t retention = 0;  ///< event_class
  std::uint8_t internal = 0;   ///< so many of the rows are for nobody, at most 255 of them counted
  std::uint32_t rows = 0;
  std::uint32_t counters = 0;
  std::uint64_t first = 0;  ///< least and greatest offset in rows and counters
  std::uint64_t last = 0;
  std::uint64_t round_first = 0;  ///< of the whole transaction; the same in the blobs of its three classes
  std::uint64_t round_last = 0;
  std::uint64_t bytes = 0;     ///< of the events
  std::int64_t time_ms = 0;    ///< wall time of the transaction
  std::uint64_t previous = 0;  ///< `first` of the blob before it in its class, 0 for the first ever
  std::uint64_t bytes_checksum = 0;
  std::uint64_t index_checksum = 0;  ///< over header (with 0 here), rows and counters
};
static_assert(sizeof(blob_header) == 88);

[[nodiscard]] std::string blob_key(proto::event_class retention, std::uint64_t first);
[[nodiscard]] proto::event_class class_of_key(std::string_view key) noexcept;

/// A stored blob, judged: the index is whole and its positions lie inside.
class blob_view {
 public:
  [[nodiscard]] static base::result<blob_view> parse(std::string_view key, std::string_view value);
  /// The same of a blob whose index was judged before, with this very header; see whole_blobs.
  [[nodiscard]] static base::result<blob_view> known(std::string_view key, std::string_view value,
                                                     const blob_header& header);

  [[nodiscard]] const blob_header& header() const noexcept { return header_; }
  /// Row i; `pos` counts from the blob's bytes.
  [[nodiscard]] flow::event_row row(std::uint32_t i) const noexcept;
  [[nodiscard]] guild_effect effect(std::uint32_t i) const noexcept;
  [[nodiscard]] proto::snowflake guild(std::uint32_t i) const noexcept {
    proto::snowflake out = 0;
    std::memcpy(&out, rows_.data() + i * sizeof(flow::event_row) + offsetof(flow::event_row, guild),
                sizeof(out));
    return out;
  }
  [[nodiscard]] flow::counter_row counter(std::uint32_t i) const noexcept {
    flow::counter_row counter;
    std::memcpy(static_cast<void*>(&counter), counters_.data() + i * sizeof(counter), sizeof(counter));
    return counter;
  }
  [[nodiscard]] std::string_view data(const flow::event_row& row) const noexcept {
    return bytes_.substr(row.pos + row.name_size, row.size);
  }
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }
  /// The row lies inside. So do all of one that was parsed.
  [[nodiscard]] bool holds(const flow::event_row& row) const noexcept {
    return std::uint64_t{row.pos} + row.name_size + row.size <= header_.bytes;
  }
  /// errc::damaged when the events' bytes are not what was written. Ask before using them.
  [[nodiscard]] base::result<void> verify_bytes() const;

 private:
  std::string_view key_;
  blob_header header_;
  std::string_view rows_;
  std::string_view counters_;
  std::string_view bytes_;
};

/// Only the header, unverified but for magic and size: what retention needs.
[[nodiscard]] base::result<blob_header> peek_header(std::string_view key, std::string_view value);

/// How many of a blob's events somebody may wait for.
[[nodiscard]] constexpr std::uint64_t events_in(const blob_header& header) noexcept {
  return header.rows - std::min<std::uint32_t>(header.rows, header.internal);
}

/// Collects what one class of one round writes. Refers to the batches, which must outlive it.
class blob_builder {
 public:
  void add(const flow::event_batch& batch, std::uint32_t row, guild_effect effect);
  void add(const flow::counter_row& counter) { counters_.push_back(counter); }
  [[nodiscard]] bool empty() const noexcept { return rows_.empty() && counters_.empty(); }
  [[nodiscard]] std::size_t rows() const noexcept { return rows_.size(); }
  /// First offset in it.
  [[nodiscard]] std::uint64_t first() const noexcept;
  [[nodiscard]] std::uint64_t last() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  /// Fills `room` (size() bytes). `header` brings retention, round, time and previous.
  void write(std::string_view key, blob_header header, std::span<char> room) const;
  void clear() noexcept;

 private:
  struct part {
    const flow::event_batch* batch;
    std::uint32_t row;
    guild_effect effect;
  };
  std::vector<part> rows_;
  std::vector<flow::counter_row> counters_;
  std::size_t bytes_ = 0;
};

}  // namespace evergate::journal
