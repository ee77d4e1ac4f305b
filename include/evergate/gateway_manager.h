// The library's front door: create_gateway_manager({...}) puts the parts together; the daemon is a thin
// program over it. docs/api.md is the readable list of everything here, with examples.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evergate/awaited.h"
#include "evergate/controllers.h"
#include "evergate/error.h"
#include "evergate/gateway_commands.h"
#include "evergate/gateway_options.h"
#include "evergate/gateway_state.h"
#include "evergate/resharding.h"

namespace evergate {

/// One application's gateway.
///
/// Threads: start() and shutdown() are called by one thread, which is none of the library's (so in no event
/// and no coroutine that the library has resumed), and while shutdown() runs no thread of yours calls
/// anything else, save in events. Between them every method may be called from any thread, in events too,
/// unless it says that it waits. Callbacks are called on the event thread (see gateway_events.h), each once:
/// with the answer, or with an error at the latest when the gateway stops.
class gateway_manager {
 public:
  /// Where an answer goes.
  template <class T>
  using callback = std::move_only_function<void(result<T>)>;

  virtual ~gateway_manager() = default;  ///< as shutdown()

  // --- life ---------------------------------------------------------------------------------------------

  /// Opens the journal, listens for bots and begins to connect shards (unless gateway_options::spawn is
  /// false): stored sessions RESUME, the rest IDENTIFY as the schedule allows. Returns once listening; shards
  /// come up in the background.
  [[nodiscard]] virtual result<void> start() = 0;

  /// Stops in order: commits what was read, leaves Discord's sessions resumable, closes bots so that they
  /// come back. May be called once.
  virtual void shutdown() = 0;

  /// Connects every shard of this process that is offline: those that start() left, and those that were
  /// killed or disconnected. An error when the gateway does not run or has failed.
  virtual result<void> spawn_shards() = 0;

  // --- what can be seen ---------------------------------------------------------------------------------

  /// The port that bots reach, after start().
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// Every shard held, ascending; while resharding those of the old fleet first. Empty until their count is
  /// known.
  [[nodiscard]] virtual std::vector<shard_status> shards() const = 0;
  /// One shard of the fleet that serves; nothing when it is not held.
  [[nodiscard]] virtual std::optional<shard_status> shard(std::uint32_t id) const = 0;
  /// The line for identifying; empty until GET /gateway/bot has answered.
  [[nodiscard]] virtual std::vector<identify_bucket> buckets() const = 0;
  /// Discord's session start limit and what was used of it.
  [[nodiscard]] virtual session_limits limits() const = 0;
  /// Every worker with its load; the first numbers are there about a second after start().
  [[nodiscard]] virtual std::vector<worker_status> workers() const = 0;
  /// The fleet that serves and, while resharding, the one that is prepared.
  [[nodiscard]] virtual std::vector<fleet_status> fleets() const = 0;
  /// Every consumer that has ever read.
  [[nodiscard]] virtual std::vector<consumer_status> consumers() const = 0;
  /// The journal.
  [[nodiscard]] virtual journal_status journal() const = 0;
  /// Mean of the live shards' latencies, in milliseconds; −1 = no heartbeat was acknowledged yet.
  [[nodiscard]] virtual std::int64_t latency() const = 0;
  /// Why the application cannot go on (see gateway_events::fatal); empty while it can.
  [[nodiscard]] virtual std::string fatal() const = 0;
  /// True when fatal() is damage to the store met while running: a new manager over the same options sets it
  /// aside and goes on.
  [[nodiscard]] virtual bool restart_helps() const = 0;
  /// Calls of your events that threw, and news of shards that a slow event left no room for.
  [[nodiscard]] virtual std::uint64_t event_failures() const = 0;

  // --- where a guild, a shard belongs -------------------------------------------------------------------

  /// The shard that has the guild: (guild_id >> 22) % total. 0 shards: of the fleet that serves (0 while its
  /// count is unknown).
  [[nodiscard]] virtual std::uint32_t calculate_shard_id(std::uint64_t guild_id,
                                                         std::uint32_t total_shards = 0) const = 0;
  /// The worker that holds the shard.
  [[nodiscard]] virtual std::uint32_t calculate_worker_id(std::uint32_t shard) const = 0;
  /// How many shards guilds and Discord's recommendation call for, a multiple of what Discord asks of large
  /// bots. Asks Discord: it waits for that answer, so it is not for events.
  virtual result<std::uint32_t> calculate_total_shards() = 0;

