// Takes the batches of two fleets of one application and lets through one copy of each event: a guild_cut
// for every guild, one for the events without a guild (both fleets' shard 0), and for each shard the
// sequence up to which nothing of it is undecided. Owned by whoever stands between the fleets and the
// journal, which calls it under one lock, in the order in which batches go on; pure. Bounded by
// cutover_options.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "control/guild_cut.h"
#include "control/receipt.h"
#include "flow/event_batch.h"
#include "flow/journal.h"

namespace evergate::control {

struct cutover_options {
  cut_options cut;
  /// Of all guilds, identities too. Beyond it those that keep the most are let go of.
  std::size_t held_bytes_max = std::size_t{256} * 1024 * 1024;
  std::size_t ids_max = 50'000;  ///< events remembered that belong to no guild's stream
};

enum class fleet_side : std::uint8_t { old_fleet, new_fleet };

[[nodiscard]] constexpr std::size_t at(fleet_side side) noexcept {
  return static_cast<std::size_t>(side);
}
[[nodiscard]] constexpr fleet_side other(fleet_side side) noexcept {
  return side == fleet_side::old_fleet ? fleet_side::new_fleet : fleet_side::old_fleet;
}

/// A fleet as the journal keeps it.
struct fleet_shape {
  std::uint32_t count = 0;
  bool twin = false;  ///< see flow::twin_fleet

  [[nodiscard]] proto::shard_key key(std::uint32_t shard) const noexcept {
    return {shard, twin ? count | flow::twin_fleet : count};
  }
  bool operator==(const fleet_shape&) const = default;
};

/// What an earlier run has left of a cutover whose cuts had begun.
struct cutover_remains {
  /// What the mirror knows.
  void add(const std::vector<flow::guild_entry>& known) {
    for (const auto& guild : known) {
      guilds.push_back(guild.id);
      if (!guild.available) down.insert(guild.id);
    }
  }

  std::vector<proto::snowflake> guilds;                  ///< all that are known
  std::unordered_set<proto::snowflake> down;             ///< of these, unavailable
  std::unordered_map<proto::snowflake, cut_kind> moved;  ///< of these, the new fleet's
  /// By name, see cutover::mark_prefix and awaits_prefix.
  std::map<std::string, std::string, std::less<>> shard_marks;
  std::vector<bool> started;  ///< one per new shard: its session lives on
  receipt counts;             ///< what the earlier run has counted
};

class cutover {
 public:
  /// `down`: guilds that the old fleet has listed and not shown, or said to be unavailable.
  cutover(const cutover_options& options, fleet_shape old_fleet, fleet_shape new_fleet, base::instant now,
          std::unordered_set<proto::snowflake> down = {});
  /// Goes on where another run ended: both fleets RESUME, and what they repeat of what had been decided is
  /// left out.
  cutover(const cutover_options& options, fleet_shape old_fleet, fleet_shape new_fleet,
          const cutover_remains& from, base::instant now);

  /// A guild that changes its owner with what was just let through, for the same transaction.
  struct move {
    proto::snowflake guild = 0;  ///< 0 = the events without a guild
    fleet_side owner = fleet_side::old_fleet;
    cut_kind kind = cut_kind::none;
  };
  struct output {
    flow::event_batch batch;  ///< appended to
    std::vector<move> moves;
  };
  /// Records so named say, of a shard of which something is held, what of it has been decided.
  static constexpr std::string_view mark_prefix = "seen/";
  /// What the receipt has counted so far, and how many guilds are not where they are to be:
  /// `{"left":…,"receipt":…}`.
  static constexpr std::string_view counts_record = "reshard-counts";
  /// Records so named: events of the guild that its owner has yet to bring and that are delivered already.
  static constexpr std::string_view repeats_prefix = "repeats/";
  /// Records so named: a session has listed the guild in its READY and not shown it yet.
  static constexpr std::string_view awaits_prefix = "awaits/";

  /// What a fleet's worker hands over. Sessions and what has no part in the stream pass.
  void take(fleet_side from, const flow::event_batch& batch, base::instant now, output& out);
  /// See guild_cut::proved. `shard` is the side's.
  void proved(fleet_side side, std::uint32_t shard, base::instant sent, base::instant now, output& out);
  /// Once a second or so.
  void tick(base::instant now, output& out);

