#include "control/guild_cut.h"

#include <gtest/gtest.h>

#include "twin_sessions.h"

namespace evergate::control::guild_cut_cases {
namespace {

using namespace std::chrono_literals;
using role = guild_cut::role;
using twin::t0;

constexpr cut_options options{.skew_max = 1'000ms, .handover_max = 3'000ms, .overlap_max = 60'000ms};

/// Tells a guild_cut events by a letter each: capitals happen once, small letters may repeat.
class GuildCut : public ::testing::Test {
 protected:
  GuildCut() { open(); }

  void open() {
    cut.open(now);
    now += 1'000ms;
  }
  void serving(std::string_view letters) { tell(role::serving, letters); }
  void joining(std::string_view letters) { tell(role::joining, letters); }
  void tell(role from, std::string_view letters) {
    for (const char c : letters) {
      now += 1ms;
      const twin::fact f{now, c < 'a', static_cast<std::uint64_t>(c)};
      const twin::told_event e(f, static_cast<std::size_t>(c), ++seq[from == role::serving ? 0 : 1]);
      guild_cut::released out;
      if (cut.arrived(from, e.event(), now, out) == verdict::deliver) shown += c;
      show(out);
    }
  }
  void prove(role side) {
    guild_cut::released out;
    cut.proved(side, now, now, out);
    show(out);
  }
  void show(const guild_cut::released& out) {
    for (const auto& e : out) shown += static_cast<char>(twin::number_of(e));
  }
  void lose(role side) {
    guild_cut::released out;
    cut.lost(side, now, out);
    show(out);
  }
  void tick() {
    guild_cut::released out;
    cut.tick(now, out);
    show(out);
  }

  base::instant now = t0;
  guild_cut cut{options, t0};
  std::uint32_t seq[2] = {0, 0};
  std::string shown;
};

TEST_F(GuildCut, TheServingSideIsShownTheJoiningOneHeld) {
  serving("ab");
  joining("ab");
  EXPECT_EQ(shown, "ab");
  EXPECT_FALSE(cut.moved());
  EXPECT_EQ(cut.held_from(role::joining), 1U);
  EXPECT_EQ(cut.held_from(role::serving), 0U);
}

TEST_F(GuildCut, CutWhereTheJoiningSideIsAhead) {
  joining("abXcd");
  serving("ab");
  EXPECT_FALSE(cut.moved());
  serving("X");
  EXPECT_EQ(cut.kind(), cut_kind::unique_event);
  EXPECT_EQ(shown, "abXcd");
  serving("cd");
  joining("e");
  serving("e");
  EXPECT_EQ(shown, "abXcde");
  EXPECT_EQ(cut.held_bytes(), 0U);
}

TEST_F(GuildCut, CutWhereTheJoiningSideIsBehind) {
  serving("abXcd");
  joining("abX");
  EXPECT_EQ(cut.now_in(), guild_cut::stage::handover);
  serving("e");
  EXPECT_EQ(shown, "abXcd");  // e waits: the joining side will bring it
  EXPECT_EQ(cut.held_from(role::serving), 6U);
  joining("cde");
  EXPECT_TRUE(cut.moved());
  EXPECT_EQ(shown, "abXcde");
}

TEST_F(GuildCut, RepeatsKeepTheirNumber) {
  serving("aaXaaa");
  joining("aaXa");
  serving("a");
  joining("aaaa");
  EXPECT_TRUE(cut.moved());
  EXPECT_EQ(shown, "aaXaaaaa");
}

TEST_F(GuildCut, RepeatsAloneAreNeverACut) {
  for (int i = 0; i < 200; ++i) {
    serving("ab");
    joining("ba");
    prove(role::serving);
    prove(role::joining);
  }
  EXPECT_FALSE(cut.moved());
}

TEST_F(GuildCut, AnIdSeenTwiceIsNoCut) {
  serving("XaX");
  joining("Xa");
  EXPECT_FALSE(cut.moved());
  joining("X");
  EXPECT_FALSE(cut.moved());
}

TEST_F(GuildCut, NoCutBeforeItIsOpen) {
  cut = guild_cut(options, now);
  now += 5'000ms;
  serving("X");
  joining("X");
  EXPECT_FALSE(cut.moved());
  cut.open(now);
  serving("Y");
  joining("Y");
  EXPECT_TRUE(cut.moved());
}

TEST_F(GuildCut, NoCutWhileAFirstOneMayHaveBeenOverlooked) {
  cut = guild_cut(options, now);
  cut.open(now);
  serving("X");
  joining("X");
  EXPECT_FALSE(cut.moved());
}

TEST_F(GuildCut, SilenceIsProvedByBothSides) {
  joining("ab");
  serving("ab");
  now += 999ms;
  prove(role::joining);  // 999 ms after the serving side's last event: a copy of it may still come
  now += 10'000ms;
  prove(role::serving);
  EXPECT_FALSE(cut.moved());
  prove(role::joining);
  EXPECT_EQ(cut.kind(), cut_kind::silence);
  serving("c");
  joining("c");
  EXPECT_EQ(shown, "abc");
}

TEST_F(GuildCut, AZombieIsNotSilent) {
  // The serving session is dead without knowing it: time passes, nothing proves that it has brought all.
  joining("abc");
  now += 60'000ms - 2'000ms;
  prove(role::joining);
  EXPECT_FALSE(cut.moved());
  serving("abc");
  EXPECT_EQ(shown, "abc");
}

TEST_F(GuildCut, ASessionThatHasYetToShowTheGuildIsNotSilent) {
  joining("a");
  serving("a");
  lose(role::joining);
  cut.awaited(role::joining, now);
  serving("b");  // Discord does not give the joining session this one
  now += 2'000ms;
  prove(role::joining);
  prove(role::serving);
  EXPECT_FALSE(cut.moved());
  cut.renewed(role::joining, now);
  serving("c");
  joining("c");
  now += 2'000ms;
  prove(role::joining);
  prove(role::serving);
  EXPECT_EQ(cut.kind(), cut_kind::silence);
  EXPECT_EQ(shown, "abc");
}

TEST_F(GuildCut, NorIsOneThatServes) {
  lose(role::serving);
  cut.awaited(role::serving, now);
  joining("a");
  now += 2'000ms;
  prove(role::joining);
  prove(role::serving);
  EXPECT_FALSE(cut.moved());
  EXPECT_EQ(shown, "");
}

TEST_F(GuildCut, AGuildThatIsNeverShownMovesWithAGapInTheEnd) {
  serving("a");
  lose(role::joining);
  now += 50'000ms;
  cut.awaited(role::joining, now);
  now += 59'999ms;
  tick();
  EXPECT_FALSE(cut.moved());
  prove(role::joining);
  now += 1ms;
  tick();
  EXPECT_EQ(cut.kind(), cut_kind::gap);
}

TEST_F(GuildCut, WhatNeitherSessionShowsMovesAtOnce) {
  cut.awaited(role::joining, now);
  cut.awaited(role::serving, now);
  guild_cut::released out;
  cut.idle(now, out);
  EXPECT_EQ(cut.kind(), cut_kind::silence);
  serving("a");
  joining("bc");
  now += 5'000ms;
  prove(role::joining);
  EXPECT_EQ(shown, "bc");
  EXPECT_EQ(cut.counts().lost, 0U) << "each shows it in its own time";
}

TEST_F(GuildCut, SidesThatDisagreeAboutTheOrderAreNotCutThere) {
  serving("XY");
  joining("Y");                                            // X would come after its place
  EXPECT_TRUE(cut.now_in() != guild_cut::stage::overlap);  // Y alone shows nothing wrong
  cut = guild_cut(options, now);
  cut.open(now);
  now += 1'000ms;
  prove(role::joining);
  shown.clear();
  joining("YX");
  serving("X");  // cutting here would bring Y before... and X's own place crosses Y
  serving("Y");
  EXPECT_EQ(std::ranges::count(shown, 'X'), 1);
  EXPECT_EQ(std::ranges::count(shown, 'Y'), 1);
}

TEST_F(GuildCut, WhatOnlyTheJoiningSideBringsIsNotLost) {
  // The serving session has stopped receiving some events, as Discord's do now and then.
  now += 1'000ms;
  prove(role::joining);
  joining("IaX");
  serving("aX");
  EXPECT_TRUE(cut.moved());
  EXPECT_EQ(shown, "aXI");
  EXPECT_EQ(cut.counts().one_sided, 1U);
}

TEST_F(GuildCut, WhatTheJoiningSideNeverBringsDoesNotBlock) {
  serving("aXb");
  joining("aX");
  serving("c");
  EXPECT_EQ(shown, "aXb");
  joining("c");  // b is missing
  EXPECT_FALSE(cut.moved());
  now += 1'001ms;
  prove(role::joining);
  EXPECT_TRUE(cut.moved());
  EXPECT_EQ(shown, "aXbc");
}

TEST_F(GuildCut, TheJoiningSessionDiesInTheMiddleOfTheHandOver) {
  serving("aXb");
  joining("aX");
  serving("cd");
  EXPECT_EQ(shown, "aXb");
  lose(role::joining);
  EXPECT_EQ(shown, "aXbcd");
  EXPECT_FALSE(cut.moved());
  serving("e");
  EXPECT_EQ(shown, "aXbcde");
  cut.renewed(role::joining, now);
  now += 1'000ms;
  serving("Y");
  joining("eY");
  EXPECT_TRUE(cut.moved());
  serving("f");
  joining("f");
  EXPECT_EQ(shown, "aXbcdeYf");
}

TEST_F(GuildCut, AHandOverThatTakesTooLongIsUndone) {
  serving("aXb");
  joining("aX");
  serving("c");
  now += 3'000ms;
  tick();
  EXPECT_FALSE(cut.moved());
  serving("d");
  EXPECT_EQ(shown, "aXbcd");
  joining("bcd");
  serving("Y");
  joining("Y");
  EXPECT_TRUE(cut.moved());
  EXPECT_EQ(shown, "aXbcdY");
}

TEST_F(GuildCut, TheServingSessionDiesAndTheJoiningOneFillsItsHole) {
  joining("abXcd");
  cut = guild_cut(options, t0);
  cut.open(t0);
  serving("abX");  // before the joining side had X
  joining("ab");
  lose(role::serving);
  joining("X");
  joining("cd");
  EXPECT_TRUE(cut.moved());
  EXPECT_EQ(shown, "abXcd");
}

TEST_F(GuildCut, TheServingSessionDiesWhileTheJoiningOneIsAhead) {
  cut = guild_cut(options, now);  // not open: the pair is seen, but not yet a cut
  joining("aXbc");
  serving("aX");
  cut.open(now);
  now += 1'000ms;
  EXPECT_FALSE(cut.moved());
  lose(role::serving);
  EXPECT_TRUE(cut.moved());
  EXPECT_EQ(shown, "aXbc");
}

TEST_F(GuildCut, AHoleOnTheServingSideIsNotBridged) {
  serving("aX");
  lose(role::serving);
  cut.renewed(role::serving, now);
  now += 1'000ms;
  serving("b");
  joining("X");
  EXPECT_FALSE(cut.moved());
}

TEST_F(GuildCut, AWindowThatOverflowsWaitsForAnotherCut) {
  cut_options small = options;
  small.held_items_max = 3;
  cut = guild_cut(small, t0);
  cut.open(t0);
  joining("Xabcd");  // X has been let go
  serving("X");
  EXPECT_FALSE(cut.moved());
  serving("abcdY");
  joining("Ye");
  EXPECT_TRUE(cut.moved());
  serving("e");
  EXPECT_EQ(shown, "XabcdYe");
}

TEST_F(GuildCut, TheWindowIsBoundedInBytes) {
  cut_options small = options;
  small.held_bytes_max = 1'000;
  cut = guild_cut(small, t0);
  for (int i = 0; i < 100; ++i) joining("a");
  EXPECT_LE(cut.held_bytes(), 1'000U);
}

TEST_F(GuildCut, WhatIsProvedIsNotKept) {
  joining("ab");
  serving("ab");
  now += 900ms;
  serving("c");  // not silent
  now += 200ms;
  prove(role::serving);
  EXPECT_EQ(cut.held_bytes(), 0U);
}

TEST_F(GuildCut, OverlapEndsWithAGap) {
  for (int i = 0; i < 20; ++i) {
    serving("a");
    joining("a");
  }
  now += 60'000ms;
  serving("a");
  tick();
  EXPECT_FALSE(cut.moved());
  joining("a");
  EXPECT_EQ(cut.kind(), cut_kind::gap);
  EXPECT_EQ(shown, std::string(21, 'a'));
}

TEST_F(GuildCut, GivingUpLeavesTheServingSide) {
  joining("ab");
  serving("aXb");
  joining("X");
  serving("c");
  guild_cut::released out;
  cut.give_up(out);
  show(out);
  serving("d");
  EXPECT_EQ(shown, "aXbcd");
  EXPECT_EQ(cut.held_bytes(), 0U);
}

TEST_F(GuildCut, TheWayBackIsTheSameWay) {
  serving("X");
  joining("X");
  ASSERT_TRUE(cut.moved());
  cut.turn_back(now);
  now += 1'000ms;
  // What was the joining side serves now.
  serving("aYb");
  joining("aY");
  joining("bc");
  EXPECT_TRUE(cut.moved());
  EXPECT_EQ(shown, "XaYbc");
}

TEST_F(GuildCut, ANewSessionThatDiesAfterTheCutIsReplacedByTheOldOneThatIsAhead) {
  serving("A");
  joining("A");
  ASSERT_TRUE(cut.moved());
  joining("b");
  serving("bcD");
  lose(role::joining);  // which has not brought c and D
  EXPECT_EQ(cut.now_in(), guild_cut::stage::overlap);
  EXPECT_TRUE(cut.repeats().empty());
  serving("e");
  EXPECT_EQ(shown, "AbcDe");
  cut.renewed(role::joining, now);
  now += 1'000ms;
  serving("F");
  joining("F");
  EXPECT_EQ(cut.kind(), cut_kind::unique_event);
  serving("g");
  joining("g");
  EXPECT_EQ(shown, "AbcDeFg");
  EXPECT_EQ(cut.counts().lost, 0U);
}

TEST_F(GuildCut, OrByTheOldOneThatIsBehind) {
  serving("A");
  joining("Abb");
  serving("b");
  joining("C");
  lose(role::joining);
  EXPECT_EQ(cut.repeats().size(), 2U);
  serving("bCbd");  // the second b and C have been delivered, the third b has not
  EXPECT_EQ(shown, "AbbCbd");
  EXPECT_TRUE(cut.repeats().empty());
}

TEST_F(GuildCut, WhatTheOldOneNeverBringsIsNotWaitedFor) {
  serving("A");
  joining("Ab");
  lose(role::joining);
  now += 1'000ms;
  prove(role::serving);
  EXPECT_TRUE(cut.repeats().empty());
  serving("b");
  EXPECT_EQ(shown, "Abb");
}

TEST_F(GuildCut, NothingComesBackToASessionThatWasNotFollowed) {
  for (const int why : {0, 1, 2}) {
    cut = guild_cut(options, now);
    open();
    serving("A");
    joining("A");
    ASSERT_TRUE(cut.moved());
    if (why == 0) cut.left_closes();
    if (why == 1) cut.let_go(now);
    if (why == 2) lose(role::serving), cut.renewed(role::serving, now);
    lose(role::joining);
    EXPECT_TRUE(cut.moved()) << why;
  }
}

TEST_F(GuildCut, NorToOneThatWasLostWhileTheJoiningSideWasBehind) {
  serving("AB");
  joining("A");
  ASSERT_EQ(cut.now_in(), guild_cut::stage::handover);
  lose(role::serving);
  cut.renewed(role::serving, now);
  joining("B");
  ASSERT_TRUE(cut.moved());
  lose(role::joining);
  EXPECT_TRUE(cut.moved());
}

TEST_F(GuildCut, NorWhenTheCutWasAGap) {
  now += 60'000ms;
  tick();
  ASSERT_EQ(cut.kind(), cut_kind::gap);
  lose(role::joining);
  EXPECT_TRUE(cut.moved());
}

TEST_F(GuildCut, TheAuditSeesALoss) {
  serving("X");
  joining("X");
  serving("ab");
  joining("b");
  EXPECT_EQ(cut.counts().lost, 0U);
  now += 1'001ms;
  prove(role::joining);
  EXPECT_EQ(cut.counts().lost, 1U);
  EXPECT_FALSE(cut.audited());
  prove(role::serving);
  EXPECT_TRUE(cut.audited());
}

// Sessions that disagree about the order of what has no id: nothing tells it from a repeat, until the left
// side is proved to have no more of it.
TEST_F(GuildCut, TheAuditSeesADouble) {
  serving("aX");
  joining("Xab");
  EXPECT_EQ(shown, "aXab");
  serving("b");
  now += 1'000ms;
  prove(role::serving);
  EXPECT_EQ(cut.counts().doubled, 1U);
  EXPECT_EQ(cut.counts().lost + cut.counts().one_sided, 0U);
}

TEST_F(GuildCut, AnIdThatWasShownIsNotShownAgain) {
  serving("WX");
  joining("X");
  ASSERT_TRUE(cut.moved());
  joining("W");
  EXPECT_EQ(shown, "WX");
  EXPECT_EQ(cut.counts().doubles_averted, 1U);
}

// Found by the simulation: after a way back began, a session that had been away brought by RESUME what the
// other had delivered before it; it was taken for an event that only the one session has.
TEST_F(GuildCut, AnEventThatWasUnderWayLongIsNoNews) {
  // Delivered before the observation began: "A". The joining session was away meanwhile.
  now += 5'000ms;
  serving("B");
  joining("AB");
  EXPECT_EQ(shown, "B");
  EXPECT_TRUE(cut.moved());
}

TEST_F(GuildCut, AnEventThatOnlyTheProvenNewSideBringsIsDelivered) {
  now += 2'000ms;
  prove(role::joining);
  serving("B");
  joining("AB");
  EXPECT_EQ(shown, "BA");
}

// Copies of what was delivered and is forgotten must pass neither for news nor for later, equal events.
TEST_F(GuildCut, WhatWasLetGoOfIsNotShownAgain) {
  serving("aX");
  cut.let_go(now);
  EXPECT_EQ(cut.kept_bytes(), 0U);
  joining("aX");
  serving("X");  // Discord repeats one now and then
  EXPECT_FALSE(cut.moved());
  now += 1'001ms;
  prove(role::joining);
  serving("Y");
  joining("YZ");
  EXPECT_TRUE(cut.moved());
  EXPECT_EQ(shown, "aXXYZ");
}

TEST_F(GuildCut, AfterLettingGoTheEndOfTheOverlapShowsNothingAgain) {
  serving("ab");
  cut.let_go(now);
  joining("ab");
  now += 60'000ms;
  tick();
  EXPECT_EQ(cut.kind(), cut_kind::gap);
  EXPECT_EQ(shown, "ab");
}

// Found by the simulation: the old session was further behind than was remembered of the new one.
TEST(GuildCutBounds, WhatIsNoLongerRememberedIsNotCalledLost) {
  cut_options small = options;
  small.seen_items_max = 2;
  guild_cut cut(small, t0);
  base::instant now = t0;
  cut.open(now);
  now += 1'001ms;
  guild_cut::released out;
  std::uint32_t seq = 0;
  const auto tell = [&](role from, char c) {
    const twin::fact f{now, c < 'a', static_cast<std::uint64_t>(c)};
    const twin::told_event e(f, static_cast<std::size_t>(c), ++seq);
    (void)cut.arrived(from, e.event(), now, out);
  };
  tell(role::serving, 'U');
  tell(role::joining, 'U');
  ASSERT_TRUE(cut.moved());
  for (const char c : std::string_view("abcd")) tell(role::joining, c);
  for (const char c : std::string_view("abcd")) tell(role::serving, c);
  now += 1'001ms;
  cut.proved(role::joining, now, now, out);
  EXPECT_EQ(cut.counts().lost, 0U);
}

}  // namespace
}  // namespace evergate::control::guild_cut_cases