  // --- single shards ------------------------------------------------------------------------------------
  // Of the fleet that serves. An error says when the shard is not held here, or when a resharding runs,
  // which has its own plans for every shard. They return before it is done: events and shard() tell how far
  // it is.

  /// Gives the shard a new session: ends the one it has (with a GAP) and IDENTIFYs in its turn, out of the
  /// daily budget.
  virtual result<void> identify(std::uint32_t shard) = 0;
  /// Ends the shard's session (close 1000, with a GAP) and leaves it offline.
  virtual result<void> kill(std::uint32_t shard) = 0;
  /// Drops the connection and leaves the shard offline; Discord keeps the session for some minutes.
  virtual result<void> disconnect(std::uint32_t shard) = 0;
  /// Ends being offline: RESUME when it holds a session, else IDENTIFY in its turn.
  virtual result<void> connect(std::uint32_t shard) = 0;
  /// Drops the connection and RESUMEs on another one.
  virtual result<void> resume(std::uint32_t shard) = 0;

  // --- commands to Discord ------------------------------------------------------------------------------
  // Within the send window of the shard (120 in 60 s, presences 5 in 20 s); what has no room yet waits. A
  // shard between connections keeps its commands. An error says when its queue is full. Replies (members,
  // sounds) come to this program alone, in gateway_events::dispatch, not to bots.

  /// Sends `{"op":op,"d":d}` on a shard. `d` is JSON. Op 8, 31 and 43 go to the shards of their guilds. An
  /// error for ops that are the session's own (1, 2, 6), and for more than 4096 bytes.
  virtual result<void> send_payload(std::uint32_t shard, int op, std::string_view d) = 0;
  /// Joins a voice channel, or moves to it. VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE follow.
  virtual result<void> join_voice_channel(std::uint64_t guild_id, std::uint64_t channel_id,
                                          voice_join how = {}) = 0;
  /// Leaves the guild's voice channel.
  virtual result<void> leave_voice_channel(std::uint64_t guild_id) = 0;
  /// Sets the presence of every shard: the JSON of an op 3 `d`. Remembered over reconnects and reshardings.
  virtual result<void> edit_bot_status(std::string_view presence) = 0;
  /// Sets the presence of one shard, until edit_bot_status() or a bot sets another.
  virtual result<void> edit_shard_status(std::uint32_t shard, std::string_view presence) = 0;
  /// Asks for members and gathers the chunks.
  virtual void request_members(member_request what, callback<guild_members> done) = 0;
  /// The same, to be awaited.
  awaited<guild_members> request_members(member_request what) {
    return awaited<guild_members>([this, what = std::move(what)](callback<guild_members> done) mutable {
      request_members(std::move(what), std::move(done));
    });
  }
  /// Asks for the soundboard sounds of guilds: one SOUNDBOARD_SOUNDS each, in gateway_events::dispatch.
  virtual result<void> request_soundboard_sounds(const std::vector<std::uint64_t>& guild_ids) = 0;
  /// Asks for `fields` of the guild's channels (op 43): CHANNEL_INFO, in gateway_events::dispatch. Source:
  /// Discord documentation, Gateway Events, "Request Channel Info".
  virtual result<void> request_channel_info(std::uint64_t guild_id, const std::vector<std::string>& fields = {
                                                                        "status", "voice_start_time"}) = 0;

  // --- resharding ---------------------------------------------------------------------------------------

  /// What resharding to `shards` would cost; 0 = to the count that guilds and Discord's recommendation call
  /// for. Asks Discord for the budget: it waits for that answer, so it is not for events.
  virtual result<resharding_plan> plan_resharding(std::uint32_t shards = 0) = 0;
  /// Begins what plan_resharding() shows, up, down or to the same count; an error says why not. It waits as
  /// plan_resharding() does.
  virtual result<resharding_plan> start_resharding(std::uint32_t shards = 0) = 0;
  /// Has everything return to the old fleet; an error when nothing runs or it is too late. It waits for the
  /// first worker.
  virtual result<void> abort_resharding() = 0;
  /// How far it is, and what came of the last one.
  [[nodiscard]] virtual resharding_status resharding() const = 0;