  /// Every new shard has had its READY.
  [[nodiscard]] bool ready() const noexcept { return ready_shards_ == shapes_[1].count; }
  /// Guilds of which no new shard has said yet whether they are there.
  [[nodiscard]] std::size_t awaited() const noexcept { return awaited_[at(fleet_side::new_fleet)].size(); }
  /// Cuts begin. The new fleet's READYs go on, so that the journal counts it as the application's.
  void open(base::instant now, output& out);
  [[nodiscard]] bool is_open() const noexcept { return open_; }
  /// Every guild is to be the old fleet's again; those that have moved come back in the same way.
  void turn_back(base::instant now, output& out);

  /// Every guild is where it is to be.
  [[nodiscard]] bool complete() const noexcept { return (open_ || turned_) && unsettled_ == 0; }
  /// A shard of the fleet that is left is closed next, so nothing can come back to it. False when something
  /// has come back: not now.
  [[nodiscard]] bool close(fleet_side side, std::uint32_t shard);
  /// The shard owns no guild and nothing more is to be learnt from it.
  [[nodiscard]] bool may_close(fleet_side side, std::uint32_t shard) const;
  [[nodiscard]] fleet_side owner_of(proto::snowflake guild) const;
  /// The bot is in voice there, by a session of the old fleet.
  [[nodiscard]] bool in_voice(proto::snowflake guild) const { return voice_.contains(guild); }
  [[nodiscard]] bool carries_voice(std::uint32_t old_shard) const;
  [[nodiscard]] std::uint32_t ready_shards() const noexcept { return ready_shards_; }
  /// What is written down of it, to be removed when it is over: guilds that are the new fleet's, shard marks.
  [[nodiscard]] std::vector<proto::snowflake> moved_guilds() const;
  [[nodiscard]] std::vector<std::string> marks() const;
  [[nodiscard]] std::size_t unsettled() const noexcept { return unsettled_; }
  [[nodiscard]] std::size_t streams() const noexcept { return streams_.size(); }
  /// Events of some shard wait in a handover, so that its sequence stops before them.
  [[nodiscard]] bool holds_back() const;
  /// Events and identities, of all guilds.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }
  /// The sequence up to which nothing of the shard waits in a handover; what its progress says.
  [[nodiscard]] std::int64_t settled_seq(fleet_side side, std::uint32_t shard) const;
  [[nodiscard]] receipt summary(base::instant now) const;

 private:
  struct stream {
    proto::snowflake guild = 0;
    guild_cut cut;
    fleet_side serving = fleet_side::old_fleet;
    cut_kind kind = cut_kind::none;       ///< of the latest move, for the receipt
    cut_counts counted;                   ///< of its cut, in the receipt
    std::uint32_t held_from[2] = {0, 0};  ///< as noted in its shards
    std::size_t held_bytes = 0;
    std::size_t repeats_told = 0;
    fleet_side owner_told = fleet_side::old_fleet;
    bool settled = false;

    stream(proto::snowflake id, const cut_options& options, base::instant now)
        : guild(id), cut(options, now) {}
    [[nodiscard]] fleet_side owner() const noexcept { return cut.moved() ? other(serving) : serving; }
  };
  struct shard_state {
    bool started = false;  ///< has had a READY
    bool lost = false;     ///< its session ended, the next READY is awaited
    std::int64_t received = -1;
    std::int64_t told = -1;
    /// First sequence of each guild that waits in a handover from here.
    std::set<std::pair<std::uint32_t, proto::snowflake>> held;
    std::vector<stream*> streams;
    flow::event_batch ready;    ///< its READY, until the cuts begin
    std::int64_t decided = -1;  ///< of an earlier run: up to here, but for `undecided`, nothing is new
    std::unordered_map<proto::snowflake, std::uint32_t> undecided;  ///< guild → from which sequence on
    bool marked = false;                                            ///< has a record
    bool replays = false;  ///< of an earlier run, and has proved nothing yet
  };

