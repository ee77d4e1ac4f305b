// Which blobs were found whole lately: guilds that changed in the same rounds are read from the same blobs,
// one after the other, and each reading would verify all of them anew. A blob is known by its header,
// checksums included. What rots on the disk after it was read once is found when the blob has fallen out of
// here, or at the next start; until then positions are judged where they are used. Any thread; 1,024 headers.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "journal/event_blob.h"

namespace evergate::journal {

class whole_blobs {
 public:
  /// blob_view::parse(), or without its checksum when that was right before.
  [[nodiscard]] base::result<blob_view> open(std::string_view key, std::string_view value) {
    const auto header = peek_header(key, value);
    if (!header) return std::unexpected(header.error());
    if (knows(*header, part::index)) return blob_view::known(key, value, *header);
    auto view = blob_view::parse(key, value);
    if (view) note(*header, part::index);
    return view;
  }
  /// blob_view::verify_bytes(), or nothing when that was done before.
  [[nodiscard]] base::result<void> verify_bytes(const blob_view& blob) {
    if (knows(blob.header(), part::bytes)) return {};
    auto whole = blob.verify_bytes();
    if (whole) note(blob.header(), part::bytes);
    return whole;
  }

 private:
  enum class part : std::uint8_t { none, index, bytes };
  struct known {
    blob_header header;
    part whole = part::none;  ///< bytes: the index too
  };
  [[nodiscard]] known& at(const blob_header& header) noexcept {
    // First offsets are often multiples of a batch's size: all bits of them choose the place.
    return known_[(header.first * 0x9e37'79b9'7f4a'7c15) >> 54];
  }
  [[nodiscard]] bool knows(const blob_header& header, part wanted) {
    const std::scoped_lock lock(mutex_);
    const auto& one = at(header);
    return one.whole >= wanted && std::memcmp(&one.header, &header, sizeof(header)) == 0;
  }
  void note(const blob_header& header, part whole) {
    const std::scoped_lock lock(mutex_);
    at(header) = {header, whole};
  }

  std::mutex mutex_;
  std::array<known, std::size_t{1} << 10> known_{};
};

}  // namespace evergate::journal
