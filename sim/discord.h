// Simulated Discord without I/O: what clients send comes in as text, what they are sent goes to a sink, and
// time is an argument (milliseconds since 1970 that never fall). The same object serves real sockets and
// scripted tests. One thread; bounded by discord_options.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/discord_options.h"
#include "sim/event.h"
#include "sim/event_mix.h"
#include "sim/fault_book.h"
#include "sim/gateway_sink.h"
#include "sim/ledger.h"
#include "sim/session.h"
#include "sim/violations.h"
#include "sim/world.h"

namespace evergate::sim {

/// What a client asked for in the upgrade request.
struct gateway_request {
  bool resume_path = false;  ///< it came to resume_gateway_url
  std::string version = "10";
  std::string encoding = "json";
  std::string compress = {};  ///< "", "zlib-stream", "zstd-stream"
};

struct discord_counters {
  std::uint64_t identifies = 0;          ///< accepted
  std::uint64_t identifies_refused = 0;  ///< op 9 because of bucket or budget
  std::uint64_t resumes = 0;
  std::uint64_t resumes_refused = 0;
  std::uint64_t connections = 0;
  std::uint64_t heartbeats = 0;
  std::uint64_t events = 0;      ///< made in the world
  std::uint64_t dispatches = 0;  ///< given to sessions
};

class discord {
 public:
  discord(const discord_options& options, gateway_sink& sink, std::int64_t now_ms);
  ~discord();
  discord(const discord&) = delete;
  discord& operator=(const discord&) = delete;

  // The gateway's side of a socket.
  /// `id` is the shell's, never 0 and never used twice.
  void open(connection_id id, const gateway_request& request, std::int64_t now_ms);
  void receive(connection_id from, std::string_view payload, bool binary, std::int64_t now_ms);
  /// The socket has ended; `code` as the client sent it, 1006 when it sent none.
  void closed(connection_id which, std::uint16_t code, std::int64_t now_ms);

  /// The shell gave up on a client that does not read: the session stays, the connection does not.
  void slow_reader(connection_id which, std::int64_t now_ms);

  /// Timers, backfill and the events due at the current rate. Call every few milliseconds.
  void tick(std::int64_t now_ms);

  // What happens in the world.
  void set_rate(double events_per_second, std::int64_t now_ms);
  [[nodiscard]] double rate() const noexcept { return rate_; }
  void pause(bool paused) noexcept { paused_ = paused; }
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  /// Makes up to `count` events now (of one type when it is not empty) and says how many it made: fewer when
  /// a client is congested or the type cannot happen.
  std::uint64_t emit(std::uint64_t count, std::string_view type, std::int64_t now_ms);
  [[nodiscard]] std::uint64_t last_serial() const noexcept { return mix_.last_serial(); }
  /// All guilds in an outage come back; the number of them.
  std::uint64_t settle(std::int64_t now_ms);
  /// True while some connected session still waits for guilds.
  [[nodiscard]] bool backfilling() const noexcept;
  [[nodiscard]] bool congested() const;
  /// The bot's message of a REST call; its object, or nothing when there is no such channel.
  std::optional<std::string> post_message(snowflake channel, std::string_view content, std::int64_t now_ms);

  // What goes wrong on command (docs/simulated-discord.md has the table).
  /// Done at once, or armed until it happens; {armed: false, done: 0} too when orders_max are armed.
  fault_outcome fault(const fault_order& order, std::int64_t now_ms);
  /// Disarms everything; what was done is not undone.
  void clear_faults() noexcept;
  [[nodiscard]] const fault_book& faults() const noexcept { return faults_; }
  /// To be asked by the shell for each upgrade request, before open().
  [[nodiscard]] upgrade_verdict knock(const gateway_request& request);
  /// The status and body of a REST call that is to fail; `path` is below /api/v10, without a leading slash.
  [[nodiscard]] std::optional<fault_order> rest_fault(std::string_view path);

  void set_urls(gateway_urls urls) { urls_ = std::move(urls); }
  /// What /gateway/bot answers now: an armed gateway_url is used up by this.
  [[nodiscard]] std::string gateway_url();
  [[nodiscard]] std::uint32_t identifies_left(std::int64_t now_ms);
  [[nodiscard]] std::int64_t identify_reset_ms(std::int64_t now_ms) const noexcept;

  [[nodiscard]] const discord_options& options() const noexcept { return options_; }
  [[nodiscard]] const discord_counters& counters() const noexcept { return counters_; }
  [[nodiscard]] class world& world() noexcept { return world_; }
  [[nodiscard]] const class ledger& ledger() const noexcept { return ledger_; }
  [[nodiscard]] const class violations& violations() const noexcept { return violations_; }
  [[nodiscard]] const std::map<std::string, std::unique_ptr<session>>& sessions() const noexcept {
    return sessions_;
  }

 private:
  struct connection;
  using shard_table = std::vector<std::vector<session*>>;

