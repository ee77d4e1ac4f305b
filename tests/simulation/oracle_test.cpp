#include "oracle.h"

#include <gtest/gtest.h>

namespace evergate::simulation {
namespace {

/// A journal and a Discord made by hand.
class OracleTest : public testing::Test {
 protected:
  void started(const std::string& session, std::uint64_t serial = 0) {
    stored_row row;
    row.what = stored_row::kind::started;
    row.session = session;
    row.seq = 1;
    row.serial = serial != 0 ? serial : next_serial_++;
    put(row);
  }
  void event(std::uint32_t seq, std::uint64_t serial, std::uint64_t content = 0) {
    stored_row row;
    row.seq = seq;
    row.serial = serial;
    row.content = content;
    put(row);
  }
  void gap(const std::string& session, std::int64_t last_seq) {
    stored_row row;
    row.what = stored_row::kind::gap;
    row.session = session;
    row.last_seq = last_seq;
    put(row);
  }
  void put(stored_row row) {
    row.offset = ++offset_;
    row.shard = {0, 1};
    judge_.stored(row);
  }
  void sent(const std::string& session, std::uint32_t seq, std::uint64_t serial,
            const std::string& type = "MESSAGE_CREATE", std::uint64_t content = 0) {
    sent_.push_back({session, seq, serial, type, content});
  }
  /// What the oracle says in the end, the first sentence; empty when all is well.
  std::string verdict() {
    judge_.finish(sent_);
    return judge_.findings().empty() ? "" : judge_.findings().front();
  }

  oracle judge_;
  std::vector<sent_event> sent_;
  std::uint64_t offset_ = 0;
  std::uint64_t next_serial_ = 1'000;
};

TEST_F(OracleTest, IsContentWithWhatWasSentOnceInOrder) {
  started("a", 1);
  event(2, 2);
  event(3, 3);
  sent("a", 1, 1, "READY");
  sent("a", 2, 2);
  sent("a", 3, 3);
  EXPECT_EQ(verdict(), "");
}

TEST_F(OracleTest, FindsALostEvent) {
  started("a", 1);
  event(3, 3);
  sent("a", 1, 1, "READY");
  sent("a", 2, 2);
  sent("a", 3, 3);
  EXPECT_TRUE(verdict().starts_with("lost: session a")) << verdict();
}

TEST_F(OracleTest, FindsADoubledEvent) {
  started("a", 1);
  event(2, 2);
  event(2, 2);
  EXPECT_TRUE(verdict().starts_with("doubled")) << verdict();
}

TEST_F(OracleTest, FindsReorderedEvents) {
  started("a", 1);
  event(3, 3);
  event(2, 2);
  EXPECT_TRUE(verdict().starts_with("reordered")) << verdict();
}

TEST_F(OracleTest, FindsAGapWithoutARecord) {
  started("a", 1);
  started("b", 2);
  EXPECT_TRUE(verdict().starts_with("unmarked gap")) << verdict();
}

TEST_F(OracleTest, CountsWhatIsLostBehindARecord) {
  started("a", 1);
  gap("a", 1);
  started("b", 5);
  sent("a", 1, 1, "READY");
  sent("a", 2, 2);
  sent("a", 3, 3);
  sent("b", 1, 5, "READY");
  EXPECT_EQ(verdict(), "");
  EXPECT_EQ(judge_.lost_with_record(), 2U);
}

TEST_F(OracleTest, ARecordDoesNotCoverWhatCameBeforeIt) {
  started("a", 1);
  gap("a", 3);
  sent("a", 1, 1, "READY");
  sent("a", 2, 2);
  EXPECT_TRUE(verdict().starts_with("lost")) << verdict();
}

TEST_F(OracleTest, FindsASessionThatGoesOnAfterItsRecord) {
  started("a", 1);
  gap("a", 1);
  event(2, 2);
  EXPECT_TRUE(verdict().find("goes on after its GAP record") != std::string::npos) << verdict();
}

TEST_F(OracleTest, FindsAnEventThatWasNeverSent) {
  started("a", 1);
  event(2, 2);
  sent("a", 1, 1, "READY");
  EXPECT_TRUE(verdict().starts_with("invented")) << verdict();
}

TEST_F(OracleTest, FindsAnotherEventUnderTheSameNumber) {
  started("a", 1);
  event(2, 7);
  sent("a", 1, 1, "READY");
  sent("a", 2, 2);
  EXPECT_TRUE(verdict().starts_with("mixed up")) << verdict();
}

TEST_F(OracleTest, FindsChangedBytes) {
  started("a", 1);
  event(2, 2, 11);
  sent("a", 1, 1, "READY");
  sent("a", 2, 2, "MESSAGE_CREATE", 12);
  EXPECT_TRUE(verdict().starts_with("changed")) << verdict();
}

TEST_F(OracleTest, ASessionThatNobodyKnewOfIsNotMissed) {
  sent("a", 1, 1, "READY");
  sent("a", 2, 2);
  EXPECT_EQ(verdict(), "");
}

TEST_F(OracleTest, FindsASequenceToldBeforeItsCommit) {
  started("a", 1);
  sent("a", 1, 1, "READY");
  judge_.carried("a", 1, 1);
  EXPECT_TRUE(judge_.findings().empty());
  judge_.carried("a", 2, 1);
  EXPECT_TRUE(verdict().starts_with("output before commit")) << verdict();
}

TEST_F(OracleTest, FindsAHoleInTheOffsets) {
  started("a", 1);
  ++offset_;
  event(2, 2);
  EXPECT_TRUE(verdict().starts_with("journal: offset")) << verdict();
}

}  // namespace
}  // namespace evergate::simulation