  // --- controllers -------------------------------------------------------------------------------------

  /// Every controller, overridden or not, in the order of controller_table.
  [[nodiscard]] virtual std::vector<controller_status> controllers() const = 0;
  /// Reads controllers.script again: from the next question on every thread asks the new script. One that
  /// does not compile, fails as it is run or defines a global function that is no controller is refused with
  /// file and line, and the old one stays. When deliver_event may have changed, bots begin a new session
  /// (op 9); nothing they have not acknowledged is lost.
  virtual result<void> reload_controllers() = 0;

  // --- consumers ----------------------------------------------------------------------------------------
  // Errors: nobody has ever read by that name. What they change is on disk when the callback comes.

  /// Delivers nothing to the consumer until resume_consumer(), over restarts too; its events queue.
  virtual void pause_consumer(const std::string& name, callback<void> done) = 0;
  /// Ends a pause, and what a drain holds.
  virtual void resume_consumer(const std::string& name, callback<void> done) = 0;
  /// Holds delivery to the consumer's bots and waits, `timeout` at most, until they have acknowledged what
  /// they were sent.
  virtual void drain_consumer(const std::string& name, std::chrono::milliseconds timeout,
                              callback<drain_result> done) = 0;
  /// Gives up what is queued up to a position: counted, with a GAP. Reads the disk before it returns.
  virtual void skip_consumer(const std::string& name, start_position to, callback<void> done) = 0;
  /// Gives up what of the class is queued and has not been sent: counted, with a GAP unless it is ephemeral.
  /// Reads the disk before it returns.
  virtual void drop_consumer_class(const std::string& name, event_group what, callback<void> done) = 0;
  /// The same, to be awaited.
  awaited<void> pause_consumer(const std::string& name) {
    return awaited<void>([this, name](callback<void> done) { pause_consumer(name, std::move(done)); });
  }
  /// The same, to be awaited.
  awaited<void> resume_consumer(const std::string& name) {
    return awaited<void>([this, name](callback<void> done) { resume_consumer(name, std::move(done)); });
  }
  /// The same, to be awaited.
  awaited<drain_result> drain_consumer(const std::string& name, std::chrono::milliseconds timeout) {
    return awaited<drain_result>([this, name, timeout](callback<drain_result> done) {
      drain_consumer(name, timeout, std::move(done));
    });
  }
  /// The same, to be awaited.
  awaited<void> skip_consumer(const std::string& name, start_position to) {
    return awaited<void>([this, name, to](callback<void> done) { skip_consumer(name, to, std::move(done)); });
  }

  /// The same, to be awaited.
  awaited<void> drop_consumer_class(const std::string& name, event_group what) {
    return awaited<void>(
        [this, name, what](callback<void> done) { drop_consumer_class(name, what, std::move(done)); });
  }

  /// Events that bots died of, oldest first, with their bytes (64 MiB in all at most).
  [[nodiscard]] virtual std::vector<dead_letter> dead_letters() const = 0;
  /// Sends one again to the bot that serves its guild now, outside of the numbers; it is kept. Errors: there
  /// is none, or no bot.
  virtual result<void> replay_dead_letter(const std::string& consumer, std::uint64_t offset) = 0;
  /// Forgets one. An error when there is none.
  virtual result<void> discard_dead_letter(const std::string& consumer, std::uint64_t offset) = 0;

  // --- the rest -----------------------------------------------------------------------------------------

  /// Reads the listener's certificate and key again; connections keep theirs, and so does the listener when
  /// the new files cannot be used.
  virtual result<void> reload_certificates() = 0;
};

/// Checks the options (an error names the option, its value and what is allowed) and makes a manager that
/// has not started yet. Nothing is opened or connected. Any thread.
[[nodiscard]] result<std::unique_ptr<gateway_manager>> create_gateway_manager(gateway_options options);

/// The library's version, for example "0.1.0".
[[nodiscard]] std::string_view version() noexcept;

}  // namespace evergate
