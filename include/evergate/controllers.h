// Every decision inside the gateway that can be overridden, by name: an override is asked a question and may
// ask the standard answer, for the same question or a changed one. Overrides are called on the gateway's own
// threads, several at once, and must not block; views in a question are valid during the call. One that
// throws, or whose answer is not allowed, is counted and logged with its name, and the standard answer is
// taken; no event is lost by it. Lua scripts override the same names with the same fields
// (docs/controllers.md); where both do, the script's standard answer is the C++ override's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace evergate {

/// The answer without the override. A reference: valid during the override's call.
template <class Question, class Answer>
class standard_answer {
 public:
  using question_type = Question;  ///< what is asked
  using answer_type = Answer;      ///< what is answered

  /// A view of `asked`, which must outlive it.
  template <class Asked>
  standard_answer(const Asked& asked) noexcept  // NOLINT(google-explicit-constructor): as a function_ref
      : what_(&asked), call_([](const void* what, const Question& question) -> Answer {
          return (*static_cast<const Asked*>(what))(question);
        }) {}

  /// What would be done without an override.
  [[nodiscard]] Answer operator()(const Question& question) const { return call_(what_, question); }

 private:
  const void* what_;
  Answer (*call_)(const void*, const Question&);
};

/// For example:
///
///     options.controllers.judge_close = [](const auto& asked, const auto& standard) {
///       return asked.code == 4000 ? evergate::close_verdict::identify : standard(asked);
///     };
template <class Question, class Answer>
using controller =
    std::function<Answer(const Question& asked, const standard_answer<Question, Answer>& standard)>;

// --- scale ----------------------------------------------------------------------------------------------

/// With how many shards to start.
struct total_shards_question {
  std::uint32_t configured = 0;       ///< shards.total; 0 = not set
  std::uint32_t stored = 0;           ///< of the sessions that an earlier run left; 0 = none
  std::uint32_t recommended = 1;      ///< by GET /gateway/bot
  std::uint32_t max_concurrency = 1;  ///< buckets of IDENTIFYs
};

/// Which worker a shard belongs to.
struct worker_id_question {
  std::uint32_t shard = 0;               ///< its id
  std::uint32_t first_shard = 0;         ///< of this process
  std::uint32_t shards = 1;              ///< of this process
  std::uint32_t workers = 1;             ///< how many
  std::uint32_t shards_per_worker = 25;  ///< shards.per_worker
  bool round_robin = false;              ///< shards.round_robin
};

/// May the shard IDENTIFY now?
struct identify_question {
  std::uint32_t shard = 0;         ///< its id
  std::uint32_t bucket = 0;        ///< shard % max_concurrency
  std::string_view cause{};        ///< start, reconnect, reshard, …: as in `evergate status`
  std::uint32_t remaining = 0;     ///< session starts of the day
  std::uint32_t asked_before = 0;  ///< how often this turn has been put off
};

/// With which presence it IDENTIFYs.
struct presence_question {
  std::uint32_t shard = 0;      ///< its id
  std::uint32_t shards = 1;     ///< shards of its fleet
  std::string_view presence{};  ///< JSON of an op 3 `d`: the bots' latest, else the configured; may be empty
};

// --- sessions -------------------------------------------------------------------------------------------

/// What a shard does when its connection has ended.
enum class close_verdict : std::uint8_t {
  resume,        ///< reconnects and RESUMEs at once
  resume_later,  ///< RESUMEs after a pause (reconnect.slow_down)
  resume_once,   ///< tries one RESUME; the same again means a new session
  identify,      ///< gives the session up: a GAP, then IDENTIFY
  fatal,         ///< stops the application
};

/// A shard's connection was closed.
struct close_question {
  std::uint32_t shard = 0;    ///< its id
  std::uint32_t shards = 1;   ///< shards of its fleet
  std::uint16_t code = 1006;  ///< Discord's; 1005 = a close frame without one, 1006 = no close frame
  bool session = false;       ///< there is one to resume
};

/// Discord sent op 9.
struct invalid_session_question {
  std::uint32_t shard = 0;   ///< its id
  std::uint32_t shards = 1;  ///< shards of its fleet
  bool resumable = false;    ///< op 9's `d`
};

/// How long to wait before the next connection.
struct reconnect_question {
  std::uint32_t shard = 0;             ///< its id
  std::uint32_t shards = 1;            ///< shards of its fleet
  std::uint32_t tries = 0;             ///< since the shard was last live
  std::chrono::milliseconds delay{0};  ///< drawn as reconnect.* says
};

// --- events ---------------------------------------------------------------------------------------------