  void take_row(fleet_side from, const arriving_event& event, base::instant now, output& out);
  void take_own_record(fleet_side from, const arriving_event& event, base::instant now, output& out);
  void take_ready(fleet_side from, const arriving_event& event, base::instant now, output& out);
  void take_apart(fleet_side from, const arriving_event& event, base::instant now, output& out);
  void take_stray(fleet_side from, const arriving_event& event, output& out);
  void take_event(fleet_side from, stream& home, const arriving_event& event, base::instant now, output& out);
  void note_down(const arriving_event& event);
  /// Something of the shard is what bots are shown.
  [[nodiscard]] bool serves_any(fleet_side from, std::uint32_t shard) const;
  /// The guild's first GUILD_CREATE after a READY is no event.
  [[nodiscard]] bool is_backfill(fleet_side from, const arriving_event& event, base::instant now,
                                 output& out);
  void await_guild(fleet_side side, proto::snowflake guild, output& out);
  void no_longer_awaited(fleet_side side, proto::snowflake guild, output& out);
  [[nodiscard]] std::string awaits_name(fleet_side side, proto::snowflake guild) const;
  /// What is known of the side's session, told to a cut that has just begun to look.
  void tell_session(stream& home, fleet_side side, base::instant now);
  /// Neither side's session has the guild to show.
  [[nodiscard]] bool is_idle(const stream& home);
  [[nodiscard]] stream* find(proto::snowflake guild);
  stream& add_stream(proto::snowflake guild, base::instant now, fleet_side serving = fleet_side::old_fleet);
  [[nodiscard]] shard_state& shard_of(fleet_side side, proto::snowflake guild);
  [[nodiscard]] guild_cut::role role_of(const stream& home, fleet_side side) const noexcept;
  void after(stream& home, const guild_cut::released& released, output& out);
  void note_held(stream& home);
  void settle(stream& home, output& out);
  void note_repeats(stream& home, output& out);
  void take_repeats(const cutover_remains& from);
  void deliver(fleet_side from, const arriving_event& event, output& out);
  void deliver_apart(fleet_side from, const arriving_event& event, output& out);
  /// Brings what its cut has counted into the receipt.
  void count(stream& home);
  void count_move(cut_kind before, cut_kind now);
  void tell_counts(output& out);
  void tell_progress(fleet_side side, std::uint32_t shard, output& out);
  void mark(fleet_side side, std::uint32_t shard, output& out);
  [[nodiscard]] std::string mark_name(fleet_side side, std::uint32_t shard) const;
  void take_marks(const cutover_remains& from);
  void take_awaited(const cutover_remains& from, fleet_side side);
  void forget_voice(std::uint32_t old_shard);
  void look_anew(stream& home, fleet_side side, base::instant now);
  [[nodiscard]] bool decided_before(fleet_side from, const arriving_event& event) const;
  void caught_up(fleet_side side, std::uint32_t shard, base::instant now);
  void watch_voice(const arriving_event& event);
  void find_voice(const arriving_event& event);
  void tell_all_progress(output& out);
  void keep_bound(base::instant now);

  const cutover_options options_;
  const fleet_shape shapes_[2];
  const base::instant began_;
  bool open_ = false;
  base::instant open_at_{};
  bool turned_ = false;
  fleet_side target_ = fleet_side::new_fleet;
  std::uint32_t ready_shards_ = 0;
  std::unordered_set<proto::snowflake> awaited_[2];  ///< listed by the side's READY, not shown yet
  std::unordered_set<proto::snowflake> down_;        ///< the side that serves has said so
  std::size_t unsettled_ = 0;
  std::size_t held_bytes_ = 0;
  std::size_t let_go_above_;  ///< held_bytes_max, or more when what is there cannot be let go of
  std::vector<shard_state> shards_[2];
  std::unordered_map<proto::snowflake, std::unique_ptr<stream>> streams_;
  /// The target's without a comparison: joined after the cuts began, or moved in an earlier run.
  std::unordered_map<proto::snowflake, cut_kind> born_;
  std::unordered_map<proto::snowflake, std::vector<event_identity>> repeats_;  ///< of an earlier run
  receipt sum_;
  std::string counts_told_;
  std::unordered_set<proto::snowflake> voice_;
  proto::snowflake self_ = 0;
  std::set<std::pair<fleet_side, std::uint32_t>> dirty_;  ///< shards whose settled sequence may have changed

  struct told {
    event_identity what;
    fleet_side by = fleet_side::old_fleet;
    base::instant at;
  };
  [[nodiscard]] bool told_by_other(fleet_side from, const event_identity& what, base::instant now);
  std::deque<told> told_;  ///< replies that were let through lately
  std::unordered_set<std::uint64_t> stray_ids_;
  std::deque<std::uint64_t> stray_order_;
};

}  // namespace evergate::control
