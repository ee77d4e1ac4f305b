#include "journal/store.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "flow/intake.h"
#include "journal/bytes.h"
#include "journal/errc.h"
#include "journal/event_blob.h"
#include "journal/lmdb_store.h"
#include "journal/memory_store.h"
#include "journal/records.h"
#include "journal/sealed.h"
#include "journal_rig.h"

namespace evergate::journal {
namespace {

using rows = std::map<std::string, std::string>;

class any_store : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      auto opened = lmdb_store::open(directory_.path, {.map_bytes = std::uint64_t{32} << 20});
      ASSERT_TRUE(opened) << opened.error().text();
      store_ = std::move(*opened);
    } else {
      store_ = std::make_unique<memory_store>();
    }
  }
  test::temp_dir directory_;
  std::unique_ptr<store> store_;
};

rows all(snapshot& view, table where) {
  rows out;
  auto at = view.scan(where).value();
  for (bool more = at->seek({}).value(); more; more = at->next().value()) out.emplace(at->key(), at->value());
  return out;
}

// Random changes, commits and aborts against a plain map, seen from inside the transaction and outside.
TEST_P(any_store, does_what_a_map_does) {
  base::rng random(5);
  rows committed;
  for (int round = 0; round < 60; ++round) {
    rows now = committed;
    {
      auto txn = store_->write().value();
      for (auto n = random.below(30); n > 0; --n) {
        const auto key = std::string(1 + random.below(2), static_cast<char>('a' + random.below(12)));
        if (random.chance(0.4)) {
          ASSERT_TRUE(txn->remove(table::meta, key));
          now.erase(key);
        } else {
          const std::string value(random.below(random.chance(0.1) ? 9000 : 40),
                                  static_cast<char>('0' + random.below(10)));
          ASSERT_TRUE(txn->put(table::meta, key, value));
          now[key] = value;
        }
      }
      ASSERT_EQ(all(*txn, table::meta), now);
      for (char letter = 'a'; letter < 'n'; ++letter) {
        const std::string key(1, letter);
        auto at = txn->scan(table::meta).value();
        const auto next = now.lower_bound(key);
        ASSERT_EQ(at->seek(key).value(), next != now.end());
        if (next != now.end()) ASSERT_EQ(at->key(), next->first);
        ASSERT_EQ(at->seek_before(key).value(), next != now.begin());
        if (next != now.begin()) ASSERT_EQ(at->key(), std::prev(next)->first);
        const auto got = txn->get(table::meta, key).value();
        ASSERT_EQ(got.has_value(), now.contains(key));
      }
      if (random.chance(0.6)) {
        ASSERT_TRUE(txn->commit());
        committed = now;
      }
    }
    ASSERT_EQ(all(*store_->read().value(), table::meta), committed);
    ASSERT_TRUE(all(*store_->read().value(), table::events).empty());
  }
}

TEST_P(any_store, a_value_under_another_key_is_damage) {
  auto txn = store_->write().value();
  ASSERT_TRUE(put_sealed(*txn, table::consumers, "one", "payload"));
  EXPECT_EQ(get_sealed(*txn, table::consumers, "one").value(), "payload");
  const std::string raw(txn->get(table::consumers, "one").value().value());
  ASSERT_TRUE(txn->put(table::consumers, "two", raw));
  ASSERT_TRUE(txn->put(table::sessions, "one", raw));
  for (const auto& [where, key] : {std::pair{table::consumers, "two"}, std::pair{table::sessions, "one"}}) {
    const auto got = get_sealed(*txn, where, key);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, make_error_code(errc::damaged));
  }
  EXPECT_FALSE(get_sealed(*txn, table::consumers, "none").value().has_value());
}

INSTANTIATE_TEST_SUITE_P(kinds, any_store, ::testing::Bool());