/// An event on its way to the journal.
struct event_question {
  std::uint32_t shard = 0;   ///< its id
  std::uint32_t shards = 1;  ///< shards of its fleet
  std::string_view type{};   ///< `t`
  std::uint64_t guild = 0;   ///< 0 = without one
  std::string_view d{};      ///< JSON
};

/// What becomes of it.
struct event_answer {
  /// What becomes of the event.
  enum class verdict : std::uint8_t { keep, drop, rewrite };
  verdict what = verdict::keep;  ///< what is to be done
  std::string d{};               ///< of rewrite: a JSON object
};

/// An event on its way to a bot.
struct delivery_question {
  std::string_view consumer{};  ///< its name
  std::uint32_t lane = 0;       ///< the lane's id
  std::uint32_t lanes = 1;      ///< the bot's n
  std::string_view type{};      ///< as in `t`
  std::uint64_t guild = 0;      ///< the guild; 0 = none
  std::string_view d{};         ///< JSON
};

/// In the order in which they are given up without an override.
enum class event_group : std::uint8_t { ephemeral, message, state };

/// The queue is full.
struct overflow_question {
  /// A kind of events.
  struct group {
    bool there = false;                   ///< some of it can be given up
    std::uint64_t events = 0;             ///< how many
    std::uint64_t bytes = 0;              ///< of them
    std::chrono::milliseconds oldest{0};  ///< age of the oldest
  };
  std::array<group, 3> groups;  ///< by event_group
};

/// Is the interaction too old?
struct interaction_question {
  std::chrono::milliseconds age{0};  ///< since Discord made it
  std::string_view d{};              ///< the interaction's JSON
};

// --- bots -----------------------------------------------------------------------------------------------

/// A bot's command.
struct command_question {
  std::string_view consumer{};  ///< its name
  std::uint32_t lane = 0;       ///< the lane's id
  std::uint32_t lanes = 1;      ///< the bot's n
  int op = 0;                   ///< 3, 4, 8, 31 or 43
  std::string_view d{};         ///< as the bot sent it
};

/// What becomes of it.
struct command_answer {
  /// What becomes of the command.
  enum class verdict : std::uint8_t { pass, drop, rewrite };
  verdict what = verdict::pass;  ///< what is to be done
  std::string d{};               ///< of rewrite: a JSON object, judged as if the bot had sent it
};

/// A request for members, while an equal one is under way.
struct member_request_question {
  std::string_view consumer{};  ///< its name
  std::uint64_t guild = 0;      ///< the guild; 0 = none
  std::string_view d{};         ///< as it would go to Discord, without nonce
  std::uint32_t others = 0;     ///< requests that the same answer will serve already
};

/// READY for a bot.
struct ready_question {
  std::string_view consumer{};  ///< its name
  std::uint32_t lane = 0;       ///< the lane's id
  std::uint32_t lanes = 1;      ///< the bot's n
  std::string_view d{};         ///< the READY that the bot would get
};

/// A bot that identifies.
struct bot_question {
  std::string_view consumer{};  ///< its name
  std::uint32_t lane = 0;       ///< the lane's id
  std::uint32_t lanes = 1;      ///< the bot's n
  std::uint64_t intents = 0;    ///< that it asks for
  std::string_view library{};   ///< properties.browser of its IDENTIFY
};

/// How many shards to tell bots.
struct lanes_question {
  std::string_view consumer{};   ///< its name
  std::uint32_t configured = 0;  ///< downstream.lanes; 0 = not set
  std::uint32_t shards = 1;      ///< upstream
};

// --- resharding -----------------------------------------------------------------------------------------

/// Is it time to reshard?
struct reshard_question {
  std::uint32_t current = 1;          ///< shards that serve
  std::uint32_t target = 0;           ///< that guilds and Discord's recommendation call for
  bool due = false;                   ///< reshard.threshold is reached
  std::uint32_t fullest_percent = 0;  ///< of reshard.guilds_per_shard_max, of the fullest shard
  std::uint32_t guilds = 0;           ///< that are known
  std::uint32_t recommended = 0;      ///< by GET /gateway/bot
  std::uint32_t remaining = 0;        ///< session starts of the day
};

/// May guilds begin to move?
struct switch_question {
  std::uint32_t from = 1;               ///< shards that serve
  std::uint32_t to = 1;                 ///< shards of the new fleet
  std::uint32_t ready_shards = 0;       ///< of the new fleet
  std::chrono::milliseconds waited{0};  ///< since it could begin
};

// --- the table ------------------------------------------------------------------------------------------

