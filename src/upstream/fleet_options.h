// Everything a fleet can be told. Each option's default is stated here; fleet::make() checks them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "controllers/desk.h"
#include "flow/intake.h"
#include "flow/journal.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/tls.h"
#include "net/websocket.h"
#include "proto/compression.h"
#include "proto/identify_scheduler.h"
#include "upstream/access.h"
#include "upstream/batcher.h"
#include "upstream/connect_pacer.h"
#include "upstream/gateway_info_fetch.h"
#include "upstream/session.h"
#include "upstream/shard_news.h"

namespace evergate::upstream {

struct fleet_options {
  base::secret token;
  proto::intent_bits intents = 0;
  std::string rest_base = "https://discord.com/api";  ///< http or https; `/v10/gateway/bot` is appended
  std::string gateway_url;                            ///< ws or wss; empty = what /gateway/bot says
  std::uint32_t total_shards = 0;  ///< 0 = the stored sessions' count, else what /gateway/bot recommends
  std::uint32_t first_shard = 0;
  std::optional<std::uint32_t> last_shard;  ///< inclusive; nothing = the last of all
  proto::compression compression = proto::compression::zstd_stream;
  std::string ca_file;                    ///< PEM; empty = the system's store
  std::shared_ptr<net::tls_context> tls;  ///< used instead of ca_file when set

  std::uint32_t shards_per_worker =
      0;  ///< contiguous blocks of this size, the last worker takes the rest; 0 = even blocks
  bool spread_round_robin = false;              ///< shard % workers instead of blocks
  std::uint32_t connects_per_second_max = 100;  ///< of all shards together; 0 = no limit
  connect_rest_options connect_rest;            ///< of all shards, after a 429 or 403 on upgrade

  std::string presence;                 ///< raw JSON object of op 3's d; empty = none
  std::uint32_t large_threshold = 250;  ///< 50 to 250
  std::string os = "linux";             ///< IDENTIFY properties
  std::string browser = "evergate";
  std::string device = "evergate";

  proto::identify_options identify;  ///< identify.spacing: 5.3 s between IDENTIFYs of a bucket
  session_timeouts timeouts;
  proto::heartbeat_options heartbeat;
  proto::backoff_options backoff;  ///< between reconnects, and between tries of /gateway/bot
  proto::send_window_options send_window;
  resume_plan_options resume;
  batcher_options batch;          ///< batch.tick: 1 ms
  proto::inflate_limits inflate;  ///< payload_bytes_max: 64 MiB
  net::ws_options websocket;
  base::milliseconds rest_timeout{15'000};
  base::milliseconds info_age_max{300'000};   ///< /gateway/bot is asked again before an IDENTIFY when older
  std::uint32_t commands_queued_max = 1'000;  ///< of one shard
  const decide::desk* decisions = &decide::desk::plain();
};

/// The part of them that the application's fleets share.
[[nodiscard]] access_options access_options_of(const fleet_options& options);

/// What a fleet stands on. Everything outlives it.
struct fleet_ground {
  std::vector<net::event_loop*> loops;  ///< one worker each; the first also carries the identify line
  net::http_client* http = nullptr;
  flow::event_sink* sink = nullptr;
  std::function<std::unique_ptr<flow::intake>(std::uint32_t worker)> make_intake;  ///< called by fleet::make
  std::vector<flow::stored_session> stored;
  base::logger* log = nullptr;
  std::uint64_t seed = 0;
  /// What this fleet shares with the application's others; nothing = it is alone and makes its own.
  std::shared_ptr<access> shared;
  std::uint32_t number = 0;  ///< in the identify line
  /// Of a shard's first IDENTIFY; reshard: of every one, until serves().
  proto::identify_cause first_cause = proto::identify_cause::start;
  /// The count of shards, decided when /gateway/bot has answered; nothing = as total_shards says.
  std::function<std::uint32_t(const gateway_info& info)> choose_count;
  /// Called once, on the first loop, when Discord wants no further try (bad token, intents, …): all shards
  /// have been told to stop.
  std::function<void(const base::error& why)> on_fatal;
  /// Told, on the shard's loop, what happens to its connection; must return soon. Empty = nobody listens.
  std::function<void(proto::shard_key shard, const shard_news& what)> on_news;
};

}  // namespace evergate::upstream
