// A named reader of the journal without I/O: its layouts and cursors, who holds each lane, takeovers, a
// change of n, the downstream sessions, and the gate that holds queued events back while bots start. What
// is to be done comes out as orders to connections. Owned by `consumers`, under its mutex; bounded by
// layouts_max generations and by two sessions a lane.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "downstream/delivery_rules.h"
#include "downstream/lane_grant.h"
#include "flow/journal.h"

namespace evergate::downstream {

/// A connection's name; the low 8 bits are its loop's index. 0 is nobody.
using holder_id = std::uint64_t;

struct consumer_order {
  enum class kind : std::uint8_t {
    grant,         ///< the lane is yours: begin
    ask,           ///< another bot wants your lane: be silent, get an acknowledgement, then call released()
    give_back,     ///< the other bot has gone: carry on
    close_layout,  ///< your layout is no longer in force: close 4010
    repeat,        ///< send this dead letter, outside of the queue
    drop,          ///< your session continues on another connection, or your turn was taken: end
    hold,          ///< send no more events until go_on; with `closely`, ask until all is acknowledged
    go_on,         ///< events flow again
    drop_class,    ///< leave out what is not sent yet of `dropped` up to `upto`
    skip,          ///< your events up to `upto` are given up: begin anew, unless you are past them
    renumber,      ///< what your session's numbers depend on has changed: begin anew
  };
  kind what = kind::grant;
  holder_id to = 0;
  std::shared_ptr<const lane_grant> grant;                     ///< grant only
  bool closely = false;                                        ///< hold only
  flow::offset interactions{};                                 ///< give_back only: those past this are due
  proto::event_class dropped = proto::event_class::ephemeral;  ///< drop_class only
  flow::offset upto{};                                         ///< drop_class and skip
  std::shared_ptr<const flow::dead_letter> letter{};           ///< repeat only
};
using consumer_orders = std::vector<consumer_order>;

/// How far a connection has come; see lane.
struct lane_report {
  flow::offset cursor{};
  flow::offset position{};
  flow::offset anchor_offset{};
  std::uint32_t anchor_seq = 0;
  std::uint32_t sent_seq = 0;
  std::uint32_t unacknowledged = 0;
  flow::offset first_unacknowledged{};  ///< event; 0 = none
  bool first_left = false;              ///< that one is not queued here any more: the bot may have had it
  flow::offset interactions{};          ///< all up to this are sent, expired or another lane's
  bool began = false;                   ///< the backfill is through
  bool acknowledged = false;            ///< the bot has acknowledged something since it began
};

struct consumer_rules {
  base::milliseconds queue_quiet{1'000};
  base::milliseconds queue_wait_max{15'000};
  poison_rules poison{};
};

class consumer {
 public:
  static constexpr std::size_t layouts_max = 8;

  consumer(std::string name, consumer_rules rules, policy_ptr policy = consumer_policy::plain());
  /// As it was stored; its sessions are added with restore().
  consumer(flow::consumer_record stored, consumer_rules rules, policy_ptr policy = consumer_policy::plain());
  void restore(flow::downstream_record stored, base::instant now);

  /// Begins a consumer that nobody has asked for yet: every lane stands at `head`. True when it did not stand
  /// before: then its record must be stored and stands() called. A READY before that would be a promise that
  /// a kill breaks, since the consumer would begin anew and later.
  [[nodiscard]] bool begin(std::uint32_t lanes, flow::offset head);
  /// The record of the beginning is durable.
  void stands() noexcept { standing_ = true; }
  [[nodiscard]] bool standing() const noexcept { return standing_; }

  /// A bot identified. Its lane is granted now or later, by an order. `who.id`, `number`, `lane` and
  /// `intents` are filled in by the caller.
  void identify(holder_id by, flow::downstream_record who, session_traits traits, flow::offset head,
                base::instant now, consumer_orders& out);
  /// A bot resumes. Null when the session cannot be.
  [[nodiscard]] std::shared_ptr<const lane_grant> resume(holder_id by, std::string_view id, std::int64_t seq,
                                                         consumer_orders& out);
  /// The answer to an `ask` order: acknowledged, or its time is over.
  void released(holder_id by, flow::offset head, consumer_orders& out);
  /// The connection has ended, or its session has. `discard`: the session cannot be resumed. `unclean`: the
  /// bot said nothing before.
  void left(holder_id by, bool discard, flow::offset head, base::instant now, consumer_orders& out,
            bool unclean = false);
  /// Before left(): the event that this unclean end convicts of killing bots.
  [[nodiscard]] std::optional<flow::offset> convicts(holder_id by) const;
  /// It goes into the dead-letter store, the lane's cursor past it; its session cannot be resumed.
  void convict(holder_id by, flow::dead_letter letter);
  /// The connection that serves the guild and has its guilds; 0 = none.
  [[nodiscard]] holder_id server_of(proto::snowflake guild) const noexcept;

  /// False when the lane is not (or no longer) this connection's: nothing changes.
  bool report(holder_id by, const lane_report& how);
  /// Before sending with at_most_once: the cursor goes ahead of the bot.
  bool reserve(holder_id by, flow::offset upto);
  /// What was reserved and never sent, past here, is the next bot's.
  void unreserve(holder_id by, flow::offset sent);
  /// Before sending interactions up to here: they are never sent again. Goes back to an earlier place when
  /// those past it were not sent after all.
  bool reserve_interactions(holder_id by, flow::offset upto);
  void count_interactions(std::uint64_t sent, std::uint64_t expired) noexcept {
    interactions_sent_ += sent;
    interactions_expired_ += expired;
  }

  /// Who serves the session now; 0 when nobody does.
  [[nodiscard]] holder_id holder_of(std::string_view session) const noexcept;

  void backfill_began(holder_id by);
  void backfill_ended(holder_id by, base::instant now);
  /// May the queued events of a lane that got its guilds at `since` flow?
  [[nodiscard]] bool gate_open(base::instant since, base::instant now) const noexcept;

  /// A command of a read-only consumer was refused; how many so far.
  std::uint64_t veto_command() noexcept { return ++commands_vetoed_; }
  [[nodiscard]] std::uint64_t commands_vetoed() const noexcept { return commands_vetoed_; }

  // What an operator asks for: consumer_verbs.cpp.
  /// Nothing is delivered until go_on(), over restarts too. Bots stay connected.
  void pause(consumer_orders& out);
  /// Ends a pause and the holds of a drain.
  void go_on(consumer_orders& out);
  /// Holds every lane that has a bot, or may get it back by RESUME, and has it asked, until `ask_until`, for
  /// what it was sent. A lane stays held until another bot takes it, go_on() or `hold_until`.
  void drain(base::instant now, base::instant ask_until, base::instant hold_until, consumer_orders& out);
  enum class drained : std::uint8_t {
    all,      ///< held, and everything that was sent is acknowledged
    waiting,  ///< held, and something is not, or its bot has just lost its connection
    no_bot,   ///< nobody is connected
    released  ///< not held any more: another bot has come, or go_on()
  };
  struct lane_drain {
    proto::shard_key lane;
    drained state = drained::no_bot;
    std::uint32_t unacknowledged = 0;
    flow::offset cursor;
  };
  /// A bot whose connection broke is waited for this long: what it had not acknowledged by then is repeated.
  static constexpr base::seconds return_wait{15};
  [[nodiscard]] std::vector<lane_drain> drain_state(base::instant now) const;
  /// Events of the class up to `upto` that have not been sent yet are given up, `events` of them.
  void drop_class(proto::event_class what, flow::offset upto, std::uint64_t events, consumer_orders& out);
  /// Everything up to `upto` is given up: bots that are not past it begin anew, as of there.
  void skip(flow::offset upto, const std::array<std::uint64_t, proto::event_class_count>& events,
            consumer_orders& out);
  /// The GAP record of what was given up; stored with it.
  void note_gap(flow::gap_record gap) { gaps_.push_back(std::move(gap)); }
  /// After filter_version() may have changed: bots whose session is numbered by another begin anew.
  void renumber(consumer_orders& out);
  /// By class: what has to be kept for the consumer lies past this.
  [[nodiscard]] std::array<flow::offset, proto::event_class_count> needed_from() const noexcept;

  /// The connection has the hold order and sends nothing more.
  void holding(holder_id by);

  /// Forgets sessions without a connection past session_timeout; ends holds that are over.
  void tick(base::instant now, consumer_orders& out);
  /// What has changed since the last call.
  void take_changes(flow::consumer_change& out);

  struct lane_status {
    proto::shard_key lane;
    bool connected = false;
    flow::offset cursor;
    flow::offset position;
    std::uint32_t seq = 0;
    std::uint32_t unacknowledged = 0;
    bool held = false;     ///< by a drain
    bool holding = false;  ///< and its bot's connection sends nothing more
  };
  [[nodiscard]] std::vector<lane_status> status() const;
  [[nodiscard]] const consumer_policy& policy() const noexcept { return *policy_; }
  [[nodiscard]] const flow::consumer_record& record() const noexcept { return record_; }
  [[nodiscard]] std::size_t sessions() const noexcept { return sessions_.size(); }
  [[nodiscard]] std::uint64_t layouts_dropped() const noexcept { return layouts_dropped_; }
  [[nodiscard]] std::uint64_t interactions_sent() const noexcept { return interactions_sent_; }
  [[nodiscard]] std::uint64_t interactions_expired() const noexcept { return interactions_expired_; }

 private:
  struct claim {
    holder_id by = 0;
    flow::downstream_record who;
    session_traits traits;
  };
  struct slot {
    holder_id holder = 0;
    std::string session;        ///< of the holder, or the last one
    holder_id predecessor = 0;  ///< superseded, connected and silent
    std::string predecessor_session;
    bool backfilling = false;
    flow::offset suspect;       ///< as its holder was granted
    flow::offset granted_at;    ///< the cursor then
    bool held = false;          ///< by a drain; the next bot's arrival ends it
    bool holding = false;       ///< its holder has said so
    std::optional<claim> next;  ///< waits for the holder's last acknowledgement
    lane_report last;
  };
  struct kept_session {
    flow::downstream_record record;
    session_traits traits;
    base::instant detached_at{};
    bool attached = false;
    bool began = false;  ///< its backfill is through: it can be resumed while we remember it
    bool dirty = false;
  };

  [[nodiscard]] flow::layout_record& newest() noexcept { return record_.layouts.back(); }
  [[nodiscard]] slot* slot_of(holder_id by) noexcept;
  [[nodiscard]] const flow::lane_suspicion* suspicion_of(std::size_t lane) const noexcept;
  /// Says in the grant what the lane's next session is to be careful with.
  void doubt(lane_grant& grant, slot& where, std::size_t lane) const noexcept;
  /// It was being careful, and died with a single event in flight, which had left for it: who only lost a
  /// slow connection before (guilds go first) did not die of what still waited here.
  [[nodiscard]] static bool died_of_one(const slot& where) noexcept;
  void suspect(const slot& where);
  void clear_suspicion(std::size_t lane, flow::offset acknowledged);
  [[nodiscard]] bool any_live() const noexcept;
  /// Nobody is connected, and who was may well RESUME.
  [[nodiscard]] bool may_return(const slot& where, base::instant now) const;
  void open_layout(std::uint32_t lanes, flow::offset head, consumer_orders& out);
  void drop_oldest_layout();
  void drop_settled_layouts();
  void settle(flow::offset head, consumer_orders& out);
  void take(claim who, consumer_orders& out);
  void give(slot& where, claim who, consumer_orders& out);
  void give_back(slot& where, consumer_orders& out);
  void tell_back(const slot& where, consumer_orders& out) const;
  void detach(slot& where, bool discard, base::instant now);
  void stop_backfilling(slot& where) noexcept;
  void forget_session(const std::string& id);
  void forget_sessions_of_lane(std::uint32_t lane, std::string_view kept);
  void refresh_older();
  void end_holds(base::instant now, consumer_orders& out);
  void tell_renumbered(const slot& where, consumer_orders& out) const;
  /// The stored record does not say what was left out before this: only an anchor past it can be counted from
  /// after a crash.
  [[nodiscard]] flow::offset uncountable_to() const noexcept {
    return *std::ranges::max_element(record_.dropped);
  }

  const consumer_rules rules_;
  const policy_ptr policy_;
  flow::consumer_record record_;
  bool dirty_ = false;
  bool standing_ = false;
  std::shared_ptr<const due> older_ = std::make_shared<const due>();
  std::vector<slot> slots_;                  ///< of the newest layout
  std::map<holder_id, std::uint32_t> held_;  ///< holders and predecessors → their lane
  std::vector<claim> waiting_;               ///< of other n than the newest layout's
  std::map<std::string, kept_session, std::less<>> sessions_;
  std::vector<std::string> removed_;
  std::vector<std::shared_ptr<const flow::dead_letter>> buried_;  ///< not yet in a change
  std::vector<flow::gap_record> gaps_;                            ///< likewise
  base::instant last_identify_{};
  flow::offset skipped_to_;
  bool draining_ = false;  ///< until ask_until_: a bot that resumes is held again
  base::instant ask_until_{};
  base::instant hold_until_{};
  std::uint32_t backfilling_ = 0;
  std::uint64_t layouts_dropped_ = 0;
  std::uint64_t commands_vetoed_ = 0;
  std::uint64_t interactions_sent_ = 0;
  std::uint64_t interactions_expired_ = 0;
};

}  // namespace evergate::downstream
