// A named reader of the journal without I/O: its layouts and cursors, who holds each lane, takeovers, a
// change of n, the downstream sessions, and the gate that holds queued events back while bots start. What
// is to be done comes out as orders to connections. Owned by `consumers`, under its mutex; bounded by
// layouts_max generations and by two sessions a lane.
#pragma once

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
  };
  kind what = kind::grant;
  holder_id to = 0;
  std::shared_ptr<const lane_grant> grant;            ///< grant only
  flow::offset interactions{};                        ///< give_back only: those past this are due
  std::shared_ptr<const flow::dead_letter> letter{};  ///< repeat only
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

  void backfill_began(holder_id by);
  void backfill_ended(holder_id by, base::instant now);
  /// May the queued events of a lane that got its guilds at `since` flow?
  [[nodiscard]] bool gate_open(base::instant since, base::instant now) const noexcept;

  /// A command of a read-only consumer was refused; how many so far.
  std::uint64_t veto_command() noexcept { return ++commands_vetoed_; }
  [[nodiscard]] std::uint64_t commands_vetoed() const noexcept { return commands_vetoed_; }

  /// Forgets sessions without a connection past session_timeout.
  void tick(base::instant now);
  /// What has changed since the last call.
  void take_changes(flow::consumer_change& out);

  struct lane_status {
    proto::shard_key lane;
    bool connected = false;
    flow::offset cursor;
    flow::offset position;
    std::uint32_t seq = 0;
    std::uint32_t unacknowledged = 0;
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
  void open_layout(std::uint32_t lanes, flow::offset head, consumer_orders& out);
  void drop_oldest_layout();
  void drop_settled_layouts();
  void settle(flow::offset head, consumer_orders& out);
  void take(claim who, consumer_orders& out);
  void give(slot& where, claim who, consumer_orders& out);
  void give_back(slot& where, consumer_orders& out);
  void detach(slot& where, bool discard, base::instant now);
  void stop_backfilling(slot& where) noexcept;
  void forget_session(const std::string& id);
  void forget_sessions_of_lane(std::uint32_t lane, std::string_view kept);
  void refresh_older();

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
  base::instant last_identify_{};
  std::uint32_t backfilling_ = 0;
  std::uint64_t layouts_dropped_ = 0;
  std::uint64_t interactions_sent_ = 0;
  std::uint64_t interactions_expired_ = 0;
  std::uint64_t commands_vetoed_ = 0;
};

}  // namespace evergate::downstream
