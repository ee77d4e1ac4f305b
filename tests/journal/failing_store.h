// A store whose Nth call fails: every put, reserve, remove, get, scan, step of a cursor, commit and sync is a
// call. Over a store it does not own; for tests.
#pragma once

#include <memory>
#include <string>

#include "journal/errc.h"
#include "journal/store.h"

namespace evergate::journal::test {

/// Counts calls and fails one of them (0 = none); `failures` further ones after it fail too.
struct call_counter {
  std::uint64_t calls = 0;
  std::uint64_t fail_at = 0;
  std::uint64_t failures = 1;
  errc with = errc::io;
  [[nodiscard]] base::result<void> count(const char* what) {
    ++calls;
    if (fail_at == 0 || calls < fail_at || calls >= fail_at + failures) return {};
    return base::fail(with, std::string("injected at ") + what);
  }
};

class failing_cursor final : public cursor {
 public:
  failing_cursor(std::unique_ptr<cursor> inner, call_counter& counter)
      : inner_(std::move(inner)), counter_(counter) {}
  base::result<bool> seek(std::string_view key) override {
    if (auto may = counter_.count("seek"); !may) return std::unexpected(may.error());
    return inner_->seek(key);
  }
  base::result<bool> seek_before(std::string_view key) override {
    if (auto may = counter_.count("seek_before"); !may) return std::unexpected(may.error());
    return inner_->seek_before(key);
  }
  base::result<bool> next() override {
    if (auto may = counter_.count("next"); !may) return std::unexpected(may.error());
    return inner_->next();
  }
  std::string_view key() const override { return inner_->key(); }
  std::string_view value() const override { return inner_->value(); }

 private:
  std::unique_ptr<cursor> inner_;
  call_counter& counter_;
};

class failing_transaction final : public transaction {
 public:
  failing_transaction(std::unique_ptr<transaction> inner, call_counter& counter)
      : inner_(std::move(inner)), counter_(counter) {}
  base::result<std::optional<std::string_view>> get(table where, std::string_view key) override {
    if (auto may = counter_.count("get"); !may) return std::unexpected(may.error());
    return inner_->get(where, key);
  }
  base::result<std::unique_ptr<cursor>> scan(table where) override {
    if (auto may = counter_.count("scan"); !may) return std::unexpected(may.error());
    auto at = inner_->scan(where);
    if (!at) return at;
    return std::make_unique<failing_cursor>(std::move(*at), counter_);
  }
  base::result<void> put(table where, std::string_view key, std::string_view value) override {
    if (auto may = counter_.count("put"); !may) return may;
    return inner_->put(where, key, value);
  }
  base::result<std::span<char>> reserve(table where, std::string_view key, std::size_t bytes) override {
    if (auto may = counter_.count("reserve"); !may) return std::unexpected(may.error());
    return inner_->reserve(where, key, bytes);
  }
  base::result<void> remove(table where, std::string_view key) override {
    if (auto may = counter_.count("remove"); !may) return may;
    return inner_->remove(where, key);
  }
  base::result<void> commit() override {
    if (auto may = counter_.count("commit"); !may) return may;
    return inner_->commit();
  }

 private:
  std::unique_ptr<transaction> inner_;
  call_counter& counter_;
};

/// Reading from outside a writing transaction is not counted: it has its own threads.
class failing_store final : public store {
 public:
  failing_store(store& inner, call_counter& counter) : inner_(inner), counter_(counter) {}
  base::result<std::unique_ptr<snapshot>> read() override { return inner_.read(); }
  base::result<std::unique_ptr<transaction>> write() override {
    if (auto may = counter_.count("write"); !may) return std::unexpected(may.error());
    auto txn = inner_.write();
    if (!txn) return txn;
    return std::make_unique<failing_transaction>(std::move(*txn), counter_);
  }
  base::result<void> sync() override {
    if (auto may = counter_.count("sync"); !may) return may;
    return inner_.sync();
  }

 private:
  store& inner_;
  call_counter& counter_;
};

}  // namespace evergate::journal::test
