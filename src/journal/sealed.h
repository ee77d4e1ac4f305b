// The checksum on every value: XXH3 of its bytes, seeded with table and key, so that damage and a value
// under the wrong key are both found. LMDB itself notices neither. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "journal/store.h"

namespace evergate::journal {

/// What the checksums of this key's value start from.
[[nodiscard]] std::uint64_t seal_seed(table where, std::string_view key) noexcept;

[[nodiscard]] std::uint64_t checksum(std::string_view bytes, std::uint64_t seed) noexcept;

/// Stores checksum + payload.
[[nodiscard]] base::result<void> put_sealed(transaction& txn, table where, std::string_view key,
                                            std::string_view payload);

/// For each table the sum of its values' checksums (modulo 2^64). Kept in the ledger: a value that is
/// missing, twice there or older than it should be changes it.
using table_sums = std::array<std::uint64_t, table_count>;

/// put_sealed() and remove(), noted in `sums`.
[[nodiscard]] base::result<void> put_sealed(transaction& txn, table where, std::string_view key,
                                            std::string_view payload, table_sums& sums);
[[nodiscard]] base::result<void> remove_sealed(transaction& txn, table where, std::string_view key,
                                               table_sums& sums);

/// The checksum that a stored value begins with; 0 when it is too short to have one.
[[nodiscard]] std::uint64_t seal_of(std::string_view value) noexcept;

/// The payload of a stored value, or errc::damaged.
[[nodiscard]] base::result<std::string_view> unseal(table where, std::string_view key,
                                                    std::string_view value);

/// get() and unseal(); nothing when the key is not there.
[[nodiscard]] base::result<std::optional<std::string_view>> get_sealed(snapshot& view, table where,
                                                                       std::string_view key);

/// errc::damaged, naming the table, the key (as hex) and what is wrong.
[[nodiscard]] std::unexpected<base::error> damaged(table where, std::string_view key, std::string_view what);

}  // namespace evergate::journal