  // discord.cpp
  void judge(connection& c, const nlohmann::json& frame, std::int64_t now_ms);
  void heartbeat(connection& c, const nlohmann::json& d, std::int64_t now_ms);
  bool within_send_window(connection& c, std::int64_t now_ms);
  void send_plain(connection& c, std::string_view payload);
  void transmit(connection& c, std::string_view head, std::string_view body, std::string_view tail);
  void say_hello(connection& c, std::int64_t now_ms);
  void breach(const connection& c, std::string_view kind, std::string text, bool info = false);
  void close(connection& c, std::uint16_t code, std::string_view reason);
  void detach(connection& c, std::int64_t now_ms);
  void end_session(session& s, std::int64_t now_ms);
  [[nodiscard]] connection* find(connection_id id);
  // discord_identify.cpp
  void identify(connection& c, const nlohmann::json& d, std::int64_t now_ms);
  bool admit(connection& c, const nlohmann::json& d, std::uint32_t& shard, std::uint32_t& count);
  bool take_identify(connection& c, std::uint32_t shard, std::int64_t now_ms);
  void start_session(connection& c, std::uint32_t shard, std::uint32_t count, const nlohmann::json& d);
  void send_ready(session& s);
  void resume(connection& c, const nlohmann::json& d, std::int64_t now_ms);
  [[nodiscard]] std::size_t replay_size(std::size_t guilds) const noexcept;
  // discord_dispatch.cpp
  void spread(event& e);
  [[nodiscard]] bool wants(session& s, const event& e) const;
  void deliver(session& s, std::string_view type, std::shared_ptr<const std::string> d);
  void commit(session& s, std::uint64_t owed, std::string_view type, std::shared_ptr<const std::string> d);
  void release_lagged(session& s, std::int64_t now_ms);
  void send_event(session& s, std::uint32_t seq, std::string_view type, std::string_view d);
  void backfill(session& s, std::int64_t elapsed_ms);
  void backfill_one(session& s, std::uint32_t index);
  void reply(session& s, std::string_view type, snowflake guild, std::string d, std::uint64_t serial);
  void watch(std::int64_t now_ms);
  // discord_faults.cpp
  [[nodiscard]] std::vector<connection*> fitting(const fault_order& order);
  std::size_t strike(const fault_order& order, std::int64_t now_ms);
  void strike_one(connection& c, const fault_order& order, std::int64_t now_ms);
  std::size_t shout(const fault_order& order, std::int64_t now_ms);
  bool shout_in(const session& s, const fault_order& order, std::int64_t now_ms);
  [[nodiscard]] static fault_book::target target_of(const session& s) {
    return {.shard = s.shard, .count = s.count};
  }
  [[nodiscard]] static fault_book::target target_of(const connection& c);
  bool spoil_hello(connection& c, const std::string& hello, std::int64_t now_ms);
  bool spoil_identify(connection& c, std::uint32_t shard, std::uint32_t count);
  bool spoil_resume(connection& c, session& s, std::int64_t now_ms);
  void end_connection(connection& c, std::uint16_t code);
  void acknowledge(connection& c, std::int64_t now_ms);
  [[nodiscard]] const std::string& url_for(const fault_order& order) const;
  void send_later(connection& c, std::int64_t due_ms, std::string payload);
  void send_due(std::int64_t now_ms);
  // discord_commands.cpp
  void presence(connection& c, const nlohmann::json& d, std::int64_t now_ms);
  void voice(connection& c, const nlohmann::json& d, std::int64_t now_ms);
  void request_members(connection& c, const nlohmann::json& d, std::int64_t now_ms);
  void send_chunks(session& s, const guild& g, const std::vector<const member*>& found,
                   std::string_view nonce, const std::vector<std::string>& missing, bool presences);
  void send_whole_list(connection& c, const guild& g, const std::string& nonce, bool presences,
                       std::int64_t now_ms);
  void request_sounds(connection& c, const nlohmann::json& d);
  void request_channel_info(connection& c, const nlohmann::json& d);
  guild* own_guild(connection& c, const nlohmann::json& id);

  discord_options options_;
  gateway_sink& sink_;
  class world world_;
  event_mix mix_;
  class ledger ledger_;
  class violations violations_;
  discord_counters counters_;
  base::rng random_;
  gateway_urls urls_;
  fault_book faults_;
  std::multimap<std::int64_t, std::pair<connection_id, std::string>>
      later_;  ///< payloads by when they are due
  std::map<connection_id, std::unique_ptr<connection>> connections_;
  std::map<std::string, std::unique_ptr<session>> sessions_;
  std::map<std::uint32_t, shard_table> fleets_;  ///< by shard count
  std::vector<std::int64_t> bucket_used_ms_;
  std::uint32_t identifies_used_ = 0;
  std::int64_t identify_day_ms_ = 0;
  std::unordered_map<snowflake, std::int64_t>
      whole_lists_ms_;  ///< when each guild was last listed as a whole
  std::int64_t ticked_ms_ = 0;
  std::int64_t watched_ms_ = 0;
  double rate_ = 0;
  double event_credit_ = 0;
  bool paused_ = false;
  event event_;
  std::string head_;
};

}  // namespace evergate::sim
