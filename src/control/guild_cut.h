// One guild's way from one fleet to the other: two sessions carry the same stream of events with different
// lag, and exactly one copy of each event must go on, in order. Says of each arriving event whether it is
// delivered, held or dropped, and when the guild has moved. Owned by a cutover; one thread; pure. Bounded by
// cut_options.
//
// What it rests on: both sessions bring the guild's events in the same order, each once; and what one of
// them has brought at t, Discord has handed to the other by t + skew_max. From the second follows what a
// heartbeat proves: acknowledged, and sent at or after t + skew_max, everything up to t has arrived there.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "control/held_event.h"
#include "control/lean_queue.h"

namespace evergate::control {

struct cut_options {
  /// The longest that one session's copy of an event may come after the other's, on Discord's side.
  base::milliseconds skew_max{5'000};
  /// A cut waits this long for the joining side to bring what was delivered; then the serving side goes on.
  base::milliseconds handover_max{15'000};
  /// A guild whose events cannot be told apart for this long, or that a session does not show, moves with a
  /// GAP.
  base::milliseconds overlap_max{600'000};
  std::size_t held_items_max = 20'000;            ///< of one guild
  std::size_t held_bytes_max = 16 * 1024 * 1024;  ///< of one guild
  std::size_t seen_items_max = 20'000;            ///< identities remembered of one guild and side
};

enum class verdict : std::uint8_t {
  deliver,
  hold,  ///< kept inside; comes out released, or never
  drop,  ///< the other side's copy is the one that counts
};

enum class cut_kind : std::uint8_t {
  none,          ///< not moved
  unique_event,  ///< at an event that happens once, seen on both sides
  silence,       ///< both sides proved to have brought the same
  gap,           ///< could not be told apart in time: not proven, so a GAP
  joined,        ///< the bot joined it meanwhile: nothing to align
};

/// What has been counted of one guild, for the receipt.
struct cut_counts {
  std::uint64_t matched = 0;           ///< seen on both sides
  std::uint64_t delivered_before = 0;  ///< delivered from the fleet that the guild leaves
  std::uint64_t delivered_after = 0;   ///< delivered from the fleet that the guild moves to
  std::uint64_t lost = 0;     ///< came on the left side after the cut, proven never to come on the other
  std::uint64_t doubled = 0;  ///< delivered from both: after the cut what the left side has shown before it
  std::uint64_t doubles_averted = 0;  ///< would have been delivered twice, had their ids not been known
  std::uint64_t one_sided = 0;        ///< brought by one side only, before the cut
  std::uint64_t reordered = 0;        ///< the sides disagreed about the order

  void add(const cut_counts& more) noexcept;
  /// What has been counted since `earlier`.
  [[nodiscard]] cut_counts since(const cut_counts& earlier) const noexcept;
  bool operator==(const cut_counts&) const = default;
};

class guild_cut {
 public:
  enum class role : std::uint8_t { serving, joining };

  /// Both sessions are observed from `now` on.
  guild_cut(const cut_options& options, base::instant now) noexcept;

  /// Events that are due now because of what was just told, in order; they come before later ones.
  using released = std::vector<held_event>;

  [[nodiscard]] verdict arrived(role from, const arriving_event& event, base::instant now, released& out);
  /// A heartbeat sent at `sent` was acknowledged, and everything that came before the answer has been told.
  void proved(role side, base::instant sent, base::instant now, released& out);
  /// The session is gone and what Discord had for it since is lost (no RESUME). If it is the one that the
  /// guild has moved to, and the other one is still compared, the guild is the serving side's again: what
  /// that has brought and the lost one has not is released, and what it has yet to bring is in repeats().
  void lost(role side, base::instant now, released& out);
  /// A new session has taken its place, but has yet to show the guild: before that Discord sends it nothing
  /// of it, so that its silence says nothing.
  void awaited(role side, base::instant now) noexcept;
  /// A new session has taken its place and is observed from now on.
  void renewed(role side, base::instant now);
  /// Neither session has the guild to show, so nothing of it can be under way: it moves as in silence.
  void idle(base::instant now, released& out);
  /// Cuts may be made from now on; before, events are only compared.
  void open(base::instant now) noexcept;
  /// The time of overlap may be over.
  void tick(base::instant now, released& out);
  /// Before the guild has moved: what is held of the joining side is forgotten, the serving side serves on.
  void give_up(released& out);
  /// There is too much kept altogether: before the cut all is forgotten, and a later one will do; after it
  /// nothing more is compared.
  void let_go(base::instant now) noexcept;
  /// After the guild has moved: the way back, with the roles exchanged.
  void turn_back(base::instant now);
  /// After the guild has moved: the left side's session is being ended.
  void left_closes() noexcept { end_audit(); }

  struct seen_event {
    event_identity what;
    base::instant at;
  };
  /// Delivered already, from a session that was lost: the serving side's copies are dropped as they come.
  [[nodiscard]] const lean_queue<seen_event>& repeats() const noexcept { return repeats_; }
  /// The same, from an earlier run.
  void expect(const std::vector<event_identity>& repeats, base::instant now);

  enum class stage : std::uint8_t {
    overlap,   ///< the serving side is delivered, the joining one held
    handover,  ///< cut, but the joining side has yet to bring what the serving side has delivered
    moved,
  };
  [[nodiscard]] stage now_in() const noexcept { return stage_; }
  [[nodiscard]] bool moved() const noexcept { return stage_ == stage::moved; }
  [[nodiscard]] cut_kind kind() const noexcept { return moved() ? kind_ : cut_kind::none; }
  /// Nothing more is to be learnt by listening to the side that the guild left.
  [[nodiscard]] bool audited() const noexcept {
    return moved() && left_proved_ >= moved_at_ + options_->skew_max;
  }
  [[nodiscard]] const cut_counts& counts() const noexcept { return counts_; }
  /// Of events.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }
  /// Of events and of identities.
  [[nodiscard]] std::size_t kept_bytes() const noexcept;
  /// What let_go() would free of it. None while a handover lasts, and of what keeps an event from being
  /// delivered twice.
  [[nodiscard]] std::size_t loose_bytes() const noexcept;
  /// The lowest sequence number among what is held of the side; 0 when nothing is held of it.
  [[nodiscard]] std::uint32_t held_from(role side) const noexcept;

 private:
  [[nodiscard]] verdict serving_arrived(const arriving_event& event, base::instant now, released& out);
  [[nodiscard]] verdict joining_arrived(const arriving_event& event, base::instant now, released& out);
  [[nodiscard]] verdict owed_arrived(const arriving_event& event, base::instant now, released& out);
  /// The place of the one delivered event that is the same; nothing when there is none or more than one.
  [[nodiscard]] std::optional<std::size_t> only_seen(const event_identity& what) const noexcept;
  [[nodiscard]] std::optional<std::size_t> only_held(const event_identity& what) const noexcept;
  [[nodiscard]] bool may_cut(base::instant now) const noexcept;
  [[nodiscard]] bool crosses(std::size_t serving_place, std::size_t joining_place) const;
  void cut_here(std::size_t serving_place, std::size_t joining_place, base::instant now, released& out);
  void drop_or_rescue(held_event&& event, released& out);
  void cut_in_silence(base::instant now, released& out);
  void cut_blindly(base::instant now, released& out);
  void hand_over(lean_queue<event_identity> owed, cut_kind kind, base::instant now, released& out);
  void finish(base::instant now, released& out);
  void release(held_event&& event, released& out);
  [[nodiscard]] bool was_delivered(const event_identity& what) const noexcept;
  void take_back(released& out);
  /// After the cut: what one side has brought and the other has not.
  void audit_left(held_event&& event);
  void audit_new(const event_identity& what, base::instant now);
  void remember(const event_identity& what, base::instant now);
  void return_to_serving(base::instant now, released& out);
  void end_audit() noexcept;
  void hold(lean_queue<held_event>& where, const arriving_event& event, base::instant now);
  void recount() noexcept;
  void trim();

  const cut_options* options_;
  stage stage_ = stage::overlap;
  cut_kind kind_ = cut_kind::none;
  bool open_ = false;
  base::instant since_;  ///< both are observed without a hole since then
  base::instant open_since_{};
  base::instant serving_last_;
  base::instant joining_last_;
  base::instant serving_proved_{};  ///< when the newest acknowledged heartbeat was sent
  base::instant joining_proved_{};
  enum class session : std::uint8_t { there, awaited, lost };
  session serving_session_ = session::there;
  session joining_session_ = session::there;
  lean_queue<seen_event> serving_seen_;  ///< delivered, oldest first
  base::instant seen_since_;             ///< serving_seen_ has everything from then on that still matters
  lean_queue<held_event> joining_held_;  ///< oldest first
  std::size_t held_bytes_ = 0;
  std::optional<base::instant> let_go_at_;  ///< until the joining side has brought what was delivered by then

  lean_queue<event_identity> owed_;      ///< delivered from the serving side, to come on the joining one
  lean_queue<held_event> serving_held_;  ///< while some are owed: the way back if the joining session dies
  bool serving_whole_ = true;
  base::instant cut_at_{};

  base::instant moved_at_{};
  base::instant left_proved_{};
  bool audit_over_ = false;
  lean_queue<held_event> late_;   ///< after the cut, on the left side, not yet on the other
  lean_queue<seen_event> fresh_;  ///< after the cut, delivered, not yet seen on the left side
  lean_queue<seen_event> repeats_;
  cut_counts counts_;
};

}  // namespace evergate::control
