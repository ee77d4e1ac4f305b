#include "app/option_table.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/consumer_options.h"
#include "app/controller_options.h"
#include "app/errc.h"
#include "app/intents_option.h"
#include "app/option_value.h"
#include "downstream/gateway_options.h"
#include "proto/intents.h"

namespace evergate::app {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t many = 1'000'000'000;

// A field of the options, const or not, as the row makers want it.
#define FIELD(path) [](auto& o) -> auto& { return o.path; }

option_row intents_row() {
  option_row row{
      "intents",
      fmt::format("bits of {}, or an array of names", proto::intent::all),
      "53575421",
      "Asked of Discord; bots may use any subset. The default is every unprivileged intent. For a complete "
      "mirror keep guilds, guild_expressions and guild_voice_states, and add guild_members and "
      "guild_presences when bots use them",
      [](gateway_options& o, const option_value& value) -> base::result<void> {
        const auto bits = parse_intents("intents", value);
        if (!bits) return std::unexpected(bits.error());
        o.intents = *bits;
        return {};
      },
      [](const gateway_options& o) -> base::result<void> {
        if (proto::valid_intents(o.intents)) return {};
        return refuse("intents", std::to_string(o.intents),
                      fmt::format("made of bits of {}", proto::intent::all));
      }};
  return row;
}

option_row data_dir_row() {
  option_row row{"data_dir",
                 "a directory; made when it is missing",
                 "\"evergate-data\"",
                 "Where the journal lives. One daemon per directory",
                 {},
                 {}};
  row.set = [](gateway_options& o, const option_value& v) -> base::result<void> {
    const auto* text = std::get_if<std::string>(&v);
    if (text == nullptr || text->empty()) return refuse("data_dir", shown(v), "the path of a directory");
    o.data_dir = *text;
    return {};
  };
  row.judge = [](const gateway_options& o) -> base::result<void> {
    if (!o.data_dir.empty() || o.queue.storage == queue_storage::memory) return {};
    return refuse("data_dir", "\"\"", "the path of a directory");
  };
  return row;
}

void add_general(std::vector<option_row>& t) {
  t.push_back(
      text_row("token", "the bot's token", "Better given by DISCORD_TOKEN or token_file", FIELD(token)));
  t.back().fallback = "";
  t.push_back(intents_row());
  t.push_back(text_row("presence", "the JSON of an op 3 d",
                       "Sent with every IDENTIFY until a bot sets another; empty = none", FIELD(presence)));
  t.push_back(
      text_row("properties.os", "a name", "What IDENTIFY says of this program", FIELD(properties.os)));
  t.push_back(text_row("properties.browser", "a name", "The same", FIELD(properties.browser)));
  t.push_back(text_row("properties.device", "a name", "The same", FIELD(properties.device)));
  t.push_back(data_dir_row());
  t.push_back(integer_row("workers", 0, downstream::loops_max, "Event loop threads; 0 = one per core",
                          FIELD(workers)));
}

void add_listen(std::vector<option_row>& t) {
  t.push_back(text_row("listen.address", "a numeric IPv4 or IPv6 address",
                       "Where bots connect. Anything but loopback needs TLS or listen.allow_plain_remote",
                       FIELD(listen.address)));
  t.push_back(integer_row("listen.port", 0, 65'535, "0 = any free port. Ignored with an inherited socket",
                          FIELD(listen.port)));
  t.push_back(text_row("listen.tls_certificate", "a PEM file", "With listen.tls_key the listener speaks TLS",
                       FIELD(listen.tls_certificate)));
  t.push_back(
      text_row("listen.tls_key", "a PEM file", "The certificate's private key", FIELD(listen.tls_key)));
  t.push_back(text_row("listen.client_ca", "a PEM file",
                       "When set, bots must present a certificate signed by it", FIELD(listen.client_ca)));
  t.push_back(boolean_row("listen.allow_plain_remote", "Permits a remote address without TLS",
                          FIELD(listen.allow_plain_remote)));
  t.push_back(text_row("listen.public_url", "a ws:// or wss:// URL",
                       "What /gateway/bot hands to bots; empty = made from the Host they used",
                       FIELD(listen.public_url)));
  t.push_back(integer_row("listen.connections_max", 1, 1'000'000, "Connections open at once",
                          FIELD(listen.connections_max)));
  t.push_back(duration_row("listen.head_timeout", 100ms, 5min, "For the TLS handshake and the request head",
                           FIELD(listen.head_timeout)));
  t.push_back(integer_row("listen.pending_per_address_max", 1, 1'000'000,
                          "Connections of one address that have sent no request yet",
                          FIELD(listen.pending_per_address_max)));
  t.push_back(integer_row("listen.unauthenticated_per_address_max", 1, 1'000'000,
                          "WebSockets of one address that have not identified yet",
                          FIELD(listen.unauthenticated_per_address_max)));
}

void add_discord(std::vector<option_row>& t) {
  t.push_back(text_row("discord.rest", "an http:// or https:// URL without the version",
                       "Base of Discord's REST API, or of a compatible server", FIELD(discord.rest)));
  t.push_back(text_row("discord.gateway_url", "a ws:// or wss:// URL", "Empty = what GET /gateway/bot says",
                       FIELD(discord.gateway_url)));
  t.push_back(text_row("discord.ca_file", "a PEM file", "Empty = the system's certificate store",
                       FIELD(discord.ca_file)));
  t.push_back(choice_row<transport_compression>("discord.compression",
                                                {{"zstd-stream", transport_compression::zstd_stream},
                                                 {"zlib-stream", transport_compression::zlib_stream},
                                                 {"none", transport_compression::none}},
                                                "Transport compression of the sessions",
                                                FIELD(discord.compression)));
  t.push_back(size_row("discord.payload_bytes_max", 1ull << 20, 1ull << 30, "Largest inflated payload",
                       FIELD(discord.payload_bytes_max)));
}

void add_connection(std::vector<option_row>& t) {
  t.push_back(
      integer_row("discord.inflate_ratio_max", 2, 100'000,
                  "A payload past 1 MiB that inflates to more than this many times its size is refused",
                  FIELD(discord.inflate_ratio_max)));
  t.push_back(duration_row("discord.connect_timeout", 50ms, 5min, "For name, TCP, TLS and upgrade together",
                           FIELD(discord.connect_timeout)));
  t.push_back(duration_row("discord.hello_timeout", 50ms, 5min, "For HELLO on an open connection",
                           FIELD(discord.hello_timeout)));
  t.push_back(
      duration_row("discord.ready_timeout", 50ms, 1h,
                   "For READY after IDENTIFY; it comes late in an outage, and each try costs a session start",
                   FIELD(discord.ready_timeout)));
  t.push_back(duration_row("discord.resumed_timeout", 50ms, 1h,
                           "For RESUMED after RESUME; begins anew with each replayed event",
                           FIELD(discord.resumed_timeout)));
  t.push_back(duration_row("discord.close_timeout", 10ms, 1min,
                           "For Discord's close frame after ours; nothing waits for it but a log-off",
                           FIELD(discord.close_timeout)));
  t.push_back(duration_row("discord.ack_grace", 10ms, 1min,
                           "A heartbeat unanswered for a whole interval is waited for this much longer",
                           FIELD(discord.ack_grace)));
  t.push_back(
      duration_row("discord.suspend_after", 100ms, 10min,
                   "A heartbeat late by this much, and by an interval, means that the machine slept: RESUME",
                   FIELD(discord.suspend_after)));
  t.push_back(integer_row("discord.sends_max", 20, 100'000,
                          "Sends on one connection in send_window, heartbeats among them; Discord allows 120",
                          FIELD(discord.sends_max)));
  t.push_back(duration_row("discord.send_window", 100ms, 10min, "The span that sends_max is counted over",
                           FIELD(discord.send_window)));
  t.push_back(duration_row("discord.rest_timeout", 50ms, 5min, "For an answer of GET /gateway/bot",
                           FIELD(discord.rest_timeout)));
  t.push_back(duration_row("discord.info_age_max", 100ms, 24h,
                           "GET /gateway/bot is asked again before an IDENTIFY when its answer is older",
                           FIELD(discord.info_age_max)));
}

void add_reconnect(std::vector<option_row>& t) {
  t.push_back(
      duration_row("reconnect.jitter", 0ms, 5min,
                   "The first try after a lost connection waits up to this long, so that waves spread",
                   FIELD(reconnect.jitter)));
  t.push_back(duration_row("reconnect.backoff_first", 1ms, 10min,
                           "The next tries wait this long, doubling, half of it by chance",
                           FIELD(reconnect.backoff_first)));
  t.push_back(duration_row("reconnect.backoff_most", 1ms, 1h,
                           "Where the doubling ends; at least backoff_first", FIELD(reconnect.backoff_most)));
  t.push_back(
      integer_row("reconnect.resume_tries", 1, 100,
                  "RESUMEs without progress on each of the session's two URLs before a GAP and IDENTIFY",
                  FIELD(reconnect.resume_tries)));
  t.push_back(duration_row("reconnect.slow_down", 0ms, 5min, "Least pause after close code 4008",
                           FIELD(reconnect.slow_down)));
  t.push_back(duration_row("reconnect.invalid_session_least", 0ms, 5min, "Least pause after op 9",
                           FIELD(reconnect.invalid_session_least)));
  t.push_back(duration_row("reconnect.invalid_session_most", 0ms, 5min,
                           "Longest pause after op 9; at least invalid_session_least",
                           FIELD(reconnect.invalid_session_most)));
  t.push_back(duration_row(
      "reconnect.refused_first", 1ms, 10min,
      "No shard connects for this long after an upgrade was answered 429 or 403; doubles each time",
      FIELD(reconnect.refused_first)));
  t.push_back(duration_row("reconnect.refused_most", 1ms, 1h,
                           "Where that doubling ends; at least refused_first",
                           FIELD(reconnect.refused_most)));
}

void add_shards(std::vector<option_row>& t) {
  t.push_back(integer_row("shards.total", 0, 65'535,
                          "0 = the count of the stored sessions, else Discord's recommendation",
                          FIELD(shards.total)));
  t.push_back(
      integer_row("shards.first", 0, 65'534, "First shard held by this process", FIELD(shards.first)));
  t.push_back(integer_row("shards.last", -1, 65'534, "Last shard held by this process; -1 = the last of all",
                          FIELD(shards.last)));
  t.push_back(integer_row("shards.per_worker", 0, 65'535,
                          "Contiguous shards given to one worker, the last one takes what is left; 0 = "
                          "blocks as even as can be",
                          FIELD(shards.per_worker)));
  t.push_back(boolean_row("shards.round_robin", "Deals shards out one by one instead of in blocks",
                          FIELD(shards.round_robin)));
  t.push_back(duration_row("shards.identify_spacing", 10ms, 1min,
                           "Between IDENTIFYs of one bucket; Discord allows one per 5 s",
                           FIELD(shards.identify_spacing)));
  t.push_back(
      integer_row("shards.identify_reserve", 0, 100'000,
                  "Session starts of the daily budget that are left unused; the last one too many resets "
                  "the token",
                  FIELD(shards.identify_reserve)));
  t.push_back(integer_row("shards.connects_per_second_max", 1, 10'000,
                          "Upstream connections opened per second", FIELD(shards.connects_per_second_max)));
}

void add_reshard(std::vector<option_row>& t) {
  t.push_back(boolean_row("reshard.automatic",
                          "Begins by itself when it is time, unless shards.total names a count",
                          FIELD(reshard.automatic)));
  t.push_back(integer_row("reshard.guilds_per_shard_max", 10, 100'000,
                          "Guilds at which Discord closes a shard", FIELD(reshard.guilds_per_shard_max)));
  t.push_back(integer_row("reshard.threshold", 10, 100,
                          "It is time when a shard, or all together, hold this many percent of "
                          "guilds_per_shard_max, by real counts or by Discord's recommendation",
                          FIELD(reshard.threshold)));
  t.push_back(integer_row("reshard.fill", 5, 100,
                          "Percent of guilds_per_shard_max that a shard holds on average afterwards, at most",
                          FIELD(reshard.fill)));
  t.push_back(integer_row("reshard.multiple", 0, 10'000,
                          "Shard counts are multiples of it; 0 = as Discord's answers say of large bots",
                          FIELD(reshard.multiple)));
  t.push_back(duration_row("reshard.check_interval", 100ms, 24h, "Between two looks at whether it is time",
                           FIELD(reshard.check_interval)));
  t.push_back(duration_row("reshard.retry_after", 100ms, 24h * 7,
                           "After one that was given up none begins by itself for so long",
                           FIELD(reshard.retry_after)));
  t.push_back(integer_row("reshard.identify_reserve", 0, 100'000,
                          "Session starts of the day that an automatic one leaves unused",
                          FIELD(reshard.identify_reserve)));
}

void add_reshard_bounds(std::vector<option_row>& t) {
  t.push_back(duration_row("reshard.skew_max", 100ms, 1min,
                           "One session's copy of an event comes at most this much later than the other's",
                           FIELD(reshard.skew_max)));
  t.push_back(
      duration_row("reshard.handover_max", 100ms, 10min,
                   "A guild's events are held for its cut this long at most; then a later event decides",
                   FIELD(reshard.handover_max)));
  t.push_back(duration_row("reshard.overlap_max", 1s, 24h,
                           "A guild that could not be aligned for so long moves with a GAP",
                           FIELD(reshard.overlap_max)));
  t.push_back(duration_row("reshard.stall_max", 100ms, 24h,
                           "It is given up when no further new shard has its READY for so long",
                           FIELD(reshard.stall_max)));
  t.push_back(duration_row("reshard.guild_wait", 0ms, 1h,
                           "For guilds that a new shard's READY has listed and that do not come",
                           FIELD(reshard.guild_wait)));
  t.push_back(duration_row("reshard.voice_drain_max", 0ms, 24h * 7,
                           "An old shard whose session carries the bot's voice stays so long",
                           FIELD(reshard.voice_drain_max)));
  t.push_back(size_row("reshard.held_bytes_max", 1ull << 20, 1ull << 40,
                       "Events held of all guilds, and what tells those delivered (32 bytes each); beyond it "
                       "the guilds that hold the most let go of all, and a later event decides",
                       FIELD(reshard.held_bytes_max)));
  t.push_back(size_row("reshard.guild_held_bytes_max", 64ull << 10, 1ull << 32,
                       "Events held of one guild; beyond it the oldest are let go and a later event decides",
                       FIELD(reshard.guild_held_bytes_max)));
  t.push_back(integer_row("reshard.guild_held_events_max", 100, 10'000'000,
                          "The same, in events; as many delivered ones are remembered",
                          FIELD(reshard.guild_held_events_max)));
}

void add_queue(std::vector<option_row>& t) {
  t.push_back(choice_row<queue_storage>(
      "queue.storage", {{"disk", queue_storage::disk}, {"memory", queue_storage::memory}},
      "\"memory\" keeps nothing over a restart of the daemon", FIELD(queue.storage)));
  t.push_back(choice_row<durability_level>(
      "queue.durability", {{"process", durability_level::process}, {"power", durability_level::power}},
      "What a commit survives: the death of the process, or power loss too (group fdatasync)",
      FIELD(queue.durability)));
  t.push_back(integer_row("queue.max_events", 1'000, many, "Events kept", FIELD(queue.max_events)));
  t.push_back(
      size_row("queue.max_bytes", 16ull << 20, 1ull << 44, "Bytes of events kept", FIELD(queue.max_bytes)));
  t.push_back(duration_row("queue.max_age", 1s, 24h * 365, "Age of events kept", FIELD(queue.max_age)));
  t.push_back(duration_row("queue.tick", 0us, 100ms, "Longest an event waits for company when busy",
                           FIELD(queue.tick)));
}

void add_store(std::vector<option_row>& t) {
  t.push_back(choice_row<damage_action>(
      "store.on_damage", {{"set_aside", damage_action::set_aside}, {"refuse", damage_action::refuse}},
      "A store that cannot be trusted is moved to damaged-TIME-N inside data_dir and an empty one begun, or "
      "the "
      "daemon ends with status 3",
      FIELD(store.on_damage)));
  t.push_back(integer_row("store.damaged_kept", 0, 1'000, "Stores set aside; the oldest are removed",
                          FIELD(store.damaged_kept)));
  t.push_back(duration_row("store.verify_timeout", 1s, 24h,
                           "A verification that takes longer counts as damage", FIELD(store.verify_timeout)));
}

void add_downstream(std::vector<option_row>& t) {
  t.push_back(integer_row("downstream.lanes", 0, 65'535,
                          "Shards that /gateway/bot reports to bots; 0 = 1 per 100 shards, rounded up",
                          FIELD(downstream.lanes)));
  t.push_back(integer_row("downstream.lanes_max", 1, 65'535, "Largest shard count a bot may identify with",
                          FIELD(downstream.lanes_max)));
  t.push_back(duration_row("downstream.heartbeat_interval", 100ms, 2min,
                           "HELLO's interval; each beat acknowledges what the bot has received",
                           FIELD(downstream.heartbeat_interval)));
  t.push_back(
      duration_row("downstream.takeover_wait", 0ms, 10s,
                   "How long a bot whose lane another one takes over may need to acknowledge; what it "
                   "has not acknowledged then is sent to both",
                   FIELD(downstream.takeover_wait)));
  t.push_back(duration_row("downstream.cursor_interval", 1ms, 1min,
                           "Acknowledged positions are on disk at most this late",
                           FIELD(downstream.cursor_interval)));
  t.push_back(duration_row("downstream.handler_grace", 0ms, 10min,
                           "After an unclean end, what was acknowledged this long before is sent again too: "
                           "handlers may not have ended",
                           FIELD(downstream.handler_grace)));
  t.push_back(boolean_row("downstream.ask_heartbeats",
                          "Asks libraries that bear it for heartbeats while something is unacknowledged",
                          FIELD(downstream.ask_heartbeats)));
  t.push_back(duration_row("downstream.ask_interval", 1s, 1min, "Between two heartbeats asked for",
                           FIELD(downstream.ask_interval)));
  t.push_back(size_row(
      "downstream.output_bytes_high", 16ull << 10, 1ull << 30,
      "Bytes waiting for one connection before its lane waits; fewer for one that takes them slowly (what "
      "leaves within 500 ms)",
      FIELD(downstream.output_bytes_high)));
  t.push_back(duration_row("downstream.drain_timeout", 0ms, 24h,
                           "How long a drain waits for acknowledgements when it is not told",
                           FIELD(downstream.drain_timeout)));
  t.push_back(duration_row("downstream.drain_hold_max", 0ms, 24h,
                           "How long a drained lane waits for another bot before its events flow to the old "
                           "one again",
                           FIELD(downstream.drain_hold_max)));
  for (auto& row : general_consumer_rows()) t.push_back(std::move(row));
  t.push_back(
      choice_row<bool>("consumers.unlisted", {{"allow", true}, {"refuse", false}},
                       "Whether consumers that have no table [consumers.NAME] are served; main always is",
                       FIELD(downstream.unlisted_consumers)));
}

void add_admin(std::vector<option_row>& t) {
  t.push_back(boolean_row("admin.enabled", "Serves the admin API, which the commands of evergate use",
                          FIELD(admin.enabled)));
  t.push_back(text_row("admin.address", "a numeric IPv4 or IPv6 address",
                       "Anything but loopback needs TLS or admin.allow_plain_remote", FIELD(admin.address)));
  t.push_back(integer_row("admin.port", 0, 65'535, "0 = any free port; data_dir/admin.url tells which",
                          FIELD(admin.port)));
  t.push_back(text_row("admin.token", "at least 16 characters", "Better in a file; empty = admin.token_file",
                       FIELD(admin.token)));
  option_row file{"admin.token_file",
                  "a file of mode 0600",
                  "\"\"",
                  "Empty = data_dir/admin.token, made with a random token when it is missing",
                  {},
                  {}};
  file.set = [](gateway_options& o, const option_value& v) -> base::result<void> {
    const auto* text = std::get_if<std::string>(&v);
    if (text == nullptr) return refuse("admin.token_file", shown(v), "the path of a file");
    o.admin.token_file = *text;
    return {};
  };
  file.judge = [](const gateway_options&) -> base::result<void> { return {}; };
  t.push_back(std::move(file));
  t.push_back(text_row("admin.tls_certificate", "a PEM file", "With admin.tls_key the admin API speaks TLS",
                       FIELD(admin.tls_certificate)));
  t.push_back(text_row("admin.tls_key", "a PEM file", "The certificate's private key", FIELD(admin.tls_key)));
  t.push_back(boolean_row("admin.allow_plain_remote", "Permits a remote address without TLS",
                          FIELD(admin.allow_plain_remote)));
}

void add_interactions(std::vector<option_row>& t) {
  t.push_back(duration_row("interactions.deadline", 100ms, 3s,
                           "An interaction older than this is not sent any more; Discord waits 3 s for an "
                           "answer",
                           FIELD(interactions.deadline)));
  t.push_back(duration_row("interactions.autocomplete_deadline", 100ms, 3s,
                           "The same for autocomplete, where the user types on",
                           FIELD(interactions.autocomplete_deadline)));
  t.push_back(duration_row("interactions.skew", 0ms, 2s,
                           "Ages may seem this much greater, as this machine's clock is not Discord's",
                           FIELD(interactions.skew)));
  t.push_back(choice_row<expired_interactions>(
      "interactions.expired",
      {{"drop", expired_interactions::drop}, {"deliver", expired_interactions::deliver}},
      "What is done with older ones: dropped and counted, or sent all the same, once, in their order",
      FIELD(interactions.expired)));
}

void add_catch_up(std::vector<option_row>& t) {
  t.push_back(integer_row("catch_up.max_rate", 0, 1'000'000,
                          "Events a second and lane while it is behind; 0 = as fast as the bot reads",
                          FIELD(catch_up.max_rate)));
  t.push_back(
      integer_row("poison.suspect_after", 1, 1'000,
                  "Unclean ends in a row with the same first unacknowledged event, after which what was in "
                  "flight is sent in halves",
                  FIELD(poison.suspect_after)));
  t.push_back(integer_row("poison.convict_after", 1, 1'000,
                          "Further ones with that event alone, after which it becomes a dead letter",
                          FIELD(poison.convict_after)));
  t.push_back(integer_row("poison.dead_letters_max", 1, 100'000,
                          "Dead letters kept (and at most 64 MiB); the oldest leave, counted",
                          FIELD(poison.dead_letters_max)));
}

void add_log(std::vector<option_row>& t) {
  t.push_back(choice_row<log_threshold>("log.level",
                                        {{"trace", log_threshold::trace},
                                         {"debug", log_threshold::debug},
                                         {"info", log_threshold::info},
                                         {"warn", log_threshold::warn},
                                         {"error", log_threshold::error},
                                         {"off", log_threshold::off}},
                                        "Least severe level written to standard error", FIELD(log.level)));
  t.push_back(choice_row<log_style>("log.format", {{"text", log_style::text}, {"json", log_style::json}},
                                    "One line per event, either way", FIELD(log.format)));
}

#undef FIELD

bool loopback(const std::string& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool numeric_address(const std::string& address) {
  in6_addr any{};
  return ::inet_pton(AF_INET, address.c_str(), &any) == 1 ||
         ::inet_pton(AF_INET6, address.c_str(), &any) == 1;
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](std::string_view p) { return text.starts_with(p); });
}

/// Plain text leaves the machine only when the operator says so.
bool may_listen(const listen_settings& listen, const std::string& address) {
  return loopback(address) || !listen.tls_certificate.empty() || listen.allow_plain_remote;
}

base::result<void> judge_listen(const listen_settings& listen) {
  if (!numeric_address(listen.address)) {
    return refuse("listen.address", '"' + listen.address + '"', "a numeric IPv4 or IPv6 address");
  }
  if (listen.tls_certificate.empty() != listen.tls_key.empty()) {
    return refuse(listen.tls_key.empty() ? "listen.tls_key" : "listen.tls_certificate", "\"\"",
                  "set too: certificate and key belong together");
  }
  if (!listen.client_ca.empty() && listen.tls_certificate.empty()) {
    return refuse("listen.client_ca", '"' + listen.client_ca + '"',
                  "empty unless listen.tls_certificate is set");
  }
  if (!may_listen(listen, listen.address)) {
    return refuse(
        "listen.address", '"' + listen.address + '"',
        "a loopback address, unless listen.tls_certificate is set or listen.allow_plain_remote is true");
  }
  if (!listen.public_url.empty() && !starts_with_any(listen.public_url, {"ws://", "wss://"})) {
    return refuse("listen.public_url", '"' + listen.public_url + '"', "empty or a ws:// or wss:// URL");
  }
  return {};
}

base::result<void> judge_admin(const admin_settings& admin) {
  if (!admin.enabled) return {};
  if (!numeric_address(admin.address)) {
    return refuse("admin.address", '"' + admin.address + '"', "a numeric IPv4 or IPv6 address");
  }
  if (!admin.token.empty() && admin.token.size() < 16) {
    return refuse("admin.token", "too short", "at least 16 characters");
  }
  if (admin.tls_certificate.empty() != admin.tls_key.empty()) {
    return refuse(admin.tls_key.empty() ? "admin.tls_key" : "admin.tls_certificate", "\"\"",
                  "set too: certificate and key belong together");
  }
  if (!loopback(admin.address) && admin.tls_certificate.empty() && !admin.allow_plain_remote) {
    return refuse(
        "admin.address", '"' + admin.address + '"',
        "a loopback address, unless admin.tls_certificate is set or admin.allow_plain_remote is true");
  }
  return {};
}

base::result<void> judge_order(std::string_view key, std::chrono::milliseconds most, std::string_view other,
                               std::chrono::milliseconds least) {
  if (most >= least) return {};
  return refuse(std::string(key), fmt::format("{} ms", most.count()), fmt::format("at least {}", other));
}

base::result<void> judge_reconnect(const reconnect_settings& r) {
  if (auto ok =
          judge_order("reconnect.backoff_most", r.backoff_most, "reconnect.backoff_first", r.backoff_first);
      !ok)
    return ok;
  if (auto ok =
          judge_order("reconnect.refused_most", r.refused_most, "reconnect.refused_first", r.refused_first);
      !ok)
    return ok;
  return judge_order("reconnect.invalid_session_most", r.invalid_session_most,
                     "reconnect.invalid_session_least", r.invalid_session_least);
}

}  // namespace

std::span<const option_row> option_table() {
  static const std::vector<option_row> table = [] {
    std::vector<option_row> t;
    add_general(t);
    add_listen(t);
    add_discord(t);
    add_connection(t);
    add_reconnect(t);
    add_shards(t);
    add_reshard(t);
    add_reshard_bounds(t);
    add_queue(t);
    add_store(t);
    add_downstream(t);
    add_interactions(t);
    add_catch_up(t);
    for (auto& row : controller_rows()) t.push_back(std::move(row));
    add_admin(t);
    add_log(t);
    return t;
  }();
  return table;
}

base::result<void> judge_options(const gateway_options& options) {
  for (const auto& row : option_table()) {
    if (auto judged = row.judge(options); !judged) return judged;
  }
  if (options.token.empty()) {
    return base::fail(errc::bad_option, "token is not set: put it into DISCORD_TOKEN, token_file or token");
  }
  if (!std::ranges::all_of(options.token,
                           [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; })) {
    return base::fail(errc::bad_option,
                      "token: must be printable ASCII without spaces, quotes and backslashes");
  }
  if (auto judged = judge_listen(options.listen); !judged) return judged;
  if (auto judged = judge_admin(options.admin); !judged) return judged;
  if (auto judged = judge_consumers(options); !judged) return judged;
  if (auto judged = judge_filters(options.filters); !judged) return judged;
  if (!starts_with_any(options.discord.rest, {"http://", "https://"})) {
    return refuse("discord.rest", '"' + options.discord.rest + '"', "an http:// or https:// URL");
  }
  if (!options.discord.gateway_url.empty() &&
      !starts_with_any(options.discord.gateway_url, {"ws://", "wss://"})) {
    return refuse("discord.gateway_url", '"' + options.discord.gateway_url + '"',
                  "empty or a ws:// or wss:// URL");
  }
  if (auto judged = judge_reconnect(options.reconnect); !judged) return judged;
  if (options.reshard.fill >= options.reshard.threshold) {
    return refuse("reshard.fill", std::to_string(options.reshard.fill),
                  "below reshard.threshold: else it is time again at once");
  }
  const auto& shards = options.shards;
  if (shards.last >= 0 && shards.first > static_cast<std::uint64_t>(shards.last)) {
    return refuse("shards.first", std::to_string(shards.first), "at most shards.last");
  }
  if (shards.total != 0 && (shards.first >= shards.total || shards.last >= std::int64_t{shards.total})) {
    return refuse("shards.last", std::to_string(shards.last), "below shards.total, as must be shards.first");
  }
  return {};
}

base::result<void> judge_inherited(const listen_settings& listen, const std::string& address) {
  if (may_listen(listen, address)) return {};
  return refuse(
      "listen", "an inherited socket on " + address,
      "a loopback address, unless listen.tls_certificate is set or listen.allow_plain_remote is true");
}

std::string option_table_markdown() {
  const auto consumer = consumer_rows("consumers.NAME.");
  return markdown_of(option_table()) + "\n" + markdown_of(std::span<const consumer_option_row>(consumer));
}

}  // namespace evergate::app
