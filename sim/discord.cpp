#include "sim/discord.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/connection.h"

namespace evergate::sim {
namespace {

constexpr std::size_t payload_bytes_max = 4096;  // Discord's own limit for what clients send

}  // namespace

discord::discord(const discord_options& options, gateway_sink& sink, std::int64_t now_ms)
    : options_(options),
      sink_(sink),
      world_(options.world),
      mix_(world_, options.mix, options.world.seed),
      ledger_(options.ledger_max),
      violations_(options.violations_max),
      random_(mix(options.world.seed, options.session_seed)),
      token_(options.token),
      bucket_used_ms_(std::max<std::uint32_t>(options.max_concurrency, 1), 0),
      identify_day_ms_(now_ms),
      ticked_ms_(now_ms),
      watched_ms_(now_ms),
      rate_(options.events_per_second) {}

discord::~discord() = default;

discord::connection* discord::find(connection_id id) {
  const auto at = connections_.find(id);
  return at == connections_.end() ? nullptr : at->second.get();
}

void discord::breach(const connection& c, std::string_view kind, std::string text, bool info) {
  violations_.add({.at_ms = ticked_ms_,
                   .kind = kind,
                   .info = info,
                   .connection = c.id,
                   .session = c.owner != nullptr ? c.owner->id : std::string(),
                   .text = std::move(text)});
}

void discord::send_plain(connection& c, std::string_view payload) {
  transmit(c, payload, {}, {});
}

void discord::close(connection& c, std::uint16_t code, std::string_view reason) {
  if (c.closing) return;
  c.closing = true;
  sink_.close(c.id, code, reason);
}

void discord::open(connection_id id, const gateway_request& request, std::int64_t now_ms) {
  ticked_ms_ = std::max(ticked_ms_, now_ms);
  ++counters_.connections;
  auto made = std::make_unique<connection>();
  connection& c = *made;
  c.id = id;
  c.request = request;
  c.opened_ms = c.heard_ms = now_ms;
  connections_.emplace(c.id, std::move(made));
  if (connections_.size() > options_.connections_max) {
    breach(c, "too_many_connections", "more than connections_max are open");
    return close(c, 4000, "Too many connections.");
  }
  if (request.version != "10" && request.version != "9") {
    breach(c, "bad_version", "v=" + request.version.substr(0, 20) + " is not 9 or 10");
    return close(c, 4012, "Invalid API version.");
  }
  if (request.encoding != "json") {
    breach(c, "bad_encoding", "only encoding=json is simulated, not " + request.encoding.substr(0, 20));
    return close(c, 4002, "Error while decoding payload.");
  }
  say_hello(c, now_ms);
}

void discord::say_hello(connection& c, std::int64_t now_ms) {
  std::string hello = R"({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":)";
  hello += std::to_string(options_.heartbeat_interval_ms);
  hello += R"(,"_trace":["[\"sim-gateway\",{\"micros\":0.0}]"]}})";
  if (!spoil_hello(c, hello, now_ms)) send_plain(c, hello);
}

bool discord::within_send_window(connection& c, std::int64_t now_ms) {
  while (!c.sends_ms.empty() && c.sends_ms.front() <= now_ms - options_.sends_window_ms)
    c.sends_ms.pop_front();
  c.sends_ms.push_back(now_ms);
  if (c.sends_ms.size() <= options_.sends_max) return true;
  breach(c, "send_rate", "more than " + std::to_string(options_.sends_max) + " payloads in one window");
  close(c, 4008, "Rate limited.");
  return false;
}

void discord::receive(connection_id from, std::string_view payload, bool binary, std::int64_t now_ms) {
  ticked_ms_ = std::max(ticked_ms_, now_ms);
  connection* c = find(from);
  if (c == nullptr || c->closing || c->stalled || !within_send_window(*c, now_ms)) return;
  if (payload.size() > payload_bytes_max) {
    breach(*c, "payload_too_large", std::to_string(payload.size()) + " bytes; 4096 are allowed");
    return close(*c, 4002, "Error while decoding payload.");
  }
  const auto frame = nlohmann::json::parse(payload, nullptr, false);
  if (frame.is_discarded() || !frame.is_object() || binary) {
    breach(*c, "decode_error", binary ? "a binary message on a json connection" : "not a JSON object");
    return close(*c, 4002, "Error while decoding payload.");
  }
  judge(*c, frame, now_ms);
}

// JSON, but not what this opcode takes.
void discord::bad_payload(connection& c, std::string text) {
  breach(c, "bad_payload", std::move(text));
  close(c, 4001, "Invalid payload.");
}

