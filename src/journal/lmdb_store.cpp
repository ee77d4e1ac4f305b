#include "journal/lmdb_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "base/check.h"
#include "journal/errc.h"

namespace evergate::journal {
namespace {

MDB_val to_val(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}
std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

std::unexpected<base::error> lmdb_error(int code, const char* what) {
  errc kind = errc::io;
  if (code == ENOSPC || code == EDQUOT || code == EFBIG || code == MDB_MAP_FULL || code == MDB_TXN_FULL)
    kind = errc::full;
  if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID || code == MDB_PANIC ||
      code == MDB_VERSION_MISMATCH || code == MDB_BAD_TXN || code == MDB_BAD_VALSIZE ||
      code == MDB_CURSOR_FULL) {
    kind = errc::damaged;
  }
  if (code == MDB_READERS_FULL) kind = errc::full;
  return base::fail(kind, fmt::format("{}: {}", what, mdb_strerror(code)));
}

class lmdb_cursor final : public cursor {
 public:
  explicit lmdb_cursor(MDB_cursor* at) : at_(at) {}
  ~lmdb_cursor() override { mdb_cursor_close(at_); }
  lmdb_cursor(const lmdb_cursor&) = delete;
  lmdb_cursor& operator=(const lmdb_cursor&) = delete;

  base::result<bool> seek(std::string_view key) override {
    if (key.empty()) return move(MDB_FIRST);
    key_ = to_val(key);
    return move(MDB_SET_RANGE);
  }
  base::result<bool> seek_before(std::string_view key) override {
    const auto found = seek(key);
    if (!found) return found;
    return move(*found ? MDB_PREV : MDB_LAST);
  }
  base::result<bool> next() override { return move(MDB_NEXT); }
  std::string_view key() const override { return to_view(key_); }
  std::string_view value() const override { return to_view(value_); }

 private:
  base::result<bool> move(MDB_cursor_op how) {
    const int code = mdb_cursor_get(at_, &key_, &value_, how);
    if (code == MDB_NOTFOUND) return false;
    if (code != 0) return lmdb_error(code, "reading");
    return true;
  }

  MDB_cursor* at_;
  MDB_val key_{};
  MDB_val value_{};
};

}  // namespace

class lmdb_transaction final : public transaction {
 public:
  lmdb_transaction(lmdb_store& owner, std::shared_lock<std::shared_mutex> lock, MDB_txn* txn)
      : owner_(owner), lock_(std::move(lock)), txn_(txn) {}
  ~lmdb_transaction() override {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  lmdb_transaction(const lmdb_transaction&) = delete;
  lmdb_transaction& operator=(const lmdb_transaction&) = delete;

  base::result<std::optional<std::string_view>> get(table where, std::string_view key) override {
    MDB_val k = to_val(key);
    MDB_val v{};
    const int code = mdb_get(txn_, dbi(where), &k, &v);
    if (code == MDB_NOTFOUND) return std::nullopt;
    if (code != 0) return lmdb_error(code, "reading");
    return to_view(v);
  }

  base::result<std::unique_ptr<cursor>> scan(table where) override {
    MDB_cursor* at = nullptr;
    const int code = mdb_cursor_open(txn_, dbi(where), &at);
    if (code != 0) return lmdb_error(code, "reading");
    return std::make_unique<lmdb_cursor>(at);
  }

  base::result<void> put(table where, std::string_view key, std::string_view value) override {
    const auto room = reserve(where, key, value.size());
    if (!room) return std::unexpected(room.error());
    std::copy(value.begin(), value.end(), room->begin());
    return {};
  }

  base::result<std::span<char>> reserve(table where, std::string_view key, std::size_t bytes) override {
    MDB_val k = to_val(key);
    MDB_val v{bytes, nullptr};
    const int code = mdb_put(txn_, dbi(where), &k, &v, MDB_RESERVE);
    if (code != 0) return owner_.write_error(code, "writing");
    return std::span(static_cast<char*>(v.mv_data), bytes);
  }

  base::result<void> remove(table where, std::string_view key) override {
    MDB_val k = to_val(key);
    const int code = mdb_del(txn_, dbi(where), &k, nullptr);
    if (code != 0 && code != MDB_NOTFOUND) return owner_.write_error(code, "removing");
    return {};
  }

  base::result<void> commit() override {
    const int code = mdb_txn_commit(std::exchange(txn_, nullptr));
    if (code != 0) return owner_.write_error(code, "committing");
    return {};
  }

 private:
  [[nodiscard]] MDB_dbi dbi(table where) const { return owner_.tables_[static_cast<std::size_t>(where)]; }

  lmdb_store& owner_;
  std::shared_lock<std::shared_mutex> lock_;
  MDB_txn* txn_;
};

base::result<std::unique_ptr<lmdb_store>> lmdb_store::open(const std::filesystem::path& directory,
                                                           const lmdb_settings& settings) {
  std::unique_ptr<lmdb_store> made(new lmdb_store(settings));
  const auto unusable = [&](int code) {
    return base::fail(errc::unusable, fmt::format("{} cannot be opened as a store: {}", directory.string(),
                                                  mdb_strerror(code)));
  };
  if (const int code = mdb_env_create(&made->env_); code != 0) return unusable(code);
  mdb_env_set_maxdbs(made->env_, table_count);
  mdb_env_set_maxreaders(made->env_, settings.readers_max);
  std::error_code ignored;
  const auto file_bytes = std::filesystem::file_size(directory / "data.mdb", ignored);
  made->map_bytes_ = settings.map_bytes;
  while (!ignored && made->map_bytes_ < file_bytes + file_bytes / 4) made->map_bytes_ *= 2;
  if (const int code = mdb_env_set_mapsize(made->env_, made->map_bytes_); code != 0) return unusable(code);
  unsigned flags = MDB_NOTLS | (settings.read_only ? unsigned{MDB_RDONLY} : unsigned{MDB_NORDAHEAD});
  if (!settings.read_only && !settings.ordered) flags |= MDB_NOSYNC;
  if (const int code = mdb_env_open(made->env_, directory.c_str(), flags, 0600); code != 0) {
    if (code == MDB_INVALID || code == MDB_CORRUPTED || code == MDB_VERSION_MISMATCH || code == EIO) {
      return base::fail(errc::damaged,
                        fmt::format("{}: {}", (directory / "data.mdb").string(), mdb_strerror(code)));
    }
    return unusable(code);
  }
  int dead = 0;
  mdb_reader_check(made->env_, &dead);
  if (auto opened = made->open_tables(); !opened) return std::unexpected(opened.error());
  return made;
}

base::result<void> lmdb_store::open_tables() {
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, settings_.read_only ? unsigned{MDB_RDONLY} : 0U, &txn);
  if (code != 0) return lmdb_error(code, "opening the tables");
  for (std::size_t i = 0; i < table_count && code == 0; ++i) {
    code = mdb_dbi_open(txn, table_names[i].data(), settings_.read_only ? 0U : unsigned{MDB_CREATE},
                        &tables_[i]);
  }
  if (code != 0) {
    mdb_txn_abort(txn);
    if (code == MDB_NOTFOUND || code == MDB_INCOMPATIBLE)
      return base::fail(errc::damaged, "a table is missing");
    return lmdb_error(code, "opening the tables");
  }
  code = mdb_txn_commit(txn);
  if (code != 0) return lmdb_error(code, "opening the tables");
  return {};
}

