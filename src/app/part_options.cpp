#include "app/part_options.h"

#include "app/consumer_options.h"

namespace evergate::app {
namespace {

proto::compression compression_of(transport_compression kind) {
  switch (kind) {
    case transport_compression::none:
      return proto::compression::none;
    case transport_compression::zlib_stream:
      return proto::compression::zlib_stream;
    case transport_compression::zstd_stream:
      break;
  }
  return proto::compression::zstd_stream;
}

void set_connection(const discord_settings& from, upstream::fleet_options& to) {
  to.inflate.payload_bytes_max = from.payload_bytes_max;
  to.inflate.ratio_max = from.inflate_ratio_max;
  to.websocket.limits.message_bytes_max = from.payload_bytes_max;
  to.websocket.connect_timeout = from.connect_timeout;
  to.websocket.close_timeout = from.close_timeout;
  to.timeouts.hello = from.hello_timeout;
  to.timeouts.ready = from.ready_timeout;
  to.timeouts.resumed = from.resumed_timeout;
  to.heartbeat.ack_grace = from.ack_grace;
  to.heartbeat.suspend_after = from.suspend_after;
  to.send_window.sends_max = from.sends_max;
  to.send_window.window = from.send_window;
  to.rest_timeout = from.rest_timeout;
  to.info_age_max = from.info_age_max;
}

void set_reconnect(const reconnect_settings& from, upstream::fleet_options& to) {
  to.timeouts.jitter = from.jitter;
  to.timeouts.slow_down = from.slow_down;
  to.timeouts.invalid_least = from.invalid_session_least;
  to.timeouts.invalid_most = from.invalid_session_most;
  to.backoff = {from.backoff_first, from.backoff_most};
  to.resume.tries_per_url = from.resume_tries;
  to.connect_rest = {from.refused_first, from.refused_most};
}

}  // namespace

journal::journal_options journal_options_of(const gateway_options& options, const decide::desk& decisions) {
  journal::journal_options out;
  out.decisions = &decisions;
  out.directory = options.data_dir;
  out.storage = options.queue.storage == queue_storage::disk ? journal::storage_kind::disk
                                                             : journal::storage_kind::memory;
  out.durability = options.queue.durability == durability_level::power ? journal::durability_kind::power
                                                                       : journal::durability_kind::process;
  out.max_events = options.queue.max_events;
  out.max_bytes = options.queue.max_bytes;
  out.max_age = options.queue.max_age;
  out.on_damage = options.store.on_damage == damage_action::set_aside ? journal::damage_policy::set_aside
                                                                      : journal::damage_policy::refuse;
  out.damaged_kept = options.store.damaged_kept;
  out.verifier.program = options.store.verify_program;
  out.verifier.timeout = options.store.verify_timeout;
  return out;
}

upstream::fleet_options fleet_options_of(const gateway_options& options, const decide::desk& decisions) {
  upstream::fleet_options out;
  out.decisions = &decisions;
  out.token = base::secret(options.token);
  out.intents = options.intents;
  out.rest_base = options.discord.rest;
  out.gateway_url = options.discord.gateway_url;
  out.total_shards = options.shards.total;
  out.first_shard = options.shards.first;
  if (options.shards.last >= 0) out.last_shard = static_cast<std::uint32_t>(options.shards.last);
  out.compression = compression_of(options.discord.compression);
  out.ca_file = options.discord.ca_file;
  out.shards_per_worker = options.shards.per_worker;
  out.spread_round_robin = options.shards.round_robin;
  out.connects_per_second_max = options.shards.connects_per_second_max;
  out.presence = options.presence;
  out.os = options.properties.os;
  out.browser = options.properties.browser;
  out.device = options.properties.device;
  out.identify.spacing = options.shards.identify_spacing;
  out.identify.reserve = options.shards.identify_reserve;
  out.identify.reshard_reserve = options.reshard.identify_reserve;
  set_connection(options.discord, out);
  set_reconnect(options.reconnect, out);
  out.batch.tick = options.queue.tick;
  return out;
}

downstream::gateway_options gateway_options_of(const gateway_options& options,
                                               const decide::desk& decisions) {
  downstream::gateway_options out;
  out.decisions = &decisions;
  out.token = base::secret(options.token);
  out.intents = options.intents;
  out.public_url = options.listen.public_url;
  out.lanes = options.downstream.lanes;
  out.lanes_max = options.downstream.lanes_max;
  out.rest_base = options.discord.rest;
  out.heartbeat_interval = options.downstream.heartbeat_interval;
  out.cursor_interval = options.downstream.cursor_interval;
  out.handler_grace = options.downstream.handler_grace;
  out.ask_heartbeats = options.downstream.ask_heartbeats;
  out.ask_interval = options.downstream.ask_interval;
  out.catch_up_max_rate = options.catch_up.max_rate;
  out.poison = {.suspect_after = options.poison.suspect_after, .convict_after = options.poison.convict_after};
  out.dead_letters_max = options.poison.dead_letters_max;
  out.consumers = policies_of(options, decisions);
  out.takeover_wait = options.downstream.takeover_wait;
  out.interactions = {.deadline = options.interactions.deadline,
                      .autocomplete_deadline = options.interactions.autocomplete_deadline,
                      .skew = options.interactions.skew,
                      .drop_expired = options.interactions.expired == expired_interactions::drop};
  out.unauthenticated_per_address_max = options.listen.unauthenticated_per_address_max;
  out.socket.output_bytes_high = options.downstream.output_bytes_high;
  return out;
}

control::cutover_options cutover_options_of(const gateway_options& options) {
  const auto& from = options.reshard;
  control::cutover_options out;
  out.cut = {.skew_max = from.skew_max,
             .handover_max = from.handover_max,
             .overlap_max = from.overlap_max,
             .held_items_max = from.guild_held_events_max,
             .held_bytes_max = from.guild_held_bytes_max,
             .seen_items_max = from.guild_held_events_max};
  out.held_bytes_max = from.held_bytes_max;
  return out;
}

control::plan_options plan_options_of(const gateway_options& options) {
  const auto& from = options.reshard;
  return {.automatic = from.automatic,
          .guilds_per_shard_max = from.guilds_per_shard_max,
          .threshold_percent = from.threshold,
          .fill_percent = from.fill,
          .multiple = from.multiple,
          .identify_spacing = options.shards.identify_spacing};
}

control::resharder_options resharder_options_of(const gateway_options& options) {
  const auto& from = options.reshard;
  return {.stall_max = from.stall_max,
          .guild_wait = from.guild_wait,
          .voice_drain_max = from.voice_drain_max,
          // The proofs that a closing waits for come every second or two.
          .drain_max = 4 * from.skew_max + base::milliseconds{20'000}};
}

net::listen_options listen_options_of(const gateway_options& options) {
  net::listen_options out;
  out.address = options.listen.address;
  out.port = options.listen.port;
  out.limits.connections_max = options.listen.connections_max;
  out.limits.head_timeout = options.listen.head_timeout;
  out.limits.pending_per_address_max = options.listen.pending_per_address_max;
  return out;
}

}  // namespace evergate::app