void discord::judge(connection& c, const nlohmann::json& frame, std::int64_t now_ms) {
  const auto op = frame.find("op");
  if (op == frame.end() || !op->is_number_integer()) {
    breach(c, "bad_opcode", "no integer op");
    return close(c, 4001, "Unknown opcode.");
  }
  const auto number = op->get<std::int64_t>();
  static const nlohmann::json none;
  const auto found = frame.find("d");
  const nlohmann::json& d = found == frame.end() ? none : *found;
  if (number == 1) return heartbeat(c, d, now_ms);
  if (number == 2 || number == 6) {
    if (c.owner != nullptr) {
      breach(c, "already_authenticated", "op " + std::to_string(number) + " on an authenticated connection");
      return close(c, 4005, "Already authenticated.");
    }
    if (!d.is_object()) return bad_payload(c, "d is not an object");
    return number == 2 ? identify(c, d, now_ms) : resume(c, d, now_ms);
  }
  if (number != 3 && number != 4 && number != 8 && number != 31 && number != 43) {
    breach(c, "bad_opcode", "op " + std::to_string(number) + " is not one a bot may send");
    return close(c, 4001, "Unknown opcode.");
  }
  if (c.owner == nullptr) {
    if (c.muted || c.deaf) return;  // that its session has ended it was not told, or cannot have read
    breach(c, "not_authenticated", "op " + std::to_string(number) + " before IDENTIFY");
    return close(c, 4003, "Not authenticated.");
  }
  if (!d.is_object()) return bad_payload(c, "d is not an object");
  if (number == 3) return presence(c, d, now_ms);
  if (number == 4) return voice(c, d, now_ms);
  if (number == 8) return request_members(c, d, now_ms);
  if (number == 31) return request_sounds(c, d);
  request_channel_info(c, d);
}

void discord::heartbeat(connection& c, const nlohmann::json& d, std::int64_t now_ms) {
  ++counters_.heartbeats;
  c.heard_ms = now_ms;
  c.beat_asked_ms = 0;
  if (!d.is_null() && !d.is_number_unsigned())
    return bad_payload(c, "a heartbeat's d is neither null nor a sequence number");
  const std::uint64_t seq = d.is_null() ? 0 : d.get<std::uint64_t>();
  if (session* s = c.owner) {
    if (seq > s->seq) {
      breach(c, "heartbeat_seq_ahead",
             std::to_string(seq) + " but only " + std::to_string(s->seq) + " was sent");
    } else if (seq < s->acknowledged && seq != 0) {
      breach(c, "heartbeat_seq_back", std::to_string(seq) + " after " + std::to_string(s->acknowledged),
             true);
    } else {
      s->acknowledged = static_cast<std::uint32_t>(std::max<std::uint64_t>(seq, s->acknowledged));
      if (options_.replay_prune) s->forget_until(s->acknowledged);
    }
  } else if (seq != 0) {
    breach(c, "heartbeat_seq_ahead", std::to_string(seq) + " without a session", true);
  }
  acknowledge(c, now_ms);
}

void discord::closed(connection_id which, std::uint16_t code, std::int64_t now_ms) {
  ticked_ms_ = std::max(ticked_ms_, now_ms);
  connection* c = find(which);
  if (c == nullptr) return;
  if (session* s = c->owner; s != nullptr && s->connection == c->id) {
    if ((code == 1000 || code == 1001) && !c->closing) {
      breach(*c, "closed_1000", "the client ended its session with " + std::to_string(code), true);
      c->owner = nullptr;
      end_session(*s, now_ms);
    } else {
      detach(*c, now_ms);
    }
  }
  connections_.erase(which);
}

void discord::slow_reader(connection_id which, std::int64_t now_ms) {
  connection* c = find(which);
  if (c == nullptr || c->closing) return;
  breach(*c, "slow_reader", "the client lets more output pile up than the server keeps");
  detach(*c, now_ms);
  c->closing = true;
}

void discord::detach(connection& c, std::int64_t now_ms) {
  if (c.owner == nullptr) return;
  if (c.owner->connection == c.id) {
    c.owner->connection = 0;
    c.owner->detached_ms = now_ms;
  }
  c.owner = nullptr;
}

void discord::end_session(session& s, std::int64_t now_ms) {
  if (connection* c = find(s.connection)) c->owner = nullptr;
  auto& table = fleets_[s.count];
  std::erase(table[s.shard], &s);
  const auto kept = sessions_.extract(s.id);  // alive until its voices have been told
  for (const auto& late : s.lagged) ledger_.dropped(late.owed);
  for (const std::uint32_t index : s.voice_guilds) {
    if (world_.id_at(index) == 0) continue;
    guild& g = world_.touch(index);
    const voice_state* v = g.find_voice(options_.world.bot);
    if (v == nullptr || v->session != s.id) continue;
    mix_.own_voice(g, 0, false, false, s.id, now_ms, event_);
    spread(event_);
  }
}

}  // namespace evergate::sim
