#include "receipt_check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace evergate::simulation::receipt_check_cases {
namespace {

constexpr const char* counts = "reshard-counts";
constexpr const char* last = "reshard-last";

/// So many events, one of the journal's own, and what the receipt says meanwhile.
flow::event_batch batch(std::size_t events, const char* record = nullptr, int by_old = 0, int by_new = 0) {
  flow::event_batch out;
  out.rows.resize(events + 1);
  for (auto& row : out.rows) {
    row.type = proto::event_type::guild_delete;
    row.seq = 1;
  }
  out.rows.back().seq = 0;
  if (record != nullptr) {
    out.records.push_back(
        {record, fmt::format(R"({{"receipt":{{"events":{{"delivered_by_old":{},"delivered_by_new":{}}}}}}})",
                             by_old, by_new)});
  }
  return out;
}

TEST(ReceiptCheck, AgreesWithWhatWasCommitted) {
  receipt_check check;
  check.committed(batch(9));
  check.committed(batch(2, counts, 2, 0));
  check.committed(batch(3, counts, 2, 3));
  check.committed(batch(1, last, 2, 4));
  check.committed(batch(5));
  check.committed(batch(0, last, 0, 0));
  EXPECT_TRUE(check.findings().empty());
  EXPECT_EQ(check.compared(), 3U);
}

TEST(ReceiptCheck, FindsWhatIsNotCountedAndWhatIsCountedTwice) {
  receipt_check check;
  check.committed(batch(2, counts, 2, 0));
  check.committed(batch(3, counts, 2, 2));
  check.committed(batch(1, last, 3, 3));
  ASSERT_EQ(check.findings().size(), 2U);
  EXPECT_EQ(check.findings()[0], "a receipt says 4 after 2, the journal has 3 more");
  EXPECT_EQ(check.findings()[1], "a receipt says 6 after 4, the journal has 1 more");
}

TEST(ReceiptCheck, OneGivenUpBeforeItsCutsHasCountedNothing) {
  receipt_check check;
  check.committed(batch(7));
  check.committed(batch(0, last, 1, 0));
  EXPECT_EQ(check.findings().size(), 1U);
}

}  // namespace
}  // namespace evergate::simulation::receipt_check_cases
