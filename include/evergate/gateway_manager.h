// The library's front door: create_gateway_manager({...}) puts the parts together; the daemon is a thin
// program over it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "evergate/controllers.h"
#include "evergate/error.h"
#include "evergate/gateway_options.h"
#include "evergate/resharding.h"

namespace evergate {

/// A shard as it stands.
struct shard_status {
  std::uint32_t id = 0;
  std::uint32_t count = 1;
  std::string state;                ///< connecting, identifying, resuming, connected, disconnected, …
  bool session = false;             ///< holds a session that can be resumed
  std::int64_t committed_seq = -1;  ///< -1 = none
  std::int64_t latency_ms = -1;     ///< of the last heartbeat; -1 = unknown
  std::uint64_t identifies = 0;     ///< since the start of the process
  std::uint64_t resumes = 0;
};

struct journal_status {
  std::uint64_t head = 0;  ///< offset of the newest committed record
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  std::uint64_t evicted = 0;
  std::uint64_t gaps = 0;
};

/// One application's gateway. Methods are thread-safe.
class gateway_manager {
 public:
  virtual ~gateway_manager() = default;  ///< as shutdown()

  /// Opens the journal, listens for bots and begins to connect shards: stored sessions RESUME, the rest
  /// IDENTIFY as the schedule allows. Returns once listening; shards come up in the background.
  [[nodiscard]] virtual result<void> start() = 0;

  /// Stops in order: commits what was read, leaves Discord's sessions resumable, closes bots so that they
  /// come back. May be called once.
  virtual void shutdown() = 0;

  /// The port that bots reach, after start().
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual std::vector<shard_status> shards() const = 0;
  [[nodiscard]] virtual journal_status journal() const = 0;
  /// Why the application cannot go on (see gateway_events::fatal); empty while it can.
  [[nodiscard]] virtual std::string fatal() const = 0;
  /// True when fatal() is damage to the store met while running: a new manager over the same options sets it
  /// aside and goes on.
  [[nodiscard]] virtual bool restart_helps() const = 0;

  /// What resharding to `shards` would cost; 0 = to the count that guilds and Discord's recommendation call
  /// for. Asks Discord for the budget, so it may take as long as an answer.
  virtual result<resharding_plan> plan_resharding(std::uint32_t shards = 0) = 0;
  /// Begins what plan_resharding() shows, up, down or to the same count; an error says why not.
  virtual result<resharding_plan> start_resharding(std::uint32_t shards = 0) = 0;
  /// Has everything return to the old fleet; an error when nothing runs or it is too late.
  virtual result<void> abort_resharding() = 0;
  [[nodiscard]] virtual resharding_status resharding() const = 0;

  /// Every controller, overridden or not, in the order of controller_table.
  [[nodiscard]] virtual std::vector<controller_status> controllers() const = 0;
  /// Reads controllers.script again: from the next question on every thread asks the new script. One that
  /// does not compile, fails as it is run or defines a global function that is no controller is refused with
  /// file and line, and the old one stays. When deliver_event may have changed, bots begin a new session
  /// (op 9); nothing they have not acknowledged is lost.
  virtual result<void> reload_controllers() = 0;

  /// Reads the listener's certificate and key again; connections keep theirs, and so does the listener when
  /// the new files cannot be used.
  virtual result<void> reload_certificates() = 0;
};

/// Checks the options (an error names the option, its value and what is allowed) and makes a manager that
/// has not started yet. Nothing is opened or connected.
[[nodiscard]] result<std::unique_ptr<gateway_manager>> create_gateway_manager(gateway_options options);

}  // namespace evergate
