#include "journal/memory_store.h"

#include <mutex>

namespace evergate::journal {
namespace {

using rows = memory_image::rows;
using changes = std::map<std::string, std::optional<std::string>, std::less<>>;

// Walks the committed rows with a transaction's own changes laid over them.
class memory_cursor final : public cursor {
 public:
  memory_cursor(const rows& committed, const changes* pending) : committed_(committed), pending_(pending) {}

  base::result<bool> seek(std::string_view key) override {
    return settle(committed_.lower_bound(key), pending_ != nullptr ? pending_->lower_bound(key) : none());
  }
  base::result<bool> next() override {
    const std::string from = key_;
    return settle(committed_.upper_bound(from), pending_ != nullptr ? pending_->upper_bound(from) : none());
  }
  base::result<bool> seek_before(std::string_view key) override {
    auto base = committed_.lower_bound(key);
    auto over = pending_ != nullptr ? pending_->lower_bound(key) : none();
    for (;;) {
      const bool has_base = base != committed_.begin();
      const bool has_over = pending_ != nullptr && over != pending_->begin();
      if (!has_base && !has_over) return false;
      const auto& base_key = has_base ? std::prev(base)->first : empty_;
      const auto& over_key = has_over ? std::prev(over)->first : empty_;
      if (has_over && (!has_base || over_key >= base_key)) {
        --over;
        if (has_base && over_key == base_key) --base;
        if (!over->second) continue;
        return take(over->first, *over->second);
      }
      --base;
      return take(base->first, base->second);
    }
  }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }

 private:
  changes::const_iterator none() const { return {}; }

  bool settle(rows::const_iterator base, changes::const_iterator over) {
    for (;;) {
      const bool has_base = base != committed_.end();
      const bool has_over = pending_ != nullptr && over != pending_->end();
      if (!has_base && !has_over) return false;
      if (has_over && (!has_base || over->first <= base->first)) {
        if (has_base && over->first == base->first) ++base;
        const auto& [key, value] = *over++;
        if (!value) continue;
        return take(key, *value);
      }
      return take(base->first, base->second);
    }
  }
  bool take(const std::string& key, const std::string& value) {
    key_ = key;
    value_ = value;
    return true;
  }

  const rows& committed_;
  const changes* pending_;
  const std::string empty_;
  std::string key_;
  std::string_view value_;
};

class memory_snapshot final : public snapshot {
 public:
  explicit memory_snapshot(memory_image& image) : image_(image), lock_(image.mutex) {}

  base::result<std::optional<std::string_view>> get(table where, std::string_view key) override {
    const auto& in = image_.tables[static_cast<std::size_t>(where)];
    const auto found = in.find(key);
    if (found == in.end()) return std::nullopt;
    return std::string_view(found->second);
  }
  base::result<std::unique_ptr<cursor>> scan(table where) override {
    return std::make_unique<memory_cursor>(image_.tables[static_cast<std::size_t>(where)], nullptr);
  }

 private:
  memory_image& image_;
  std::shared_lock<std::shared_mutex> lock_;
};

// Only the writer changes the tables, so it reads them without a lock.
class memory_transaction final : public transaction {
 public:
  explicit memory_transaction(memory_image& image) : image_(image) {}

  base::result<std::optional<std::string_view>> get(table where, std::string_view key) override {
    const auto at = static_cast<std::size_t>(where);
    if (const auto found = changed_[at].find(key); found != changed_[at].end()) {
      if (!found->second) return std::nullopt;
      return std::string_view(*found->second);
    }
    const auto found = image_.tables[at].find(key);
    if (found == image_.tables[at].end()) return std::nullopt;
    return std::string_view(found->second);
  }
  base::result<std::unique_ptr<cursor>> scan(table where) override {
    const auto at = static_cast<std::size_t>(where);
    return std::make_unique<memory_cursor>(image_.tables[at], &changed_[at]);
  }
  base::result<void> put(table where, std::string_view key, std::string_view value) override {
    changed_[static_cast<std::size_t>(where)].insert_or_assign(std::string(key), std::string(value));
    return {};
  }
  base::result<std::span<char>> reserve(table where, std::string_view key, std::size_t bytes) override {
    auto& slot = changed_[static_cast<std::size_t>(where)]
                     .insert_or_assign(std::string(key), std::string())
                     .first->second;
    slot->resize(bytes);
    return std::span(slot->data(), bytes);
  }
  base::result<void> remove(table where, std::string_view key) override {
    changed_[static_cast<std::size_t>(where)].insert_or_assign(std::string(key), std::nullopt);
    return {};
  }
  base::result<void> commit() override {
    if (image_.before_commit) {
      if (auto allowed = image_.before_commit(); !allowed) return allowed;
    }
    const std::scoped_lock alone(image_.mutex);
    for (std::size_t at = 0; at < table_count; ++at) {
      for (auto& [key, value] : changed_[at]) {
        if (value) {
          image_.tables[at].insert_or_assign(key, std::move(*value));
        } else {
          image_.tables[at].erase(key);
        }
      }
    }
    return {};
  }

 private:
  memory_image& image_;
  std::array<changes, table_count> changed_;
};

}  // namespace

base::result<std::unique_ptr<snapshot>> memory_store::read() {
  return std::make_unique<memory_snapshot>(*image_);
}

base::result<std::unique_ptr<transaction>> memory_store::write() {
  return std::make_unique<memory_transaction>(*image_);
}

}  // namespace evergate::journal
