#include "excuses.h"

#include <gtest/gtest.h>

namespace evergate::simulation {
namespace {

base::instant at(int seconds) {
  return base::instant{base::seconds{seconds}};
}

class ExcusesTest : public testing::Test {
 protected:
  excuses told_{{.buckets = 2, .silence = base::seconds{7}}};
};

TEST_F(ExcusesTest, ALateBeatIsExcusedOnTheDisturbedLinkAndThenOnly) {
  told_.sent(1, at(1));
  told_.disturbed(1, at(10), at(20));
  EXPECT_TRUE(told_.explained("heartbeat_missing", 1, at(16)));
  EXPECT_TRUE(told_.explained("heartbeat_missing", 1, at(27)));
  EXPECT_FALSE(told_.explained("heartbeat_missing", 2, at(16)));
  EXPECT_FALSE(told_.explained("heartbeat_missing", 1, at(9)));
  EXPECT_FALSE(told_.explained("heartbeat_missing", 1, at(29)));
}

TEST_F(ExcusesTest, ASleepingMachineExcusesEveryLinkForAWhile) {
  told_.asleep(at(10), at(40));
  EXPECT_TRUE(told_.explained("heartbeat_missing", 5, at(45)));
  EXPECT_TRUE(told_.explained("op1_unanswered", 6, at(12)));
  EXPECT_FALSE(told_.explained("heartbeat_missing", 5, at(49)));
}

TEST_F(ExcusesTest, AStoreWithoutRoomExcusesUnreadRequestsButNoLateBeat) {
  told_.reading(true, at(10));
  told_.reading(false, at(15));
  EXPECT_TRUE(told_.explained("op1_unanswered", 1, at(20)));
  EXPECT_FALSE(told_.explained("op1_unanswered", 1, at(27)));
  told_.sent(1, at(2));
  EXPECT_FALSE(told_.explained("heartbeat_missing", 1, at(12)));
  EXPECT_TRUE(told_.explained("heartbeat_missing", 2, at(12))) << "its HELLO may be unread";
}

TEST_F(ExcusesTest, AnEarlyIdentifyIsExcusedByTheDelayOfTheOneBefore) {
  told_.disturbed(1, at(0), at(4));
  told_.identified(0, 1, at(1));
  told_.identified(2, 2, at(7));
  told_.identified(4, 3, at(13));
  EXPECT_TRUE(told_.explained("identify_too_fast", 2, at(7)));
  EXPECT_FALSE(told_.explained("identify_too_fast", 3, at(13)));
}

TEST_F(ExcusesTest, AnIdentifyThatIsSentTooEarlyHasNoExcuse) {
  told_.disturbed(1, at(0), at(4));
  told_.identified(0, 1, at(1));
  told_.identified(1, 2, at(2));
  told_.identified(2, 3, at(4));
  EXPECT_FALSE(told_.explained("identify_too_fast", 2, at(2)));
  EXPECT_FALSE(told_.explained("identify_too_fast", 3, at(4)));
}

// Derived seed 75567871677549.
TEST_F(ExcusesTest, TheFirstIdentifyOfABucketMayComeBehindTheSecond) {
  told_.disturbed(1, at(0), at(8));
  told_.identified(0, 1, at(1));
  told_.identified(2, 2, at(7));
  EXPECT_TRUE(told_.explained("identify_too_fast", 1, at(9)));
  EXPECT_FALSE(told_.explained("identify_too_fast", 1, at(30)));
}

TEST_F(ExcusesTest, TurnsAreForgottenWithTheDaemon) {
  told_.identified(0, 1, at(1));
  told_.daemon_died(at(2));
  told_.identified(0, 2, at(3));
  EXPECT_TRUE(told_.explained("identify_too_fast", 2, at(3)));
}

TEST_F(ExcusesTest, AResumeGoesToItsOwnAddressUntilThatHasFailed) {
  told_.dialed(0, 1, false, at(1));
  told_.identified(0, 1, at(1));
  told_.live(0);
  told_.dialed(0, 2, false, at(2));
  EXPECT_FALSE(told_.may_resume(0, 2));
  told_.dialed(0, 3, true, at(3));
  EXPECT_TRUE(told_.may_resume(0, 3));
  told_.dialed(0, 4, false, at(4));
  EXPECT_TRUE(told_.may_resume(0, 4));
  told_.dialed(0, 5, true, at(5));
  told_.live(0);
  told_.beat(0);
  told_.beat(0);
  told_.dialed(0, 6, false, at(6));
  EXPECT_FALSE(told_.may_resume(0, 6));
}

TEST_F(ExcusesTest, AConnectionThatIsLiveAndBringsNothingHasFailedToo) {
  told_.dialed(0, 1, true, at(1));
  told_.live(0);
  told_.beat(0);
  told_.dialed(0, 2, false, at(2));
  EXPECT_TRUE(told_.may_resume(0, 2));
}

TEST_F(ExcusesTest, ACommandMayCrossTheEndOfItsSession) {
  told_.invalidated(1, at(10));
  EXPECT_TRUE(told_.explained("not_authenticated", 1, at(10)));
  EXPECT_FALSE(told_.explained("not_authenticated", 1, at(12)));
  EXPECT_FALSE(told_.explained("not_authenticated", 2, at(10)));
  // Derived seed 89553581216966: it had been sent two seconds before, on a link that lagged.
  told_.disturbed(1, at(3), at(5));
  EXPECT_TRUE(told_.explained("not_authenticated", 1, at(12)));
  EXPECT_FALSE(told_.explained("not_authenticated", 1, at(14)));
}

// Derived seed 188701997161157: a RESUME came half a minute late, after the next connection's, and was
// refused.
TEST_F(ExcusesTest, AConnectionMayLoseItsSessionToOneThatWasLeft) {
  told_.dialed(0, 1, true, at(1));
  told_.dialed(0, 2, true, at(5));
  told_.dialed(1, 3, true, at(5));
  EXPECT_FALSE(told_.explained("not_authenticated", 2, at(20)));
  told_.invalidated(1, at(12));
  EXPECT_FALSE(told_.explained("not_authenticated", 2, at(11)));
  EXPECT_TRUE(told_.explained("not_authenticated", 2, at(40)));
  EXPECT_FALSE(told_.explained("not_authenticated", 3, at(40))) << "another shard's";
  told_.dialed(0, 4, true, at(50));
  EXPECT_FALSE(told_.explained("not_authenticated", 4, at(60))) << "it came after";
}

// Seed 1676: the link had begun to lag long before its HELLO was sent.
TEST_F(ExcusesTest, AHelloThatIsLateOnASlowLinkDelaysTheFirstBeat) {
  told_.disturbed(1, at(10), at(13));
  EXPECT_TRUE(told_.explained("heartbeat_missing", 1, at(30)));
  EXPECT_FALSE(told_.explained("heartbeat_missing", 2, at(30)));
  told_.sent(1, at(26));
  EXPECT_TRUE(told_.explained("heartbeat_missing", 1, at(32)));
  EXPECT_FALSE(told_.explained("heartbeat_missing", 1, at(34)));
}

// Seeds 663 and 1146: the IDENTIFY of a daemon that was gone came between those of the next one.
TEST_F(ExcusesTest, AnIdentifyMayComeLateItselfOrBehindAnOlderOneThatDid) {
  told_.disturbed(2, at(7), at(30));
  told_.identified(0, 1, at(1));
  told_.identified(2, 2, at(7));
  told_.identified(4, 3, at(13));
  told_.identified(6, 4, at(29));
  told_.identified(8, 5, at(70));
  EXPECT_TRUE(told_.explained("identify_too_fast", 2, at(31)));
  EXPECT_TRUE(told_.explained("identify_too_fast", 4, at(32)));
  EXPECT_FALSE(told_.explained("identify_too_fast", 5, at(70)));
}

// Derived seed 241533047167652: a slow connection's commands arrived after its daemon had been killed and the
// next one's RESUME refused.
TEST_F(ExcusesTest, ACommandMayArriveOnAConnectionThatWasLeft) {
  told_.dialed(0, 1, true, at(1));
  told_.dialed(0, 2, true, at(10));
  told_.daemon_died(at(20));
  EXPECT_TRUE(told_.explained("not_authenticated", 1, at(11)));
  EXPECT_FALSE(told_.explained("not_authenticated", 1, at(12)));
  EXPECT_FALSE(told_.explained("not_authenticated", 2, at(19)));
  EXPECT_TRUE(told_.explained("not_authenticated", 2, at(21)));
  EXPECT_FALSE(told_.explained("not_authenticated", 2, at(24)));
  told_.disturbed(2, at(14), at(17));
  EXPECT_TRUE(told_.explained("not_authenticated", 2, at(24)));
  EXPECT_FALSE(told_.explained("not_authenticated", 2, at(25)));
}

TEST_F(ExcusesTest, NothingElseIsExcused) {
  told_.disturbed(1, at(0), at(100));
  told_.asleep(at(0), at(100));
  EXPECT_FALSE(told_.explained("heartbeat_seq_ahead", 1, at(50)));
  EXPECT_FALSE(told_.explained("foreign_shard", 1, at(50)));
}

}  // namespace
}  // namespace evergate::simulation
