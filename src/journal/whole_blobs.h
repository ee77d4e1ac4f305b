// Which blobs were found whole lately: guilds that changed in the same rounds are read from the same blobs,
// one after the other, and each reading would verify all of them anew. A blob is known by its header,
// checksums included. What rots on the disk after it was read once is found when the blob has fallen out of
// here, or at the next start; until then positions are judged where they are used. With each go the chains of
// its guilds. Any thread; 1,024 headers, and 8 bytes for each of their rows.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "journal/event_blob.h"
#include "journal/guild_chains.h"

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
  /// The chains of an opened blob's guilds.
  [[nodiscard]] std::shared_ptr<const guild_chains> chains_of(const blob_view& blob) {
    {
      const std::scoped_lock lock(mutex_);
      const auto& one = at(blob.header());
      if (one.chains && same(one, blob.header())) return one.chains;
    }
    auto made = std::make_shared<const guild_chains>(blob);
    const std::scoped_lock lock(mutex_);
    if (auto& one = at(blob.header()); same(one, blob.header())) one.chains = made;
    return made;
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
    std::shared_ptr<const guild_chains> chains;
  };
  [[nodiscard]] static bool same(const known& one, const blob_header& header) noexcept {
    return one.whole != part::none && std::memcmp(&one.header, &header, sizeof(header)) == 0;
  }
  [[nodiscard]] known& at(const blob_header& header) noexcept {
    // First offsets are often multiples of a batch's size: all bits of them choose the place.
    return known_[(header.first * 0x9e37'79b9'7f4a'7c15) >> 54];
  }
  [[nodiscard]] bool knows(const blob_header& header, part wanted) {
    const std::scoped_lock lock(mutex_);
    const auto& one = at(header);
    return one.whole >= wanted && same(one, header);
  }
  void note(const blob_header& header, part whole) {
    const std::scoped_lock lock(mutex_);
    auto& one = at(header);
    auto chains = same(one, header) ? std::move(one.chains) : nullptr;
    one = {header, whole, std::move(chains)};
  }

  std::mutex mutex_;
  std::array<known, std::size_t{1} << 10> known_{};
};

}  // namespace evergate::journal
