// Everything that can be set, with its default. The daemon's TOML keys carry the same names; bounds and the
// table for operators are in docs/configuration.md, which a test keeps equal to the code.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "evergate/consumer_settings.h"
#include "evergate/controllers.h"
#include "evergate/gateway_events.h"
#include "evergate/resharding.h"

namespace evergate {

/// How payloads from Discord are compressed on the way. Source: Discord documentation, Gateway, "Transport
/// Compression".
enum class transport_compression : std::uint8_t { none, zlib_stream, zstd_stream };

/// What a commit survives: the death of the process, or power loss too (grouped fdatasync).
enum class durability_level : std::uint8_t { process, power };

/// Where the queue lives. `memory` keeps nothing over a restart of the daemon.
enum class queue_storage : std::uint8_t { disk, memory };

/// What happens to a store that cannot be trusted. `set_aside` moves it to `damaged-<UTC time>-<n>` inside
/// data_dir and begins an empty one, with a GAP record for what is lost; `refuse` ends start() with an error.
enum class damage_action : std::uint8_t { set_aside, refuse };

/// What happens to an INTERACTION_CREATE that is too old for an answer.
enum class expired_interactions : std::uint8_t { drop, deliver };

/// Where bots connect, and how many.
struct listen_settings {
  std::string address = "127.0.0.1";  ///< numeric IPv4 or IPv6 address to listen on
  std::uint16_t port = 7878;          ///< 0 = any free port
  std::string tls_certificate;        ///< PEM chain; with tls_key makes the listener speak TLS
  std::string tls_key;                ///< PEM private key
  std::string client_ca;              ///< PEM; when set, bots must present a certificate signed by it
  bool allow_plain_remote = false;    ///< permits an address other than loopback without TLS
  std::string public_url;  ///< ws:// or wss:// base handed to bots; empty = from the Host they used
  std::uint32_t connections_max = 10'000;          ///< open at once
  std::chrono::milliseconds head_timeout{10'000};  ///< TLS handshake and request head
  std::uint32_t pending_per_address_max = 200;     ///< connections of one address without a request yet
  std::uint32_t unauthenticated_per_address_max =
      1'000;  ///< WebSockets of one address before IDENTIFY/RESUME
};

/// How Discord is reached, and how long anything may take.
struct discord_settings {
  std::string rest = "https://discord.com/api";  ///< http(s) base without the version
  std::string gateway_url;                       ///< ws(s) URL; empty = what GET /gateway/bot says
  std::string ca_file;                           ///< PEM; empty = the system's store
  transport_compression compression = transport_compression::zstd_stream;  ///< of the sessions
  std::uint64_t payload_bytes_max = std::uint64_t{64} << 20;               ///< one inflated payload
  std::uint32_t inflate_ratio_max = 200;              ///< inflated ÷ compressed, judged past 1 MiB
  std::chrono::milliseconds connect_timeout{10'000};  ///< name, TCP, TLS and upgrade together
  std::chrono::milliseconds hello_timeout{10'000};    ///< from the open connection
  std::chrono::milliseconds ready_timeout{120'000};   ///< from IDENTIFY
  std::chrono::milliseconds resumed_timeout{60'000};  ///< without any dispatch, from RESUME
  std::chrono::milliseconds close_timeout{5'000};     ///< from our close frame to giving up on Discord's
  std::chrono::milliseconds rest_timeout{15'000};     ///< for an answer of GET /gateway/bot
  std::chrono::milliseconds info_age_max{300'000};    ///< /gateway/bot is asked again before an IDENTIFY
  /// A beat unanswered for an interval is waited for this much longer, so that what is in the socket is read.
  std::chrono::milliseconds ack_grace{1'000};
  std::chrono::milliseconds suspend_after{15'000};  ///< a timer this late means that the machine slept
  std::uint32_t sends_max = 120;                  ///< on one connection in send_window, heartbeats among them
  std::chrono::milliseconds send_window{60'000};  ///< the span that sends_max is counted over
};

/// Pauses and tries of a shard that lost its connection.
struct reconnect_settings {
  std::chrono::milliseconds jitter{500};           ///< the first try waits up to this long
  std::chrono::milliseconds backoff_first{1'000};  ///< doubles with each try, with jitter
  std::chrono::milliseconds backoff_most{60'000};  ///< where that doubling ends
  std::uint32_t resume_tries = 3;  ///< RESUMEs without progress on each of the two URLs, then IDENTIFY
  std::chrono::milliseconds slow_down{1'000};              ///< after close code 4008
  std::chrono::milliseconds invalid_session_least{1'000};  ///< the pause after op 9 is between these
  std::chrono::milliseconds invalid_session_most{5'000};   ///< and this
  std::chrono::milliseconds refused_first{2'000};  ///< all shards rest after a 429 or 403; doubles each time
  std::chrono::milliseconds refused_most{60'000};  ///< where that doubling ends
};

/// How many shards, which of them here, and how they come up.
struct shard_settings {
  std::uint32_t total = 0;  ///< 0 = what is stored from earlier runs, else Discord's recommendation
  std::uint32_t first = 0;  ///< first shard id held by this process
  std::int64_t last = -1;   ///< last shard id held by this process; -1 = total − 1
  /// Contiguous shards given to one worker, the last one takes what is left; 0 = blocks as even as can be.
  std::uint32_t per_worker = 0;
  bool round_robin = false;                           ///< shard % workers instead of contiguous blocks
  std::chrono::milliseconds identify_spacing{5'300};  ///< between IDENTIFYs of one bucket
  std::uint32_t identify_reserve = 5;          ///< session starts of the daily budget that are not used
  std::uint32_t connects_per_second_max = 40;  ///< connections opened, of all shards together
};

/// Taking the bot's sessions to another count of shards while events go on.
struct reshard_settings {
  bool automatic = true;                       ///< begins by itself when it is time
  std::uint32_t guilds_per_shard_max = 2'500;  ///< Discord's limit
  std::uint32_t threshold = 80;                ///< percent of it, from which on it is time
  std::uint32_t fill = 50;     ///< percent of it that a shard holds on average afterwards, at most
  std::uint32_t multiple = 0;  ///< shard counts are multiples of it; 0 = as Discord's answers say
  std::chrono::milliseconds check_interval{600'000};  ///< how often it is looked whether it is time
  std::chrono::milliseconds retry_after{3'600'000};   ///< after one that was given up
  std::uint32_t identify_reserve = 100;  ///< session starts of the day that an automatic one leaves unused
  /// One session's copy of an event comes at most this much later than the other's.
  std::chrono::milliseconds skew_max{5'000};
  std::chrono::milliseconds handover_max{15'000};  ///< a guild is held for its cut this long at most
  std::chrono::milliseconds overlap_max{600'000};  ///< then a guild that cannot be aligned moves with a GAP
  std::chrono::milliseconds stall_max{600'000};    ///< without a further READY: given up
  std::chrono::milliseconds guild_wait{30'000};    ///< for guilds that a READY has listed
  std::chrono::milliseconds voice_drain_max{900'000};  ///< an old shard with the bot's voice stays so long
  std::uint64_t held_bytes_max = std::uint64_t{256} << 20;       ///< of all guilds
  std::uint64_t guild_held_bytes_max = std::uint64_t{16} << 20;  ///< of one guild
  std::uint32_t guild_held_events_max = 20'000;                  ///< of one guild
};

/// What the journal keeps.
struct queue_settings {
  queue_storage storage = queue_storage::disk;              ///< where it lives
  durability_level durability = durability_level::process;  ///< what a commit survives
  std::uint64_t max_events = 4'000'000;              ///< docs/configuration.md says how these were chosen
  std::uint64_t max_bytes = std::uint64_t{4} << 30;  ///< of events kept
  std::chrono::seconds max_age{86'400};              ///< of events kept
  std::chrono::microseconds tick{1'000};             ///< longest wait for company of an event when busy
};

/// The integrity of what is stored. docs/journal-format.md says when it is verified.
struct store_settings {
  damage_action on_damage = damage_action::set_aside;  ///< what happens to it
  std::uint32_t damaged_kept = 3;                      ///< stores set aside; the oldest are removed
  std::chrono::milliseconds verify_timeout{120'000};   ///< a verification that takes longer counts as damage

  /// A program that verifies stores in a process of its own, as damage may end it, when it is called with
  /// `journal verify`; the daemon names itself. Empty = verified in this process. Not in the configuration
  /// file.
  std::filesystem::path verify_program;
};

/// INTERACTION_CREATE, which overtakes everything else on its way to a bot and is never sent twice. Its age
/// is that of its id.
struct interaction_settings {
  std::chrono::milliseconds deadline{2'500};               ///< Discord waits 3 s for a first answer
  std::chrono::milliseconds autocomplete_deadline{1'500};  ///< of type 4
  std::chrono::milliseconds skew{1'000};  ///< this machine's clock may be ahead of Discord's by so much
  expired_interactions expired = expired_interactions::drop;  ///< what becomes of one that is too old
};

/// How a lane delivers what has queued up.
struct catch_up_settings {
  std::uint32_t max_rate = 0;  ///< events a second and lane while it is behind; 0 = as fast as the bot reads
};

/// When an event is taken for what a bot dies of, and what becomes of it.
struct poison_settings {
  std::uint32_t suspect_after = 3;  ///< unclean ends in a row with it as the first unacknowledged event
  std::uint32_t convict_after = 2;  ///< further ones with nothing else in flight
  std::uint32_t dead_letters_max = 1'000;  ///< kept; the oldest leave, counted
};

/// What bots get.
struct downstream_settings {
  std::uint32_t lanes = 0;  ///< shards that /gateway/bot reports to bots; 0 = 1 per 100 shards, rounded up
  std::uint32_t lanes_max = 4'096;                       ///< largest n a bot may ask for
  std::chrono::milliseconds heartbeat_interval{10'000};  ///< told to bots in HELLO
  std::chrono::milliseconds takeover_wait{5'000};  ///< for the last acknowledgement of a bot that is replaced
  std::chrono::milliseconds cursor_interval{100};  ///< acknowledged positions are on disk at most this late
  /// After an unclean end what was acknowledged within this is sent again too.
  std::chrono::milliseconds handler_grace{0};
  bool ask_heartbeats = true;                                ///< by op 1, of libraries that bear it
  std::chrono::milliseconds ask_interval{1'000};             ///< between two of these
  std::uint64_t output_bytes_high = std::uint64_t{1} << 20;  ///< per connection, before the lane waits
  /// Of consumers that `gateway_options::consumers` does not name.
  consumer_settings consumer;                         ///< its name
  std::chrono::milliseconds drain_timeout{30'000};    ///< of a drain that names none
  std::chrono::milliseconds drain_hold_max{600'000};  ///< a drained lane is held for another bot this long
  bool unlisted_consumers = true;                     ///< false: only those it names, and `main`, are served
};

/// The admin API: HTTP with a bearer token (docs/admin.md).
struct admin_settings {
  bool enabled = true;                ///< false: there is none
  std::string address = "127.0.0.1";  ///< numeric IPv4 or IPv6 address
  std::uint16_t port = 7879;          ///< 0 = any free port
  std::string token;                  ///< empty = what token_file holds
  std::filesystem::path token_file;   ///< empty = `admin.token` in data_dir, made when it is missing
  std::string tls_certificate;        ///< PEM chain; with tls_key it speaks TLS
  std::string tls_key;                ///< PEM private key
  bool allow_plain_remote = false;    ///< permits an address other than loopback without TLS
};

/// What never enters the journal, for every consumer: decided by the envelope, without a look at `d`.
struct filter_settings {
  /// Names as in `t`; not READY, RESUMED, GUILD_CREATE and GUILD_DELETE, which every bot lives on.
  std::vector<std::string> events_deny;
  std::vector<std::uint64_t> guilds_allow;  ///< empty = every guild; events without a guild always pass
  std::vector<std::uint64_t> guilds_deny;   ///< wins over guilds_allow
};

/// Limits of overrides of controllers, and the script that overrides them (docs/controllers.md).
struct controller_settings {
  std::filesystem::path script;                        ///< Lua 5.4; empty = none
  std::uint64_t instructions_max = 1'000'000;          ///< of Lua's machine, one call
  std::uint64_t memory_max = std::uint64_t{16} << 20;  ///< bytes of one worker's Lua state
  std::chrono::microseconds slow_after{5'000};         ///< a call that takes longer is counted and logged
};

enum class log_threshold : std::uint8_t { trace, debug, info, warn, error, off };
enum class log_style : std::uint8_t { text, json };

/// What is written to standard error.
struct log_settings {
  log_threshold level = log_threshold::info;  ///< the least that is logged
  log_style format = log_style::text;         ///< of a line
};

/// What IDENTIFY says of this program. Source: Discord documentation, Gateway Events, "Identify Connection
/// Properties".
struct identify_properties {
  std::string os = "linux";          ///< the operating system
  std::string browser = "evergate";  ///< the library
  std::string device = "evergate";   ///< the library
};

/// Everything that can be set.
struct gateway_options {
  std::string token;  ///< without the `Bot ` prefix (which is accepted and removed)
  std::uint32_t intents =
      53'575'421;                  ///< asked of Discord; bots may use any subset. Default: all unprivileged
  std::string presence;            ///< JSON of an op 3 `d`, sent with every IDENTIFY; empty = none
  identify_properties properties;  ///< of IDENTIFY
  std::filesystem::path data_dir = "evergate-data";  ///< where the journal lives; one gateway a directory
  std::uint32_t workers = 0;                         ///< event loop threads; 0 = one per core
  listen_settings listen;                            ///< where bots connect
  discord_settings discord;                          ///< how Discord is reached
  reconnect_settings reconnect;                      ///< pauses and tries
  shard_settings shards;                             ///< how many, where
  reshard_settings reshard;                          ///< when and how
  queue_settings queue;                              ///< the journal's bounds
  store_settings store;                              ///< the journal's integrity
  downstream_settings downstream;                    ///< what bots get
  interaction_settings interactions;                 ///< how old one may be
  catch_up_settings catch_up;                        ///< how fast a queue is delivered
  poison_settings poison;                            ///< events that bots die of
  /// By name (1 to 32 of a-z, 0-9, - and _). Begin with a copy of `downstream.consumer`.
  std::map<std::string, consumer_settings> consumers;
  filter_settings filters;         ///< what never enters the journal
  controller_table controllers;    ///< your functions (docs/controllers.md)
  controller_settings controller;  ///< `controllers.*` in the configuration file
  admin_settings admin;            ///< the admin API
  log_settings log;                ///< what is logged
  gateway_events events;           ///< your functions
  /// Where gateway_events::dispatch begins. Who keeps the offset of the last event that was worked off and
  /// gives it here continues after it. Not in the configuration file.
  start_position dispatch_from;
  /// False: start() connects no shard; spawn_shards() does. Not in the configuration file.
  bool spawn = true;
};

}  // namespace evergate
