// IDENTIFY and RESUME: who may have a session, and who gets one back.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/connection.h"
#include "sim/discord.h"

namespace evergate::sim {
namespace {

constexpr std::uint32_t shards_max = 65'536;
constexpr const char* refused_session = R"({"t":null,"s":null,"op":9,"d":false})";

std::string text_of(const nlohmann::json& d, const char* key) {
  const auto at = d.find(key);
  return at != d.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

std::uint32_t discord::identifies_left(std::int64_t now_ms) {
  if (now_ms - identify_day_ms_ >= options_.identify_day_ms) {
    identify_day_ms_ = now_ms;
    identifies_used_ = 0;
  }
  return options_.identify_total - std::min(identifies_used_, options_.identify_total);
}

std::int64_t discord::identify_reset_ms(std::int64_t now_ms) const noexcept {
  return std::max<std::int64_t>(identify_day_ms_ + options_.identify_day_ms - now_ms, 0);
}

std::size_t discord::replay_size(std::size_t guilds) const noexcept {
  if (options_.replay_max != 0) return options_.replay_max;
  return std::max<std::size_t>(100, std::min<std::size_t>(3500, 75 * guilds));
}

std::size_t discord::guilds_of(std::uint32_t shard, std::uint32_t count) const {
  std::size_t out = 0;
  for (std::uint32_t i = 0; i < world_.slots(); ++i) {
    const snowflake id = world_.id_at(i);
    if (id != 0 && (id >> 22) % count == shard) ++out;
  }
  return out;
}

// Everything that a wrong IDENTIFY is closed for.
bool discord::admit(connection& c, const nlohmann::json& d, std::uint32_t& shard, std::uint32_t& count) {
  const auto refuse = [&](std::string_view kind, std::string text, std::uint16_t code,
                          std::string_view reason) {
    breach(c, kind, std::move(text));
    close(c, code, reason);
    return false;
  };
  if (!knows(text_of(d, "token"))) {
    return refuse("auth_failed", "IDENTIFY with a wrong token", 4004, "Authentication failed.");
  }
  if (!d.contains("properties") || !d["properties"].is_object()) {
    return bad_payload(c, "IDENTIFY without properties"), false;
  }
  shard = 0;
  count = 1;
  if (const auto at = d.find("shard"); at != d.end() && !at->is_null()) {
    const bool pair =
        at->is_array() && at->size() == 2 && (*at)[0].is_number_unsigned() && (*at)[1].is_number_unsigned();
    const std::uint64_t id = pair ? (*at)[0].get<std::uint64_t>() : 1;
    const std::uint64_t of = pair ? (*at)[1].get<std::uint64_t>() : 0;
    if (of == 0 || of > shards_max || id >= of || of % options_.shard_multiple != 0) {
      return refuse("invalid_shard", "shard is not a valid [id, count]", 4010, "Invalid shard.");
    }
    shard = static_cast<std::uint32_t>(id);
    count = static_cast<std::uint32_t>(of);
  }
  const auto intents = d.find("intents");
  if (intents == d.end() || !intents->is_number_unsigned() ||
      (intents->get<std::uint64_t>() & ~std::uint64_t{intent::all}) != 0) {
    return refuse("invalid_intents", "intents are missing or hold unknown bits", 4013, "Invalid intent(s).");
  }
  if ((intents->get<std::uint32_t>() & ~options_.intents_allowed) != 0) {
    return refuse("disallowed_intents", "intents that this bot may not use", 4014, "Disallowed intent(s).");
  }
  const std::size_t guilds = guilds_of(shard, count);
  if (guilds > options_.guilds_per_shard_max) {
    return refuse("sharding_required",
                  std::to_string(guilds) + " guilds in one shard of " + std::to_string(count), 4011,
                  "Sharding required.");
  }
  if (const auto at = d.find("large_threshold"); at != d.end() && !at->is_null()) {
    if (!at->is_number_unsigned() || at->get<std::uint64_t>() < 50 || at->get<std::uint64_t>() > 250) {
      return bad_payload(c, "large_threshold is not between 50 and 250"), false;
    }
  }
  return true;
}

void discord::void_token(std::int64_t now_ms) {
  token_void_ = true;
  while (!sessions_.empty()) {
    session& s = *sessions_.begin()->second;
    if (connection* c = find(s.connection)) close(*c, 4004, "Authentication failed.");
    end_session(s, now_ms);
  }
}

void discord::set_token(base::secret token) {
  token_ = std::move(token);
  token_void_ = false;
}

bool discord::take_identify(connection& c, std::uint32_t shard, std::int64_t now_ms) {
  if (identifies_left(now_ms) == 0) {
    ++counters_.identifies_refused;
    const bool reset = options_.limit_consequence == limit_consequence::reset;
    breach(c, "identify_budget",
           "all " + std::to_string(options_.identify_total) + " session starts of the day are used; " +
               (reset ? "all sessions end and the token is reset" : "Discord would reset the token"));
    close(c, 4004, "Authentication failed.");
    if (reset) void_token(now_ms);
    return false;
  }
  ++identifies_used_;
  std::int64_t& used = bucket_used_ms_[shard % bucket_used_ms_.size()];
  const std::int64_t since = now_ms - used;
  if (used != 0 && since + options_.identify_tolerance_ms < options_.identify_interval_ms) {
    ++counters_.identifies_refused;
    breach(c, "identify_too_fast",
           "shard " + std::to_string(shard) + " identified " + std::to_string(since) +
               " ms after its bucket's last; " + std::to_string(options_.identify_interval_ms) +
               " are asked for");
    send_plain(c, refused_session);
    return false;
  }
  used = now_ms;
  return true;
}

void discord::identify(connection& c, const nlohmann::json& d, std::int64_t now_ms) {
  std::uint32_t shard = 0;
  std::uint32_t count = 1;
  if (!admit(c, d, shard, count) || !take_identify(c, shard, now_ms)) return;
  if (spoil_identify(c, shard, count)) return;
  if (c.request.resume_path)
    breach(c, "identify_on_resume_url", "IDENTIFY belongs to the gateway's own URL", true);
  start_session(c, shard, count, d);
}

void discord::start_session(connection& c, std::uint32_t shard, std::uint32_t count,
                            const nlohmann::json& d) {
  ++counters_.identifies;
  auto made = std::make_unique<session>();
  session& s = *made;
  for (int word = 0; word < 2; ++word) {
    std::uint64_t chance = random_();
    for (int i = 0; i < 16; ++i, chance >>= 4) s.id += "0123456789abcdef"[chance & 15];
  }
  s.shard = shard;
  s.count = count;
  s.view.intents = d["intents"].get<std::uint32_t>();
  if (const auto at = d.find("large_threshold"); at != d.end() && at->is_number_unsigned()) {
    s.view.large_threshold = at->get<std::uint32_t>();
  }
  s.transport = c.transport();
  s.number = ledger_.add_session(s.id, shard, count);
  s.connection = c.id;
  c.owner = &s;
  for (std::uint32_t i = world_.slots(); i-- > 0;) {
    const snowflake id = world_.id_at(i);
    if (id == 0 || (id >> 22) % count != shard) continue;
    s.waiting.push_back(i);
    s.waiting_set.insert(i);
  }
  s.replay_max = replay_size(s.waiting.size());
  auto& table = fleets_[count];
  if (table.empty()) table.resize(count);
  table[shard].push_back(&s);
  sessions_.emplace(s.id, std::move(made));
  if ((s.view.intents & intent::message_content) == 0) mix_.want_stripped(true);
  send_ready(s);
  // Listed, and never given: the session hears nothing of it.
  while (!s.waiting.empty() && faults_.take(fault_kind::silent_guild, target_of(s))) s.waiting.pop_back();
  if ((s.view.intents & intent::guilds) == 0) {  // no GUILD_CREATE without the intent
    s.waiting.clear();
    s.waiting_set.clear();
  }
}

void discord::send_ready(session& s) {
  std::string d;
  json_writer json(d);
  const std::uint64_t serial = mix_.next_serial();
  json.begin_object();
  json.number("_serial", static_cast<std::int64_t>(serial));
  json.number("v", 10);
  json.raw("user_settings", "{}");
  write_own_user(json.key("user"), world_.bot());
  json.text("session_type", "normal");
  json.text("session_id", s.id);
  const auto elsewhere = faults_.take(fault_kind::resume_host, target_of(s));
  json.text("resume_gateway_url", elsewhere ? url_for(*elsewhere) : urls_.resume);
  json.raw("relationships", "[]");
  json.raw("private_channels", "[]");
  json.raw("presences", "[]");
  json.array("guilds");
  for (std::size_t i = s.waiting.size(); i-- > 0;) {
    json.begin_object();
    json.boolean("unavailable", true);
    json.id("id", world_.id_at(s.waiting[i]));
    json.end_object();
  }
  json.end_array();
  json.raw("guild_join_requests", "[]");
  json.raw("geo_ordered_rtc_regions", R"(["rotterdam","milan"])");
  json.raw("game_relationships", "[]");
  json.raw("auth", "{}");
  json.array("shard");
  json.number(s.shard);
  json.number(s.count);
  json.end_array();
  json.object("application");
  json.id("id", options_.world.bot);
  json.number("flags", 27'828'224);
  json.text("flags_new", "27828224");
  json.end_object();
  json.raw("_trace", R"(["[\"sim-gateway\",{\"micros\":1000}]"])");
  json.end_object();
  ledger_.add(serial, 0, "READY", ledger_kind::session);
  deliver(s, "READY", std::make_shared<const std::string>(std::move(d)));
}

void discord::resume(connection& c, const nlohmann::json& d, std::int64_t now_ms) {
  if (!knows(text_of(d, "token"))) {
    breach(c, "auth_failed", "RESUME with a wrong token");
    return close(c, 4004, "Authentication failed.");
  }
  const auto given = d.find("seq");
  if (given == d.end() || !given->is_number_unsigned()) {
    breach(c, "resume_seq_missing", "RESUME without a sequence number");
    return close(c, 4007, "Invalid seq.");
  }
  const auto at = sessions_.find(text_of(d, "session_id"));
  if (at == sessions_.end()) {
    ++counters_.resumes_refused;
    return send_plain(c, refused_session);
  }
  session& s = *at->second;
  // Whoever was led astray may come to the gateway's own URL.
  if (!c.request.resume_path)
    breach(c, "resume_wrong_host", "RESUME did not come to resume_gateway_url", faults_.led_astray());
  if (c.transport() != s.transport) {
    breach(c, "resume_transport",
           "session was made with " + s.transport + ", RESUME came with " + c.transport());
  }
  const auto seq = given->get<std::uint64_t>();
  if (seq > s.seq) {
    breach(c, "resume_seq_ahead", std::to_string(seq) + " but only " + std::to_string(s.seq) + " was sent");
    close(c, 4007, "Invalid seq.");
    return end_session(s, now_ms);
  }
  if (!s.can_replay(static_cast<std::uint32_t>(seq))) {
    ++counters_.resumes_refused;
    breach(c, "resume_too_late", "events after " + std::to_string(seq) + " are no longer kept", true);
    send_plain(c, refused_session);
    return end_session(s, now_ms);
  }
  if (spoil_resume(c, s, now_ms)) return;
  if (connection* old = find(s.connection)) {  // the newcomer wins; the old socket simply ends
    old->owner = nullptr;
    old->closing = true;
    sink_.drop(old->id);
  }
  ++counters_.resumes;
  s.connection = c.id;
  c.owner = &s;
  for (const auto& kept : s.replay) {
    if (kept.seq > seq) send_event(s, kept.seq, kept.type, *kept.d);
  }
  const std::uint64_t serial = mix_.next_serial();
  ledger_.add(serial, 0, "RESUMED", ledger_kind::session);
  deliver(s, "RESUMED",
          std::make_shared<const std::string>("{\"_serial\":" + std::to_string(serial) +
                                              ",\"_trace\":[\"sim-gateway\"]}"));
}

}  // namespace evergate::sim