/// What may be overridden. Each says what the answer means, what is allowed, when and on which thread it is
/// asked; what is not allowed counts as a failure of the override.
struct controller_table {
  /// Count of shards to start with, 1 to 65,535. Standard: configured, else stored, else recommended. Asked
  /// once at start, on the control loop. Another count than the stored sessions' ends these with a GAP.
  controller<total_shards_question, std::uint32_t> calculate_total_shards;
  /// Which worker serves the shard, below `workers`. Standard: blocks of shards_per_worker, the last worker
  /// takes the rest; or shard % workers. Asked once a shard, as its fleet is made.
  controller<worker_id_question, std::uint32_t> calculate_worker_id;
  /// How long the shard's IDENTIFY waits, 0 to 10 minutes; then it is asked again. Standard: 0. Asked when
  /// its turn has come and the budget allows it, on the control loop.
  controller<identify_question, std::chrono::milliseconds> permit_identify;
  /// The presence sent with an IDENTIFY: JSON of an op 3 `d`, or empty for none. Standard: as asked. On the
  /// shard's loop.
  controller<presence_question, std::string> make_presence;

  /// What a close of Discord's means. Standard: Discord's table (docs/failures.md). On the shard's loop.
  controller<close_question, close_verdict> judge_close;
  /// Whether an op 9 leaves the session resumable. Standard: what it says. On the shard's loop.
  controller<invalid_session_question, bool> judge_invalid_session;
  /// The pause before the next connection, 0 to 10 minutes. Standard: `delay`. On the shard's loop.
  controller<reconnect_question, std::chrono::milliseconds> reconnect_delay;

  /// Whether an event enters the journal, and as what. Standard: keep. READY and RESUMED are not asked about;
  /// GUILD_CREATE and GUILD_DELETE cannot be dropped. Routing, the mirror's counts and intents go by the
  /// original. While resharding the same event is asked about twice, from two shards: answer by the event.
  /// On the shard's loop, once an event; the hot path.
  controller<event_question, event_answer> on_event;
  /// Whether a consumer gets an event of the journal that its lists let pass. Standard: true. Its answer is a
  /// part of the numbering of sessions, so it depends on nothing but the question; change
  /// `deliver_event_version` with the function. READY, RESUMED, GUILD_CREATE, GUILD_DELETE and replies to the
  /// consumer's own commands are not asked about. On the connection's loop, the hot path.
  controller<delivery_question, bool> deliver_event;
  /// Which group of unacknowledged events gives way when the queue is full; one that is `there`. Standard:
  /// the first of them. On the journal's thread, once a transaction's worth of events.
  controller<overflow_question, event_group> choose_overflow;
  /// Whether an interaction is too old to be delivered. Standard: as interactions.* says. On the connection's
  /// loop.
  controller<interaction_question, bool> expire_interaction;

  /// What becomes of a bot's command. Standard: pass. A dropped one is answered by nothing. On the
  /// connection's loop.
  controller<command_question, command_answer> on_command;
  /// Whether a member request is served by the answer to an equal one (same guild, query, limit, users) that
  /// is under way. Standard: true. Asked only when there is one. On the connection's loop.
  controller<member_request_question, bool> coalesce_members;
  /// READY's `d` for a bot: a JSON object with the given session_id. Standard: as asked. On the connection's
  /// loop.
  controller<ready_question, std::string> make_ready;
  /// Whether a bot that identifies is let in: 0, or the close code it gets (4000 to 4999). Standard: 0. After
  /// token, intents and shard have been judged. On the connection's loop.
  controller<bot_question, std::uint16_t> admit_bot;
  /// `shards` of GET /gateway/bot, 1 to downstream.lanes_max. Standard: configured, else one per 100 shards.
  /// On the connection's loop.
  controller<lanes_question, std::uint32_t> calculate_lanes;

  /// To how many shards to reshard now; 0 = not now. Standard: `target` when due. Asked every
  /// reshard.check_interval while reshard.automatic is set, on the control loop. The budget is judged after.
  controller<reshard_question, std::uint32_t> decide_resharding;
  /// Whether guilds begin to move, once every new shard is ready. Standard: true. Asked every second until it
  /// is; after reshard.stall_max of waiting the resharding is given up. On the control loop.
  controller<switch_question, bool> permit_switch;

  /// Of `deliver_event`: sessions numbered by another version are not resumed (op 9) but identify again.
  std::uint32_t deliver_event_version = 1;
};

/// How a controller's override has done since the start.
struct controller_status {
  std::string name;                     ///< its name
  bool in_cpp = false;                  ///< overridden by a function
  bool in_lua = false;                  ///< overridden by the script
  std::uint64_t calls = 0;              ///< of the override
  std::uint64_t failures = 0;           ///< the standard answer was taken instead
  std::uint64_t slow = 0;               ///< took longer than controllers.slow_after
  std::chrono::nanoseconds total{0};    ///< time of all calls
  std::chrono::nanoseconds slowest{0};  ///< time of the slowest call
  std::string last_failure;             ///< why; empty = none
};

}  // namespace evergate
