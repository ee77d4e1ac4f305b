// The journal as its neighbours see it: upstream appends and learns what is committed; downstream reads
// events, guilds as of an offset, and keeps its consumers and sessions in it. Implemented by
// journal::journal over LMDB. All methods are thread-safe unless they say otherwise; none blocks on disk
// except where stated.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/event_batch.h"
#include "flow/gap.h"
#include "flow/offset.h"
#include "proto/snowflake.h"

namespace evergate::flow {

/// One shard's part of a commit. `none()` says that the end of a session is durable: what is told before it
/// is that session's, what is told after it the next one's.
struct committed_progress {
  proto::shard_key shard;
  committed_seq seq;
};

/// What one transaction made durable, told once and in order.
struct commit {
  std::vector<committed_progress> progress;
  offset head;  ///< the newest committed record
};

/// Told on the journal's thread; implementations post to their own loop and return.
class commit_listener {
 public:
  virtual ~commit_listener() = default;
  virtual void on_commit(const std::shared_ptr<const commit>& done) = 0;
  /// There is room again after append() returned false.
  virtual void on_room() = 0;
  /// The store cannot be written (disk full, I/O error): nothing is committed until `on_room`. `why` is for
  /// the operator.
  virtual void on_stalled(const std::string& why) = 0;
  /// The store is damaged in a way that trying again will not mend: the process should begin anew, which sets
  /// the store aside. Once.
  virtual void on_broken(const std::string& why) { (void)why; }
};

/// Upstream's side.
class event_sink {
 public:
  virtual ~event_sink() = default;
  /// Hands a batch over. False when the queue is full (bounded in bytes and items): the batch is left
  /// untouched, the caller stops reading from Discord until on_room. Batches of one caller keep their order.
  [[nodiscard]] virtual bool append(std::unique_ptr<event_batch>& batch) = 0;
};

/// What is kept about an upstream shard between runs.
struct stored_session {
  session_record record;
  committed_seq seq;
};

class session_source {
 public:
  virtual ~session_source() = default;
  /// Every live session, for RESUME after a start. Blocks on disk; called before the loops run.
  [[nodiscard]] virtual base::result<std::vector<stored_session>> stored_sessions() = 0;
};

/// Where plans find what they kept with event_batch::records.
class record_source {
 public:
  virtual ~record_source() = default;
  /// By name. Blocks on disk; called before the loops run.
  [[nodiscard]] virtual base::result<std::map<std::string, std::string>> stored_records() = 0;
};

/// Some retained events of one class, as they lie in the store. Records that are for nobody, such as GAPs, do
/// not count.
struct stretch {
  offset first;
  offset last;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  std::int64_t time_ms = 0;  ///< when they were committed, since 1970
};

/// Downstream's reading side.
class event_source {
 public:
  virtual ~event_source() = default;
  /// The newest committed record.
  [[nodiscard]] virtual offset head() const = 0;
  /// Everything at or before this may be incomplete: evicted before every consumer had it.
  [[nodiscard]] virtual offset lost_before() const = 0;
  /// Everything at or before this was committed more than recent_span_ms ago. What lies past it is mostly in
  /// memory, and little when it is not.
  [[nodiscard]] virtual offset recent_after() const = 0;
  static constexpr std::int64_t recent_span_ms = 5'000;
  /// A batch whose rows (ascending, all past `after`, of all classes, possibly with evicted ones missing)
  /// start at the first retained record past `after`; null when there is none. Recent batches come from
  /// memory, older ones from disk (blocking read of about `bytes_hint`). The rows are never empty.
  [[nodiscard]] virtual base::result<batch_ptr> read_after(offset after, std::size_t bytes_hint) = 0;
  /// What there is of a class past `after` and up to `upto`, in order, until `each` says false; a stretch
  /// that lies across a border is cut there. Reads no events, but blocks on disk; not for a loop that serves
  /// bots.
  [[nodiscard]] virtual base::result<void> stretches(proto::event_class of, offset after, offset upto,
                                                     const std::function<bool(const stretch&)>& each) = 0;
};

/// A guild as the mirror knows it at some offset.
struct guild_entry {
  proto::snowflake id = 0;
  bool available = false;  ///< false: GUILD_CREATE not yet seen, or an outage
};

/// Downstream's view of the guild mirror. "As of" an offset: after every record up to and including it.
class guild_source {
 public:
  virtual ~guild_source() = default;
  /// The guilds of one lane, ascending by id.
  [[nodiscard]] virtual base::result<std::vector<guild_entry>> guilds(proto::shard_key lane,
                                                                      offset as_of) = 0;
  /// Appends the whole GUILD_CREATE document (`"unavailable":false` in it) to `out` and returns true; false
  /// when the guild is unavailable or not there. Blocking read.
  [[nodiscard]] virtual base::result<bool> guild(proto::snowflake id, offset as_of, std::string& out) = 0;
  /// The READY `d` of the newest session, verbatim, with `user` as USER_UPDATEs left it; empty when none was
  /// ever received.
  [[nodiscard]] virtual base::result<std::string> ready() = 0;
  /// True when every shard of the fleet has had its READY and no guild of it still waits for its first
  /// GUILD_CREATE (guilds in an outage do not count).
  [[nodiscard]] virtual bool complete() const = 0;
};

/// A layout: how a consumer divides guilds into lanes, and where each lane stands.
struct layout_record {
  std::uint32_t lanes = 1;
  std::vector<offset> cursors;  ///< one per lane: everything up to it has been acknowledged
  /// One per lane: every INTERACTION_CREATE up to it was sent (or is about to be), has expired, or belongs to
  /// another lane. They are due past this instead of the cursor.
  std::vector<offset> interactions{};
};

/// A lane whose bot ended uncleanly, again and again, with the same event first among what it had not
/// acknowledged.
struct lane_suspicion {
  std::uint32_t lane = 0;  ///< of the newest layout
  offset at{};             ///< that event
  offset upto{};           ///< what kills the bot was in flight at each of these ends, so it is not past this
  std::uint32_t count = 0;  ///< how many events that were
  std::uint32_t ends = 0;   ///< such ends in a row
  std::uint32_t alone = 0;  ///< of these, with nothing else in flight
};

/// An event that a lane's bot died of, taken out of its queue. Named by consumer and offset.
struct dead_letter {
  std::string consumer;
  proto::shard_key lane;  ///< at that time
  offset at{};
  std::string type{};  ///< as in `t`
  proto::snowflake guild = 0;
  std::int64_t time_ms = 0;  ///< wall time at which it was taken out
  std::string d{};
};
struct dead_letter_key {
  std::string consumer;
  offset at;
  auto operator<=>(const dead_letter_key&) const = default;
};

struct consumer_record {
  std::string name;
  std::uint32_t layout = 0;  ///< number of the newest layout; grows by one with each change of n
  std::vector<layout_record>
      layouts;  ///< oldest first, at most 8; an event is due iff it is past the cursor in each
  std::vector<lane_suspicion> suspicions{};  ///< of the newest layout's lanes, those there are
  bool paused = false;                       ///< by its operator: nothing is delivered
  /// By class: events up to this that are past the cursors were given up.
  std::array<offset, proto::event_class_count> dropped{};
  std::array<std::uint64_t, proto::event_class_count> given_up{};  ///< how many events, ever
};

/// A downstream session: enough to number its events again after a crash.
struct downstream_record {
  std::string id;            ///< the session_id given in READY
  std::uint32_t number = 0;  ///< unique for ever within the application; replies carry it
  std::string consumer;
  std::uint32_t layout = 0;
  proto::shard_key lane;
  std::uint32_t intents = 0;
  std::uint32_t filter_version = 0;
  std::uint32_t anchor_seq = 0;  ///< the event at anchor_offset has this number (or is before it)
  offset anchor_offset;
  bool resumable = false;  ///< false until its backfill is through
  std::uint32_t large_threshold = 50;
  bool may_ask = false;  ///< its library answers op 1 well
};

/// A change of consumers and sessions, applied in one transaction, with the next batch or within
/// `cursor_interval` when idle. Later changes of the same thing may replace earlier ones not yet written.
struct consumer_change {
  std::vector<consumer_record> consumers;     ///< whole records, by name
  std::vector<downstream_record> sessions;    ///< whole records, by id
  std::vector<std::string> sessions_removed;  ///< ids
  std::vector<std::shared_ptr<const dead_letter>> dead_letters;
  std::vector<dead_letter_key> dead_letters_removed;
  std::vector<gap_record> gaps;  ///< of what the consumers gave up, appended in the same transaction
  /// Called on the journal's thread once durable (empty = not wanted).
  std::move_only_function<void()> done;
};

struct stored_consumers {
  std::vector<consumer_record> consumers;
  std::vector<downstream_record> sessions;
  std::vector<dead_letter> dead_letters;
  std::uint32_t next_session_number = 1;
};

class consumer_store {
 public:
  virtual ~consumer_store() = default;
  [[nodiscard]] virtual base::result<stored_consumers> stored() = 0;  ///< blocks on disk
  virtual void change(consumer_change change) = 0;
};

}  // namespace evergate::flow
