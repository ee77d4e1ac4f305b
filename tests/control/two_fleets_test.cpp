// Two whole fleets at 2,000 events a second of a mixed stream, with lag and skew at random, through one
// cutover: every event once, in its guild's order. EVERGATE_FLEET_SECONDS and EVERGATE_FLEET_SEEDS make the
// short form longer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>

#include "base/rng.h"
#include "control/cutover.h"
#include "flow/intake.h"

namespace evergate::control::two_fleets_cases {
namespace {

using namespace std::chrono_literals;
using proto::event_type;
using enum fleet_side;

constexpr base::instant t0{1000s};
constexpr std::uint64_t events_per_second = 2'000;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

constexpr proto::snowflake guild_of(std::uint64_t number) {
  return number == 0 ? 0 : (number << 22) + 1;
}

struct fact {
  base::instant at;
  std::uint64_t guild = 0;  ///< its number; 0 = none
  event_type type = event_type::message_create;
  std::string d;
};

/// A shard's session: what Discord carries to it, and the answers to its heartbeats.
struct session {
  base::milliseconds lag{0};
  std::map<std::uint64_t, base::instant> newest;  ///< by guild: its events stay in order
  std::multimap<base::instant, std::size_t> coming;
  std::deque<std::pair<base::instant, base::instant>> answers;  ///< due, sent
  std::int64_t seq = 1;
  bool live = false;
};

class two_fleets {
 public:
  two_fleets(std::uint32_t from, std::uint32_t to, std::uint64_t seed)
      : chance_(seed),
        counts_{from, to},
        cut_(options(), fleet_shape{from}, fleet_shape{to, from == to}, t0) {
    for (std::size_t side = 0; side < 2; ++side) {
      sessions_[side].resize(counts_[side]);
      for (auto& s : sessions_[side]) s.lag = base::milliseconds(chance_.below(1'000));
    }
    for (auto& s : sessions_[0]) s.live = true;
  }

  void run(base::seconds length) {
    const auto end = t0 + length;
    for (auto now = t0; now < end + 60s; now += 1ms) {
      if (now < end) invent(now);
      identify(now);
      if ((now - t0) % 2s == 0ns) beat(now);
      if ((now - t0) % 1s == 0ns) {
        cutover::output out;
        cut_.tick(now, out);
        take(out, now);
      }
      for (std::size_t side = 0; side < 2; ++side) {
        for (std::uint32_t shard = 0; shard < counts_[side]; ++shard) read(side, shard, now);
      }
      if (cut_.complete() && now > end + 15s) break;
    }
  }

  void judge() {
    ASSERT_TRUE(cut_.complete()) << cut_.unsettled() << " guilds have not moved";
    std::map<std::uint64_t, std::vector<std::size_t>> wanted;
    for (std::size_t i = 0; i < facts_.size(); ++i) wanted[facts_[i].guild].push_back(i);
    for (auto& [guild, events] : wanted) EXPECT_EQ(shown_[guild], events) << "guild " << guild;
    const auto summary = cut_.summary(t0 + 1s);
    EXPECT_EQ(summary.events.lost, 0U) << summary.to_json();
    EXPECT_EQ(summary.events.doubled, 0U);
    EXPECT_EQ(summary.events.doubles_averted, 0U);
    EXPECT_EQ(summary.guilds_with_gap, 0U);
    EXPECT_EQ(cut_.held_bytes(), 0U);
    for (std::size_t side = 0; side < 2; ++side) {
      for (std::uint32_t shard = 0; shard < counts_[side]; ++shard) {
        const auto which = side == 0 ? old_fleet : new_fleet;
        EXPECT_EQ(cut_.settled_seq(which, shard), sessions_[side][shard].seq) << side << ' ' << shard;
      }
      for (std::uint32_t shard = 0; side == 0 && shard < counts_[0]; ++shard) {
        EXPECT_TRUE(cut_.may_close(old_fleet, shard)) << shard;
      }
    }
  }

  [[nodiscard]] receipt summary() const { return cut_.summary(t0 + 1s); }
  [[nodiscard]] std::size_t facts() const { return facts_.size(); }
  [[nodiscard]] std::size_t held_most() const { return held_most_; }

 private:
  static cutover_options options() {
    cutover_options o;
    o.cut = {.skew_max = 2'500ms, .handover_max = 8'000ms, .overlap_max = 600'000ms};
    return o;
  }

  /// The mix of a busy bot: few guilds have most of the traffic, most of it can repeat.
  void invent(base::instant now) {
    for (std::uint64_t i = 0; i < events_per_second / 1'000; ++i) {
      const double u = chance_.unit();
      const auto guild = static_cast<std::uint64_t>(u * u * u * 200);
      fact f{now, guild, event_type::message_create, {}};
      const auto kind = chance_.below(100);
      if (kind < 40) {
        f.d = fmt::format(R"({{"id":"{}"}})", 1'000'000 + facts_.size());
      } else if (kind < 65) {
        f.type = event_type::typing_start;
        f.d = fmt::format(R"({{"user_id":"{}"}})", chance_.below(3));
      } else if (kind < 85) {
        f.type = event_type::presence_update;
        f.d = fmt::format(R"({{"user":{{"id":"{}"}},"status":"{}"}})", chance_.below(4),
                          chance_.below(2) == 0 ? "idle" : "online");
      } else {
        // Bans and their undoing share their d.
        f.type = chance_.below(2) == 0 ? event_type::guild_ban_add : event_type::guild_ban_remove;
        f.d = R"({"user":{"id":"5"}})";
      }
      facts_.push_back(std::move(f));
      for (std::size_t side = 0; side < 2; ++side) carry(side, facts_.size() - 1, now);
    }
  }

  void carry(std::size_t side, std::size_t which, base::instant now) {
    auto& to = sessions_[side][shard_of(side, facts_[which].guild)];
    if (!to.live) return;
    auto& due = to.newest[facts_[which].guild];
    due = std::max(due, now + to.lag + base::milliseconds(chance_.below(1'000)));
    to.coming.emplace(due, which);
  }

  /// One new session after another.
  void identify(base::instant now) {
    if (identified_ == counts_[1] || now < t0 + identified_ * 50ms) {
      if (identified_ == counts_[1] && !cut_.is_open() && cut_.ready()) {
        cutover::output out;
        cut_.open(now, out);
        take(out, now);
      }
      return;
    }
    auto& s = sessions_[1][identified_];
    s.live = true;
    std::string d = R"({"guilds":[)";
    for (std::uint64_t guild = 1; guild < 201; ++guild) {
      if (shard_of(1, guild) != identified_) continue;
      d += fmt::format(R"({}{{"id":"{}"}})", d.ends_with('[') ? "" : ",", guild_of(guild));
    }
    hand(1, identified_, event_type::session_started, 0, d + "]}", now);
    for (std::uint64_t guild = 1; guild < 201; ++guild) {
      if (shard_of(1, guild) == identified_) {
        hand(1, identified_, event_type::guild_create, guild_of(guild), "{}", now);
      }
    }
    ++identified_;
  }

  void beat(base::instant now) {
    for (auto& side : sessions_) {
      for (auto& s : side) {
        if (s.live) s.answers.emplace_back(now + base::milliseconds(chance_.below(40)), now);
      }
    }
  }

  void read(std::size_t side, std::uint32_t shard, base::instant now) {
    auto& s = sessions_[side][shard];
    while (!s.coming.empty() && s.coming.begin()->first <= now) {
      const auto which = s.coming.begin()->second;
      s.coming.erase(s.coming.begin());
      const auto& f = facts_[which];
      number_ = which;
      hand(side, shard, f.type, guild_of(f.guild), f.d, now);
    }
    while (!s.answers.empty() && s.answers.front().first <= now) {
      cutover::output out;
      cut_.proved(side == 0 ? old_fleet : new_fleet, shard, s.answers.front().second, now, out);
      s.answers.pop_front();
      take(out, now);
    }
  }

  void hand(std::size_t side, std::uint32_t shard, event_type type, proto::snowflake guild,
            std::string_view d, base::instant now) {
    flow::event_batch batch;
    auto& row = flow::append_row(batch, type, "NAME", d);
    row.guild = guild;
    row.shard = static_cast<std::uint16_t>(shard);
    row.shard_count = static_cast<std::uint16_t>(counts_[side]);
    row.seq = static_cast<std::uint32_t>(++sessions_[side][shard].seq);
    // Carried along to name the event in the end; nothing looks at it.
    row.target = static_cast<std::uint32_t>(number_);
    batch.progress.push_back({{shard, counts_[side]}, row.seq});
    cutover::output out;
    cut_.take(side == 0 ? old_fleet : new_fleet, batch, now, out);
    take(out, now);
  }

  void take(const cutover::output& out, base::instant) {
    for (const auto& row : out.batch.rows) {
      if (row.type != event_type::session_started) shown_[facts_[row.target].guild].push_back(row.target);
    }
    held_most_ = std::max(held_most_, cut_.held_bytes());
  }

  [[nodiscard]] std::uint32_t shard_of(std::size_t side, std::uint64_t guild) const {
    return static_cast<std::uint32_t>(guild % counts_[side]);
  }

  base::rng chance_;
  std::uint32_t counts_[2];
  cutover cut_;
  std::vector<session> sessions_[2];
  std::vector<fact> facts_;
  std::uint32_t identified_ = 0;
  std::size_t number_ = 0;
  std::map<std::uint64_t, std::vector<std::size_t>> shown_;
  std::size_t held_most_ = 0;
};

class TwoFleets : public testing::TestWithParam<std::pair<std::uint32_t, std::uint32_t>> {};

TEST_P(TwoFleets, NothingIsLostOrDoubled) {
  const auto [from, to] = GetParam();
  const auto length = base::seconds(from_environment("EVERGATE_FLEET_SECONDS", 3));
  const auto seeds = from_environment("EVERGATE_FLEET_SEEDS", 1);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    two_fleets world(from, to, seed);
    world.run(length);
    world.judge();
    if (HasFailure()) return;
    EXPECT_GT(world.summary().guilds_at_event, 0U);
    RecordProperty("events", static_cast<int>(world.facts()));
    RecordProperty("held_kib_most", static_cast<int>(world.held_most() / 1024));
    RecordProperty("receipt", world.summary().to_json());
  }
}

INSTANTIATE_TEST_SUITE_P(Counts, TwoFleets,
                         testing::Values(std::pair{2U, 3U}, std::pair{16U, 32U}, std::pair{32U, 16U},
                                         std::pair{7U, 40U}, std::pair{8U, 8U}));

}  // namespace
}  // namespace evergate::control::two_fleets_cases
