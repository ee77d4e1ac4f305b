// Streams, lags, pauses and lost sessions at random: whatever happens, each event is delivered once and in
// order. EVERGATE_CUT_SEEDS says how many seeds (default 300); a failure prints its seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "twin_sessions.h"

namespace evergate::control::cut_property_cases {
namespace {

using namespace std::chrono_literals;
using role = guild_cut::role;
using twin::t0;

constexpr base::milliseconds skew_max = 2'500ms;

/// What a seed draws.
struct story {
  double unique_share = 0;
  std::uint64_t alphabet = 1;    ///< how many different repeats there are
  std::uint64_t gap_ms_max = 1;  ///< between two events
  bool periodic = false;         ///< the gap is always the same
  twin::lag_options lag[2];
  base::milliseconds pause_max{0};  ///< our process, or one side's connection, stands still for up to this
  double joining_lost = 0;          ///< chance a second
  std::size_t events = 600;
  base::milliseconds beat{1'000};
};

story draw(base::rng& chance) {
  story s;
  const auto shape = chance.below(4);
  s.unique_share = shape == 0 ? 0.0 : shape == 1 ? 0.02 : shape == 2 ? 0.3 : 0.9;
  s.alphabet = 1 + chance.below(4);
  s.gap_ms_max = std::uint64_t{1} << (2 + chance.below(12));
  s.periodic = chance.chance(0.3);
  for (auto& lag : s.lag) {
    lag.base = base::milliseconds(chance.below(1'000));
    lag.jitter = base::milliseconds(chance.below(1'000));
  }
  if (chance.chance(0.4)) s.pause_max = base::milliseconds(chance.below(20'000));
  if (chance.chance(0.2)) s.joining_lost = 0.02;
  s.beat = base::milliseconds(300 + chance.below(5'000));
  return s;
}

class run {
 public:
  explicit run(std::uint64_t seed) : chance_(seed), story_(draw(chance_)), cut_(options(), t0) {
    sides_[0] = std::make_unique<twin::session>(story_.lag[0], chance_());
    sides_[1] = std::make_unique<twin::session>(story_.lag[1], chance_());
    invent();
  }

  void play() {
    opened_ = t0 + base::milliseconds(chance_.below(4'000));
    for (auto now = t0; now < end_; now = next_moment(now)) {
      if (now >= opened_) cut_.open(now);
      dispatch(now);
      beat(now);
      if (now >= next_second_) {
        next_second_ += 1s;
        stand_still(now);
        maybe_lose(now);
        guild_cut::released out;
        cut_.tick(now, out);
        show(out);
      }
      // Which of the sides is read first is chance.
      const auto first = chance_.below(2);
      for (const auto side : {first, 1 - first}) read(side, now);
    }
  }

  void judge() const {
    if (cut_.kind() == cut_kind::gap) {
      EXPECT_FALSE(decidable_) << "a GAP where a unique event or a silence was in the window of both";
      return;
    }
    std::vector<std::size_t> all(facts_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    EXPECT_EQ(shown_, all);
    EXPECT_EQ(cut_.counts().lost, 0U);
    EXPECT_EQ(cut_.counts().doubled, 0U);
    EXPECT_EQ(cut_.counts().doubles_averted, 0U);
    EXPECT_EQ(cut_.counts().reordered, 0U);
    EXPECT_LE(cut_.held_bytes(), options().held_bytes_max);
  }

  [[nodiscard]] cut_kind kind() const { return cut_.kind(); }
  [[nodiscard]] const std::vector<std::size_t>& shown() const { return shown_; }
  [[nodiscard]] std::size_t facts() const { return facts_.size(); }

 private:
  static const cut_options& options() {
    static const cut_options o{.skew_max = skew_max, .handover_max = 8'000ms, .overlap_max = 120'000ms};
    return o;
  }

  void invent() {
    auto at = t0 + 1ms;
    for (std::size_t i = 0; i < story_.events && at < t0 + 240s; ++i) {
      const bool unique = chance_.chance(story_.unique_share);
      facts_.push_back({at, unique, unique ? 1'000 + i : chance_.below(story_.alphabet)});
      at += base::milliseconds(story_.periodic ? story_.gap_ms_max : chance_.below(story_.gap_ms_max));
    }
    end_ = at + 60s;
  }

  [[nodiscard]] base::instant next_moment(base::instant now) const {
    auto next = std::min(next_second_, next_beat_);
    if (next_ < facts_.size()) next = std::min(next, facts_[next_].at);
    for (std::size_t side = 0; side < 2; ++side) {
      if (const auto due = sides_[side]->next()) next = std::min(next, std::max(*due, still_[side]));
    }
    return std::max(next, now + 1ms);
  }

  void dispatch(base::instant now) {
    for (; next_ < facts_.size() && facts_[next_].at <= now; ++next_) {
      sides_[0]->dispatched(next_, now);
      if (!joining_gone_) sides_[1]->dispatched(next_, now);
    }
  }

  void beat(base::instant now) {
    if (now < next_beat_) return;
    next_beat_ = now + story_.beat;
    sides_[0]->beat(now);
    if (!joining_gone_) sides_[1]->beat(now);
  }

  void stand_still(base::instant now) {
    if (story_.pause_max == 0ms || !chance_.chance(0.05)) return;
    const auto until =
        now + base::milliseconds(chance_.below(static_cast<std::uint64_t>(story_.pause_max.count())));
    const auto who = chance_.below(3);  // 2 = both: our process was stopped
    if (who != 1) still_[0] = until;
    if (who != 0) still_[1] = until;
  }

  void maybe_lose(base::instant now) {
    if (joining_gone_ && now >= back_at_) {
      joining_gone_ = false;
      cut_.renewed(role::joining, now);
    }
    // A guild that has moved comes back to the serving side, save when that was not proven.
    if (joining_gone_ || cut_.kind() == cut_kind::gap || !chance_.chance(story_.joining_lost)) return;
    joining_gone_ = true;
    back_at_ = now + base::milliseconds(chance_.below(10'000));
    sides_[1]->clear();
    guild_cut::released out;
    cut_.lost(role::joining, now, out);
    show(out);
  }

  void read(std::size_t side, base::instant now) {
    if (now < still_[side]) return;
    const auto from = side == 0 ? role::serving : role::joining;
    while (sides_[side]->due(now)) {
      const auto a = sides_[side]->take();
      guild_cut::released out;
      if (!a.fact) {
        cut_.proved(from, a.sent, now, out);
      } else {
        note_unique(side, *a.fact, now);
        const auto& f = facts_[*a.fact];
        const twin::told_event e(f, *a.fact, ++seq_[side]);
        if (cut_.arrived(from, e.event(), now, out) == verdict::deliver) shown_.push_back(*a.fact);
      }
      show(out);
    }
  }

  /// Undisturbed, a unique event that both have brought since cuts are allowed decides, and so does a
  /// silence that leaves room for the lag of both and for a heartbeat of each.
  void note_unique(std::size_t side, std::size_t fact, base::instant now) {
    if (cut_.now_in() != guild_cut::stage::overlap) return;
    if (story_.joining_lost > 0 || story_.pause_max > 0ms || now < t0 + 10s) return;
    if (facts_[fact].unique) {
      seen_[side].insert(fact);
      if (seen_[1 - side].contains(fact)) decidable_ = true;
    }
    if (fact > 0 && facts_[fact].at - facts_[fact - 1].at > 2 * skew_max + story_.beat + 50ms &&
        facts_[fact - 1].at > opened_) {
      decidable_ = true;
    }
  }

  void show(const guild_cut::released& out) {
    for (const auto& e : out) shown_.push_back(twin::number_of(e));
  }

  base::rng chance_;
  story story_;
  guild_cut cut_;
  std::vector<twin::fact> facts_;
  std::unique_ptr<twin::session> sides_[2];
  std::size_t next_ = 0;
  base::instant opened_{};
  base::instant next_beat_ = t0;
  base::instant next_second_ = t0;
  base::instant still_[2]{};
  bool joining_gone_ = false;
  base::instant back_at_{};
  base::instant end_{};
  std::uint32_t seq_[2] = {0, 0};
  std::vector<std::size_t> shown_;
  std::set<std::size_t> seen_[2];
  bool decidable_ = false;
};

std::uint64_t seeds() {
  const char* text = std::getenv("EVERGATE_CUT_SEEDS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 300;
}

TEST(CutProperty, EachEventOnceAndInOrder) {
  std::map<cut_kind, std::uint64_t> kinds;
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    run r(seed);
    r.play();
    r.judge();
    ++kinds[r.kind()];
    if (HasFailure()) return;
  }
  // The seeds must reach every way of cutting, or they prove nothing about it.
  EXPECT_GT(kinds[cut_kind::unique_event], seeds() / 4);
  EXPECT_GT(kinds[cut_kind::silence], seeds() / 20);
  RecordProperty("unique", static_cast<int>(kinds[cut_kind::unique_event]));
  RecordProperty("silence", static_cast<int>(kinds[cut_kind::silence]));
  RecordProperty("gap", static_cast<int>(kinds[cut_kind::gap]));
  RecordProperty("none", static_cast<int>(kinds[cut_kind::none]));
}

}  // namespace
}  // namespace evergate::control::cut_property_cases
