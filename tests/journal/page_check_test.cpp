#include "journal/page_check.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/rng.h"
#include "journal/errc.h"
#include "journal/lmdb_store.h"
#include "journal/page_layout.h"
#include "journal_rig.h"

namespace evergate::journal {
namespace {

using test::temp_dir;

std::unique_ptr<lmdb_store> open(const std::filesystem::path& where) {
  return lmdb_store::open(where, {.map_bytes = std::uint64_t{64} << 20}).value();
}

std::string random_key(base::rng& random) {
  std::string key(1 + random.below(14), 'k');
  for (auto& c : key) c = static_cast<char>('a' + random.below(20));
  return key;
}

void change_at_random(transaction& txn, base::rng& random, std::size_t large = 30'000) {
  for (auto n = random.below(120); n > 0; --n) {
    const auto where = static_cast<table>(random.below(table_count));
    const auto key = random_key(random);
    if (random.chance(0.45)) {
      auto at = txn.scan(where).value();
      if (!at->seek(key).value()) continue;
      const std::string found(at->key());
      at.reset();
      ASSERT_TRUE(txn.remove(where, found));
    } else {
      ASSERT_TRUE(txn.put(where, key, std::string(random.below(random.chance(0.1) ? large : 900), 'v')));
    }
  }
}

// Whatever LMDB writes, over thousands of splits, merges and reuses of pages, is found whole; and no page is
// ever lost, so that the numbers can be believed.
TEST(page_check, believes_what_lmdb_wrote) {
  const temp_dir directory;
  base::rng random(3);
  for (int life = 0; life < 4; ++life) {
    const auto store = open(directory.path);
    for (int round = 0; round < 120; ++round) {
      const auto reader = random.chance(0.2) ? store->read().value() : nullptr;
      auto txn = store->write().value();
      change_at_random(*txn, random);
      if (random.chance(0.9)) ASSERT_TRUE(txn->commit());
      txn.reset();
      const auto report = check_pages(directory.path / "data.mdb", true);
      ASSERT_TRUE(report) << report.error().text();
      ASSERT_EQ(report->unaccounted, 0U);
      ASSERT_FALSE(report->empty);
    }
  }
}

TEST(page_check, nothing_is_an_empty_store) {
  const temp_dir directory;
  EXPECT_TRUE(check_pages(directory.path / "data.mdb", true)->empty);
  std::ofstream(directory.path / "data.mdb").flush();
  EXPECT_TRUE(check_pages(directory.path / "data.mdb", true)->empty);
  std::ofstream(directory.path / "data.mdb") << "short";
  const auto report = check_pages(directory.path / "data.mdb", true);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, make_error_code(errc::damaged));
}

class damaged_pages : public ::testing::Test {
 protected:
  void SetUp() override {
    base::rng random(5);
    const auto store = open(directory_.path);
    for (int round = 0; round < 12; ++round) {
      auto txn = store->write().value();
      change_at_random(*txn, random, 9000);
      ASSERT_TRUE(txn->commit());
    }
    shape_ = shape(*store);
    std::ifstream in(file(), std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
    ASSERT_TRUE(check_pages(file(), true));
  }
  [[nodiscard]] std::filesystem::path file() const { return directory_.path / "data.mdb"; }
  [[nodiscard]] std::string found(const std::string& bytes, bool newest_known = true) const {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
    const auto report = check_pages(file(), newest_known);
    if (report) return "whole";
    EXPECT_TRUE(report.error().code == errc::damaged);
    return report.error().detail;
  }
  [[nodiscard]] std::size_t newest_meta() const {
    using namespace page_layout;
    const auto commit = [&](std::size_t page) {
      return read<meta_record>(bytes_.data() + page * 4096 + head_bytes).commit;
    };
    return commit(1) > commit(0) ? 1 : 0;
  }

  // Every key and the size of its value.
  [[nodiscard]] static std::string shape(store& of) {
    std::string out;
    const auto view = of.read().value();
    for (std::size_t i = 0; i < table_count; ++i) {
      auto at = view->scan(static_cast<table>(i)).value();
      for (bool more = at->seek({}).value(); more; more = at->next().value())
        out += std::string(at->key()) + ' ' + std::to_string(at->value().size()) + '\n';
    }
    return out;
  }

  temp_dir directory_;
  std::string bytes_;
  std::string shape_;
};

TEST_F(damaged_pages, an_older_commit_does_not_pass_for_the_newest) {
  auto changed = bytes_;
  const auto newest = newest_meta() * 4096;
  changed[newest + 16 + 128] = static_cast<char>(changed[newest + 16 + 128] ^ 16);  // its commit number
  EXPECT_NE(found(changed).find("do not follow each other"), std::string::npos);
  // The page as it was two commits earlier: whole in itself.
  changed = bytes_;
  changed.replace(newest, 4096, std::string_view(bytes_).substr(4096 - newest, 4096));
  EXPECT_NE(found(changed).find("not a meta page"), std::string::npos);
}

TEST_F(damaged_pages, two_pages_in_each_others_place_are_found) {
  base::rng random(9);
  int noticed = 0;
  for (int i = 0; i < 200; ++i) {
    const auto one = (2 + random.below(bytes_.size() / 4096 - 2)) * 4096;
    const auto other = (2 + random.below(bytes_.size() / 4096 - 2)) * 4096;
    auto changed = bytes_;
    std::swap_ranges(changed.begin() + static_cast<std::ptrdiff_t>(one),
                     changed.begin() + static_cast<std::ptrdiff_t>(one) + 4096,
                     changed.begin() + static_cast<std::ptrdiff_t>(other));
    // Or else neither is read: both are free, or inside large values, whose checksums know.
    if (found(changed) == "whole") {
      ASSERT_EQ(shape(*open(directory_.path)), shape_) << one << ' ' << other;
    } else {
      ++noticed;
    }
  }
  EXPECT_GT(noticed, 50);
}

TEST_F(damaged_pages, a_file_cut_short_is_found_or_lacks_nothing) {
  EXPECT_NE(found(bytes_.substr(0, bytes_.size() / 2)), "whole");
  EXPECT_NE(found(bytes_.substr(0, 4096)), "whole");
  EXPECT_NE(found(bytes_.substr(0, 8000)), "whole");
}

// No damage of whatever kind makes the check itself fail: it reads nothing that it has not measured.
TEST_F(damaged_pages, any_bytes_are_judged_safely) {
  base::rng random(21);
  int whole = 0;
  for (int i = 0; i < 600; ++i) {
    auto changed = bytes_;
    const bool in_head = random.chance(0.5);
    for (auto n = 1 + random.below(4); n > 0; --n) {
      auto at = random.below(changed.size());
      if (in_head) at = at / 4096 * 4096 + random.below(160);
      changed[at] = static_cast<char>(random());
    }
    whole += found(changed, random.chance(0.5)) == "whole" ? 1 : 0;
  }
  EXPECT_GT(whole, 0);
  EXPECT_LT(whole, 595);
}

}  // namespace
}  // namespace evergate::journal
