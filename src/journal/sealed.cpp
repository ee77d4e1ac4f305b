#include "journal/sealed.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <cstring>

#if defined(__x86_64__)
#include <xxh_x86dispatch.h>  // the same sums, with the machine's widest vectors
#endif

#include "journal/errc.h"

namespace evergate::journal {

std::uint64_t seal_seed(table where, std::string_view key) noexcept {
  return XXH3_64bits_withSeed(key.data(), key.size(), static_cast<std::uint64_t>(where) + 1);
}

std::uint64_t checksum(std::string_view bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

base::result<void> put_sealed(transaction& txn, table where, std::string_view key, std::string_view payload) {
  const auto room = txn.reserve(where, key, payload.size() + sizeof(std::uint64_t));
  if (!room) return std::unexpected(room.error());
  const std::uint64_t sum = checksum(payload, seal_seed(where, key));
  std::memcpy(room->data(), &sum, sizeof(sum));
  if (!payload.empty()) std::memcpy(room->data() + sizeof(sum), payload.data(), payload.size());
  return {};
}

std::uint64_t seal_of(std::string_view value) noexcept {
  std::uint64_t sum = 0;
  if (value.size() >= sizeof(sum)) std::memcpy(&sum, value.data(), sizeof(sum));
  return sum;
}

base::result<void> put_sealed(transaction& txn, table where, std::string_view key, std::string_view payload,
                              table_sums& sums) {
  const auto old = txn.get(where, key);
  if (!old) return std::unexpected(old.error());
  if (*old) sums[static_cast<std::size_t>(where)] -= seal_of(**old);
  sums[static_cast<std::size_t>(where)] += checksum(payload, seal_seed(where, key));
  return put_sealed(txn, where, key, payload);
}

base::result<void> remove_sealed(transaction& txn, table where, std::string_view key, table_sums& sums) {
  const auto old = txn.get(where, key);
  if (!old) return std::unexpected(old.error());
  if (!*old) return {};
  sums[static_cast<std::size_t>(where)] -= seal_of(**old);
  return txn.remove(where, key);
}

base::result<std::string_view> unseal(table where, std::string_view key, std::string_view value) {
  std::uint64_t sum = 0;
  if (value.size() < sizeof(sum)) return damaged(where, key, "value too short");
  std::memcpy(&sum, value.data(), sizeof(sum));
  value.remove_prefix(sizeof(sum));
  if (checksum(value, seal_seed(where, key)) != sum) return damaged(where, key, "checksum differs");
  return value;
}

base::result<std::optional<std::string_view>> get_sealed(snapshot& view, table where, std::string_view key) {
  const auto found = view.get(where, key);
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::nullopt;
  const auto payload = unseal(where, key, **found);
  if (!payload) return std::unexpected(payload.error());
  return *payload;
}

std::unexpected<base::error> damaged(table where, std::string_view key, std::string_view what) {
  std::string hex;
  for (const char c : key.substr(0, 32)) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return base::fail(errc::damaged, fmt::format("table {}, key {}: {}",
                                               table_names[static_cast<std::size_t>(where)], hex, what));
}

}  // namespace evergate::journal