TEST(event_blob, every_changed_bit_is_noticed) {
  flow::event_batch batch;
  flow::append_row(batch, proto::event_type::guild_update, {}, R"({"name":"x"})").offset.value = 7;
  flow::append_row(batch, proto::event_type::unknown, "NEW", "{}").offset.value = 9;
  blob_builder builder;
  builder.add(batch, 0, guild_effect::none);
  builder.add(batch, 1, guild_effect::available);
  builder.add(flow::counter_row{.offset = {8}, .guild = 1, .channel = 2, .message = 3});
  blob_header header;
  header.retention = 2;
  header.round_first = 5;
  header.round_last = 12;
  const auto key = blob_key(proto::event_class::state, builder.first());
  std::string value(builder.size(), '\0');
  builder.write(key, header, value);
  const auto whole = [&](const std::string& text) {
    const auto view = blob_view::parse(key, text);
    return view && view->verify_bytes().has_value();
  };
  ASSERT_TRUE(whole(value));
  const auto view = blob_view::parse(key, value);
  EXPECT_EQ(view->effect(1), guild_effect::available);
  EXPECT_EQ(view->counter(0).message, 3U);
  EXPECT_EQ(view->data(view->row(0)), R"({"name":"x"})");
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    auto changed = value;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(whole(changed)) << bit;
  }
  for (std::size_t size = 0; size < value.size(); ++size) EXPECT_FALSE(whole(value.substr(0, size)));
  EXPECT_FALSE(whole(value + "x"));
  EXPECT_FALSE(blob_view::parse(blob_key(proto::event_class::message, 7), value));
  EXPECT_FALSE(blob_view::parse(blob_key(proto::event_class::state, 8), value));
}

template <class Record>
void refuses_every_prefix(const Record& record) {
  std::string text;
  encode(record, text);
  Record out;
  EXPECT_TRUE(decode(text, out));
  std::string again;
  encode(out, again);
  EXPECT_EQ(again, text);
  for (std::size_t size = 0; size < text.size(); ++size) {
    Record cut;
    EXPECT_FALSE(decode(std::string_view(text).substr(0, size), cut)) << size;
  }
  Record longer;
  EXPECT_FALSE(decode(text + "x", longer));
  base::rng random(1);
  for (int i = 0; i < 2000; ++i) {
    auto changed = text;
    changed[random.below(changed.size())] = static_cast<char>(random());
    Record any;
    (void)decode(changed, any);  // whatever it says, it reads no further than it may
  }
}

TEST(records, come_back_whole_or_not_at_all) {
  ledger book;
  book.head = 9;
  book.self = 4;
  refuses_every_prefix(book);
  refuses_every_prefix(flow::session_record{{1, 2}, "id", "wss://x", 77});
  refuses_every_prefix(flow::consumer_record{"main",
                                             3,
                                             {{2, {{1}, {2}}, {{3}, {4}}}, {1, {{3}}, {{5}}}},
                                             {{1, {7}, {9}, 4, 3, 1}},
                                             true,
                                             {{{4}, {5}, {6}}},
                                             {7, 8, 9}});
  refuses_every_prefix(flow::dead_letter{"main", {1, 2}, {7}, "MESSAGE_CREATE", 5, 77, "{}"});
  refuses_every_prefix(flow::downstream_record{"id", 1, "main", 2, {0, 1}, 3, 4, 5, {6}, true});
}

// Found by fuzzing (stored_values): flags other than 0 and 1 were taken, and written back as 1.
TEST(records, a_flag_is_0_or_1) {
  const flow::downstream_record session{"id", 1, "main", 2, {0, 1}, 3, 4, 5, {6}, true};
  std::string text;
  encode(session, text);
  text.back() = 2;
  flow::downstream_record out;
  EXPECT_FALSE(decode(text, out));
  for (const std::size_t at : {2U, 3U}) {  // reconcile, reserved
    text.clear();
    encode(version_record{guild_state::removed, true, 0, {}}, text);
    version_record version;
    EXPECT_TRUE(decode(text, version));
    text[at] = 2;
    EXPECT_FALSE(decode(text, version)) << at;
  }
}

}  // namespace
}  // namespace evergate::journal
