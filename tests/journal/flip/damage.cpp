#include "damage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace evergate::journal::flip {
namespace {

constexpr std::size_t page_bytes = 4096;

// Half of the places lie in the heads of pages, where the structure is.
std::size_t place(const std::string& bytes, base::rng& random) {
  const auto at = random.below(bytes.size());
  if (random.chance(0.5)) return at;
  return std::min(at / page_bytes * page_bytes + random.below(200), bytes.size() - 1);
}

std::string flip(std::string& bytes, base::rng& random) {
  const auto at = place(bytes, random);
  const auto bit = random.below(8);
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
  return fmt::format("bit {} of byte {}", bit, at);
}

std::string store(std::string& bytes, base::rng& random) {
  const auto at = place(bytes, random);
  bytes[at] = static_cast<char>(random());
  return fmt::format("byte {} stored", at);
}

std::string zero(std::string& bytes, base::rng& random) {
  const auto at = random.below(bytes.size() / 512) * 512;
  std::memset(bytes.data() + at, 0, 512);
  return fmt::format("512 bytes at {} zeroed", at);
}

std::string cut(std::string& bytes, base::rng& random) {
  bytes.resize(random.below(bytes.size()));
  return fmt::format("cut to {} bytes", bytes.size());
}

std::string swap(std::string& bytes, base::rng& random) {
  const auto pages = bytes.size() / page_bytes;
  const auto one = random.below(pages);
  const auto other = random.below(pages);
  if (one != other)
    std::swap_ranges(&bytes[one * page_bytes], &bytes[one * page_bytes] + page_bytes,
                     &bytes[other * page_bytes]);
  return fmt::format("pages {} and {} swapped", one, other);
}

std::string copy(std::string& bytes, base::rng& random) {
  const auto pages = bytes.size() / page_bytes;
  const auto from = random.below(pages);
  const std::uint64_t to = random.below(pages);
  std::memmove(&bytes[to * page_bytes], &bytes[from * page_bytes], page_bytes);
  std::memcpy(&bytes[to * page_bytes], &to, sizeof(to));  // and bears the right number
  return fmt::format("page {} copied to {}", from, to);
}

std::string lose(std::string& bytes, const std::string& older, base::rng& random) {
  const auto page = random.below(std::min(bytes.size(), older.size()) / page_bytes);
  std::memcpy(&bytes[page * page_bytes], &older[page * page_bytes], page_bytes);
  return fmt::format("page {} as it was", page);
}

}  // namespace

damage damage_at_random(std::string& bytes, const std::string& older, base::rng& random) {
  damage out;
  out.verify = random.chance(0.25);
  const auto kind = random.below(100);
  if (kind < 45) {
    out.what = flip(bytes, random);
  } else if (kind < 65) {
    out.what = store(bytes, random);
  } else if (kind < 78) {
    out.what = zero(bytes, random);
  } else if (kind < 82) {
    out.what = cut(bytes, random);
  } else if (kind < 88) {
    out.what = swap(bytes, random);
  } else if (kind < 93) {
    out.what = copy(bytes, random);
  } else {
    out.what = lose(bytes, older, random);
  }
  if (out.verify) out.what += ", machine down";
  return out;
}

}  // namespace evergate::journal::flip
