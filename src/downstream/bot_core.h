// One bot's connection without I/O: what its messages, its consumer's orders, the journal's news and time
// bring goes in with the time; frames, a close code and wishes come out through bot_wire. Puts together the
// session's protocol, the backfill, the lane's delivery and the consumer that the lane belongs to. Owned by
// what carries the socket, on its loop; bounded by the wire's congestion, the lane's window and the rules.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "downstream/backfill.h"
#include "downstream/catch_up_pace.h"
#include "downstream/command_router.h"
#include "downstream/consumers.h"
#include "downstream/frame_writer.h"
#include "downstream/gateway_options.h"
#include "downstream/interaction_stream.h"
#include "downstream/lane.h"
#include "downstream/session.h"
#include "proto/compression.h"

namespace evergate::downstream {

/// The way to one bot. Calls come from inside the core's inputs; none calls back into the core.
class bot_wire {
 public:
  virtual ~bot_wire() = default;
  /// Where frames are appended; output_ready() follows.
  [[nodiscard]] virtual std::string& output() = 0;
  virtual void output_ready() = 0;
  [[nodiscard]] virtual std::size_t queued_bytes() const = 0;  ///< not yet given to the kernel
  /// Bytes that may still be appended; 0 = congested, and pump() is called when it no longer is.
  [[nodiscard]] virtual std::size_t output_room() const = 0;
  /// A close frame after what is queued. No message comes in after it, only closed().
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
  /// pump() is wanted in another turn.
  virtual void pump_later() = 0;
  /// The bot has shown the token: it is a stranger no more.
  virtual void authenticated() = 0;
  /// Unguessable and new.
  [[nodiscard]] virtual std::string new_session_id() = 0;
};

/// What the bots of one loop share. All of it outlives them.
struct bot_services {
  const gateway_options& options;
  flow::event_source& events;
  flow::guild_source& guilds;
  consumers& readers;
  command_router& commands;
  order_desk& desk;
  base::logger& log;
  batch_reader& reader;
  client_frame_reader& frames;
};

struct bot_origin {
  holder_id id = 0;
  std::string consumer;
  std::string url;  ///< READY's resume_gateway_url
  proto::compression transport = proto::compression::none;
};

/// When an input comes: by the clock that deadlines are kept by, and by the wall's, for the age of ids.
struct bot_time {
  base::instant now{};
  std::int64_t unix_ms = 0;
};

/// How a connection ended, as far as it matters to what was sent.
struct bot_farewell {
  bool by_bot = false;  ///< it sent a close frame, and first
  std::uint16_t code = 1006;
};

/// What an explicit acknowledgement came to.
struct call_outcome {
  enum class kind : std::uint8_t { done, gone, never_sent };
  kind what = kind::gone;
  std::uint32_t acked_seq = 0;
  std::uint32_t sent_seq = 0;
};

class bot_core {
 public:
  bot_core(bot_services around, bot_wire& wire, bot_origin origin);
  bot_core(const bot_core&) = delete;
  bot_core& operator=(const bot_core&) = delete;

  /// Begins with HELLO.
  void open(bot_time at);
  /// Begins with a close code.
  void refuse(std::uint16_t code, std::string_view reason, bot_time at);
  void message(std::string_view text, bot_time at);
  void carry(const consumer_order& order, bot_time at);
  /// POST /c/NAME/ack for the session `id`.
  [[nodiscard]] call_outcome acknowledge_call(std::string_view id, std::int64_t seq, bot_time at);
  /// There may be something to send: a commit, room on the wire, or pump_later()'s turn.
  void pump(bot_time at);
  void tick(bot_time at);
  /// at_most_once: the cursor is on disk up to here, so that events up to here may be sent.
  void reserved(flow::offset upto, bot_time at);
  /// The interaction position that was given this ticket is on disk: what it stands for is sent.
  void interactions_reserved(std::uint64_t ticket, bot_time at);
  /// The gateway stops: 4000, or nothing at all.
  void shut(bool drop, bot_time at);
  /// The connection has ended; nothing is called after it.
  void closed(const bot_farewell& how, bot_time at);

  [[nodiscard]] const bot_origin& origin() const noexcept { return origin_; }
  /// What the lane was granted as; null before, and after op 9.
  [[nodiscard]] const lane_grant* grant() const noexcept { return grant_.get(); }

 private:
  enum class phase : std::uint8_t {
    unknown,         ///< before IDENTIFY or RESUME, and after op 9
    waiting_source,  ///< identified; the fleet is not complete yet
    waiting_grant,   ///< the consumer will give the lane
    filling,         ///< READY and guilds
    gated,           ///< has its guilds; queued events wait for the other lanes
    replaying,       ///< RESUME: counting, then replaying up to replay_until_
    flowing,
    closed,
  };

