// The little that the journal asks of its storage: ordered tables of byte strings, one writing transaction
// at a time, snapshots that do not see later commits. Everything above is pure code over this, so that the
// same code runs over LMDB and over memory. Views stay valid until the next call on the same transaction
// that writes, or its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace evergate::journal {

/// Numbers and names are part of the format: append only.
enum class table : std::uint8_t {
  meta,
  events,
  sequences,
  sessions,
  consumers,
  downstreams,
  guilds,
  users,
  dead_letters
};
inline constexpr std::size_t table_count = 9;
inline constexpr std::string_view table_names[table_count] = {
    "meta", "events", "sequences", "sessions", "consumers", "downstreams", "guilds", "users", "dead_letters"};

/// Walks one table in key order. Ends before its transaction does.
class cursor {
 public:
  virtual ~cursor() = default;
  /// To the first key at or past `key`; false when there is none.
  [[nodiscard]] virtual base::result<bool> seek(std::string_view key) = 0;
  /// To the last key before `key`.
  [[nodiscard]] virtual base::result<bool> seek_before(std::string_view key) = 0;
  [[nodiscard]] virtual base::result<bool> next() = 0;
  [[nodiscard]] virtual std::string_view key() const = 0;
  [[nodiscard]] virtual std::string_view value() const = 0;
};

/// A consistent view. One thread at a time; keep it short, since it stops the reuse of space.
class snapshot {
 public:
  virtual ~snapshot() = default;
  [[nodiscard]] virtual base::result<std::optional<std::string_view>> get(table where,
                                                                          std::string_view key) = 0;
  [[nodiscard]] virtual base::result<std::unique_ptr<cursor>> scan(table where) = 0;
};

/// A snapshot that can be changed; what was not committed at its end never happened.
class transaction : public snapshot {
 public:
  [[nodiscard]] virtual base::result<void> put(table where, std::string_view key, std::string_view value) = 0;
  /// Room for a value, to be filled before the next call.
  [[nodiscard]] virtual base::result<std::span<char>> reserve(table where, std::string_view key,
                                                              std::size_t bytes) = 0;
  /// Removing what is not there is no error.
  [[nodiscard]] virtual base::result<void> remove(table where, std::string_view key) = 0;
  [[nodiscard]] virtual base::result<void> commit() = 0;
};

class store {
 public:
  virtual ~store() = default;
  [[nodiscard]] virtual base::result<std::unique_ptr<snapshot>> read() = 0;
  [[nodiscard]] virtual base::result<std::unique_ptr<transaction>> write() = 0;
  /// Makes every commit so far survive power loss.
  [[nodiscard]] virtual base::result<void> sync() = 0;
};

}  // namespace evergate::journal
