#include "sim/control_api.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sim/fault_request.h"
#include "sim/guild_compare.h"

namespace evergate::sim {
namespace {

using nlohmann::json;

constexpr std::uint64_t emit_max = 100'000'000;

http_reply refusal(unsigned status, std::string_view what) {
  http_reply out{.status = status};
  json_writer writer(out.body);
  writer.begin_object();
  writer.text("error", what);
  writer.end_object();
  return out;
}

http_reply count_of(std::string_view name, std::uint64_t count) {
  http_reply out;
  json_writer writer(out.body);
  writer.begin_object();
  writer.number(name, static_cast<std::int64_t>(count));
  writer.end_object();
  return out;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint64_t query_number(const control_request& request, std::string_view name, std::uint64_t otherwise) {
  const auto text = request.query(name);
  return text ? number(*text).value_or(otherwise) : otherwise;
}

// An absent member is nothing; a wrong one leaves `fine` false.
std::optional<std::uint64_t> optional_number(const json& d, const char* key, bool& fine) {
  const auto at = d.find(key);
  if (at == d.end() || at->is_null()) return std::nullopt;
  if (!at->is_number_unsigned()) {
    fine = false;
    return std::nullopt;
  }
  return at->get<std::uint64_t>();
}

}  // namespace

control_api::outcome control_api::handle(const control_request& request, std::int64_t now_ms) {
  constexpr std::string_view prefix = "/control/";
  if (!request.path.starts_with(prefix)) return refusal(404, "paths begin with /control/");
  const std::string_view rest = request.path.substr(prefix.size());
  if (request.method == "POST") return command(request, rest, now_ms);
  if (request.method == "GET") return question(request, rest, now_ms);
  return refusal(405, "only GET and POST");
}

control_api::outcome control_api::command(const control_request& request, std::string_view verb,
                                          std::int64_t now_ms) {
  if (verb == "compare") return compare(request);
  if (verb == "quit") return quit_wish{};
  if (verb == "hold") return hold_wish{};
  if (verb == "pour") return pour_wish{};
  if (verb == "settle") return count_of("returned", core_.settle(now_ms));
  const json d = request.body.empty() ? json::object() : json::parse(request.body, nullptr, false);
  if (!d.is_object()) return refusal(400, "the body is not a JSON object");
  bool fine = true;
  if (verb == "rate") {
    const auto at = d.find("events_per_second");
    if (at == d.end() || !at->is_number() || at->get<double>() < 0 || at->get<double>() > 1e6) {
      return refusal(400, "events_per_second must be a number from 0 to 1000000");
    }
    core_.set_rate(at->get<double>(), now_ms);
    return http_reply{.body = R"({"ok":true})"};
  }
  if (verb == "emit") {
    const auto count = optional_number(d, "count", fine);
    const std::string type = d.contains("type") && d["type"].is_string() ? d["type"].get<std::string>() : "";
    if (!fine || !count || *count > emit_max)
      return refusal(400, "count must be a number from 0 to 100000000");
    const auto types = event_mix::types();
    if (!type.empty() && std::ranges::find(types, type) == types.end())
      return refusal(400, "there is no type " + type);
    return emit_job{.count = *count, .type = type};
  }
  if (verb == "pause") {
    core_.pause(!d.contains("paused") || d["paused"] != false);
    return http_reply{.body = R"({"ok":true})"};
  }
  if (verb == "token") {
    const auto at = d.find("token");
    if (at == d.end() || !at->is_string() || at->get_ref<const std::string&>().empty())
      return refusal(400, "token must be a text: the bot's new token");
    core_.set_token(base::secret(at->get<std::string>()));
    return http_reply{.body = R"({"ok":true})"};
  }
  if (verb == "fault") return fault(d, now_ms);
  if (verb == "faults/clear") {
    core_.clear_faults();
    return http_reply{.body = R"({"ok":true})"};
  }
  return refusal(404, "no such command");
}

http_reply control_api::fault(const json& body, std::int64_t now_ms) {
  const auto order = read_fault(body);
  if (const auto* problem = std::get_if<std::string>(&order)) return refusal(400, *problem);
  const fault_order& wanted = std::get<fault_order>(order);
  const fault_outcome outcome = core_.fault(wanted, now_ms);
  if (outcome.armed) return {.body = R"({"armed":true})"};
  if (waits(wanted.kind)) return refusal(409, "too many faults are armed; POST /control/faults/clear");
  return count_of("done", outcome.done);
}

http_reply control_api::question(const control_request& request, std::string_view subject,
                                 std::int64_t now_ms) {
  http_reply out;
  if (subject == "status") return status(now_ms);
  if (subject == "violations") {
    core_.violations().write(out.body);
  } else if (subject == "ledger") {
    out.content_type = "application/x-ndjson";
    core_.ledger().write(out.body, query_number(request, "after", 0), query_number(request, "limit", 10'000));
  } else if (subject.starts_with("guild/")) {
    return guild_truth(request, subject.substr(6));
  } else if (subject == "guilds") {
    return guild_list(request);
  } else if (subject == "user") {
    json_writer writer(out.body);
    write_own_user(writer, core_.world().bot());
  } else if (subject == "faults") {
    core_.faults().write(out.body);
  } else if (subject == "rest") {
    rest_.write(out.body);
  } else {
    return refusal(404, "no such subject");
  }
  return out;
}

http_reply control_api::status(std::int64_t now_ms) {
  http_reply out;
  json_writer w(out.body);
  const auto& c = core_.counters();
  const auto put = [&](std::string_view name, std::uint64_t value) {
    w.number(name, static_cast<std::int64_t>(value));
  };
  w.begin_object();
  put("events_per_second", static_cast<std::uint64_t>(core_.rate()));
  w.boolean("paused", core_.paused());
  w.boolean("backfilling", core_.backfilling());
  put("guilds", core_.world().guilds());
  put("events", c.events);
  put("dispatches", c.dispatches);
  put("ledger_forgotten", core_.ledger().forgotten());
  put("connections", c.connections);
  put("identifies", c.identifies);
  put("identifies_refused", c.identifies_refused);
  put("identifies_left", core_.identifies_left(now_ms));
  w.boolean("token_void", core_.token_void());
  put("resumes", c.resumes);
  put("resumes_refused", c.resumes_refused);
  put("heartbeats", c.heartbeats);
  put("rest_calls", rest_.calls());
  put("violations", core_.violations().count());
  w.object("violations_by_kind");
  for (const auto& [kind, count] : core_.violations().by_kind()) put(kind, count);
  w.end_object();
  w.array("sessions");
  for (const auto& [id, s] : core_.sessions()) {
    w.begin_object();
    w.text("id", id);
    put("shard", s->shard);
    put("count", s->count);
    put("intents", s->view.intents);
    put("seq", s->seq);
    put("acknowledged", s->acknowledged);
    put("replayable", s->replay.size());
    put("waiting_guilds", s->waiting_set.size());
    w.boolean("connected", s->connection != 0);
    w.text("status", s->status);
    w.text("state", s->connection == 0 ? "detached" : s->waiting.empty() ? "ready" : "backfilling");
    w.end_object();
  }
  w.end_array();
  w.end_object();
  return out;
}

http_reply control_api::guild_truth(const control_request& request, std::string_view id) {
  const auto wanted = number(id);
  const auto index = wanted ? core_.world().index_of(*wanted) : std::nullopt;
  if (!index) return refusal(404, "the bot is in no such guild");
  const guild_view view{static_cast<intent_bits>(query_number(request, "intents", intent::all)),
                        static_cast<std::uint32_t>(query_number(request, "large_threshold", 250))};
  http_reply out;
  core_.world().write_guild_create(out.body, *index, view, 0, true);
  return out;
}

http_reply control_api::guild_list(const control_request& request) {
  const std::uint64_t count = std::max<std::uint64_t>(query_number(request, "count", 1), 1);
  const auto shard = request.query("shard");
  const std::uint64_t wanted = shard ? number(*shard).value_or(0) : 0;
  http_reply out;
  json_writer w(out.body);
  w.begin_array();
  const auto& world = core_.world();
  for (std::uint32_t i = 0; i < world.slots(); ++i) {
    const snowflake id = world.id_at(i);
    if (id == 0 || (shard && (id >> 22) % count != wanted)) continue;
    w.begin_object();
    w.id("id", id);
    w.boolean("available", world.kept_available(i));
    w.end_object();
  }
  w.end_array();
  return out;
}

http_reply control_api::compare(const control_request& request) {
  const json given = json::parse(request.body, nullptr, false);
  if (!given.is_object() || !given.contains("id") || !given["id"].is_string()) {
    return refusal(400, "the body is not GUILD_CREATE's d");
  }
  const http_reply truth = guild_truth(request, given["id"].get<std::string>());
  if (truth.status != 200) return truth;
  const auto differences = compare_guilds(json::parse(truth.body), given);
  http_reply out;
  json_writer w(out.body);
  w.begin_object();
  w.boolean("equal", differences.empty());
  w.array("differences");
  for (const auto& line : differences) w.text(line);
  w.end_array();
  w.end_object();
  return out;
}

}  // namespace evergate::sim