lmdb_store::~lmdb_store() {
  if (env_ != nullptr) mdb_env_close(env_);
}

base::result<std::unique_ptr<snapshot>> lmdb_store::read() {
  MDB_txn* txn = nullptr;
  for (int attempt = 0;; ++attempt) {
    std::shared_lock lock(map_mutex_);
    const int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
    if (code == 0) return std::make_unique<lmdb_transaction>(*this, std::move(lock), txn);
    // Another process (the daemon, seen from a dump) has made the map larger.
    if (code != MDB_MAP_RESIZED || attempt > 8) return lmdb_error(code, "beginning to read");
    lock.unlock();
    const std::scoped_lock alone(map_mutex_);
    mdb_env_set_mapsize(env_, 0);
  }
}

base::result<std::unique_ptr<transaction>> lmdb_store::write() {
  base::check(!settings_.read_only, "a read-only store is not written");
  if (grow_wanted_) {
    if (auto grown = grow(); !grown) return std::unexpected(grown.error());
  }
  // Only this thread resizes the map, so its own transaction needs no lock against that.
  MDB_txn* txn = nullptr;
  const int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (code != 0) return lmdb_error(code, "beginning to write");
  return std::make_unique<lmdb_transaction>(*this, std::shared_lock<std::shared_mutex>(), txn);
}

base::result<void> lmdb_store::sync() {
  const int code = mdb_env_sync(env_, 1);
  if (code != 0) return lmdb_error(code, "syncing to disk");
  return {};
}

base::result<void> lmdb_store::grow() {
  const std::scoped_lock alone(map_mutex_);
  const std::uint64_t wanted = std::min(map_bytes_ * 2, settings_.map_bytes_max);
  const int code = mdb_env_set_mapsize(env_, wanted);
  if (code != 0) return lmdb_error(code, "enlarging the map");
  map_bytes_ = wanted;
  grow_wanted_ = false;
  return {};
}

std::unexpected<base::error> lmdb_store::write_error(int code, const char* what) {
  if (code == MDB_MAP_FULL && map_bytes_ < settings_.map_bytes_max) {
    grow_wanted_ = true;
    return base::fail(errc::grow, fmt::format("{}: the map of {} bytes is full", what, map_bytes_));
  }
  return lmdb_error(code, what);
}

}  // namespace evergate::journal