  // bot_core.cpp: the conversation and the right to the lane.
  void at(bot_time when) noexcept;
  void step(const session_input& input);
  void act(const session_action& action);
  void begin_identify(const identify_request& request);
  void begin_resume(const resume_request& request);
  void try_identify();
  [[nodiscard]] bool consumer_stands();
  void command(int op, std::string_view d);
  void asked_to_yield();
  void check_yield();
  [[nodiscard]] bool serving() const noexcept;
  void skip(flow::offset upto);
  void begin_hold();
  void release();
  void unreserve(consumer& body);
  void invalidate();
  /// The bot ended the connection with a close frame.
  void said_goodbye(std::uint16_t code);
  /// `unclean`: the bot is gone without a word.
  void leave(bool discard, bool unclean = false);
  [[nodiscard]] bool bury(consumer& body);
  void finish(std::uint16_t code, std::string_view reason);
  /// As finish(), but after the interactions that are this connection's to send.
  void finish_after_interactions(std::uint16_t code, const char* reason);
  // bot_delivery.cpp: what the lane's events need.
  void begin_filling(std::shared_ptr<const lane_grant> grant);
  void fill();
  void check_gate();
  void advance();
  void flow();
  void after_pump(lane::pace pace);
  void caught_up();
  [[nodiscard]] std::size_t burst_bytes() const;
  /// How far this phase goes, and how far the redelivery option lets it go now.
  [[nodiscard]] flow::offset target() const;
  [[nodiscard]] flow::offset sendable();
  struct acknowledgement {
    bool news = false;
    bool ours = true;  ///< false: the lane is not this connection's any more
  };
  void beaten(std::int64_t seq, std::string_view answer);
  void ask_for_beat();
  acknowledgement acknowledged(std::int64_t seq);
  void after_acknowledged(acknowledgement how);
  /// `exact`: what was acknowledged counts at once, since the bot lives or left in peace. False: the lane is
  /// not this connection's any more.
  bool report(bool exact = false);
  // bot_interactions.cpp
  void serve_interactions();
  void send_interaction(const flow::event_batch& batch, const flow::event_row& row);
  void count_interactions();

  void tell(consumer_news::kind what) const {
    if (around_.options.on_consumer) around_.options.on_consumer({what, origin_.consumer, lane_told_});
  }

  const bot_services around_;
  proto::shard_key lane_told_{0, 0};  ///< as identified or resumed; no count = neither
  bot_wire& wire_;
  const bot_origin origin_;
  base::instant now_{};  ///< of the input being worked on
  std::int64_t unix_ms_ = 0;
  frame_writer writer_;
  session session_;
  policy_ptr policy_;
  std::vector<session_action> actions_;
  phase phase_ = phase::unknown;
  bool silent_ = false;              ///< superseded: beats are answered, nothing is delivered
  bool yielding_ = false;            ///< asked for the lane and not released yet
  bool yielded_ = false;             ///< it is another's
  bool held_ = false;                ///< by the operator: nothing flows
  bool drained_ = false;             ///< held, and asked for what was sent
  bool interaction_unread_ = false;  ///< one was sent, and no beat since shows that it was received
  base::instant interaction_at_{};
  bool began_ = false;  ///< the backfill is through: the session can be resumed
  bool filled_in_bursts_ = false;
  bool bot_acknowledged_ = false;
  bool reserving_ = false;
  bool reserve_is_void_ = false;  ///< what is being reserved was taken back meanwhile
  bool starved_ = false;          ///< its window is full
  base::instant yield_until_{};
  base::instant gate_since_{};
  identify_request wish_;
  guarded_consumer* consumer_ = nullptr;
  std::shared_ptr<const lane_grant> grant_;
  std::optional<backfill> backfill_;
  std::optional<lane> lane_;
  interaction_stream interactions_;
  std::uint64_t told_sent_ = 0;  ///< interactions that the consumer has counted
  std::uint64_t told_dropped_ = 0;
  std::uint64_t untold_dropped_ = 0;  ///< in the log
  base::instant tell_dropped_at_{};
  std::uint16_t finish_with_ = 0;  ///< a close code that waits for interactions
  const char* finish_reason_ = "";
  flow::offset replay_until_;
  flow::offset reserved_;
  catch_up_pace pace_;
  bool paced_ = false;  ///< waits for its rate
  flow::offset reported_position_;
  flow::offset reported_cursor_;
  std::uint32_t reported_acked_ = 0;
  bool reported_left_ = false;
  std::uint64_t told_missing_ = 0;
};

}  // namespace evergate::downstream
