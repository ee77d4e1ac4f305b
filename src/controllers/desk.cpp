#include "controllers/desk.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "controllers/lone_surrogates.h"
#include "proto/presence.h"

namespace evergate::decide {
namespace {

constexpr std::chrono::minutes pause_max{10};
constexpr std::uint32_t shards_max = 65'535;
constexpr std::size_t object_max = std::size_t{64} << 20;

std::string pause_within(std::chrono::milliseconds given) {
  if (given >= std::chrono::milliseconds(0) && given <= pause_max) return {};
  return fmt::format("answered {} ms, allowed 0 to {}", given.count(),
                     std::chrono::milliseconds(pause_max).count());
}

std::string between(std::uint32_t given, std::uint32_t least, std::uint32_t most) {
  if (given >= least && given <= most) return {};
  return fmt::format("answered {}, allowed {} to {}", given, least, most);
}

constexpr std::size_t parser_kept_max = 1 << 20;

/// Calls `look(object)` when the text is one, else says what it is.
template <class Look>
std::string object(std::string_view json, const Look& look) {
  if (json.size() > object_max) return fmt::format("answered {} bytes, allowed {}", json.size(), object_max);
  thread_local simdjson::dom::parser parser;
  simdjson::dom::object root;
  auto failed = parser.parse(json.data(), json.size()).get(root);
  if (failed == simdjson::STRING_ERROR) failed = parser.parse(without_lone_surrogates(json)).get(root);
  const bool whole = failed == simdjson::SUCCESS && json.starts_with('{') && json.ends_with('}');
  auto out = whole ? look(root) : std::string("answered something that is no JSON object");
  if (parser.capacity() > parser_kept_max) parser = simdjson::dom::parser();
  return out;
}

std::string object(std::string_view json) {
  return object(json, [](const simdjson::dom::object&) { return std::string(); });
}

std::string session_id_of(std::string_view json) {
  std::string out;
  (void)object(json, [&out](const simdjson::dom::object& of) {
    std::string_view text;
    if (of["session_id"].get(text) == simdjson::SUCCESS) out = text;
    return std::string();
  });
  return out;
}

bool lives_on(std::string_view type) noexcept {
  return type == "GUILD_CREATE" || type == "GUILD_DELETE";
}

}  // namespace

namespace allowed {

std::string total_shards(const total_shards_question&, const std::uint32_t& given) {
  return between(given, 1, shards_max);
}

std::string worker_id(const worker_id_question& asked, const std::uint32_t& given) {
  return between(given, 0, asked.workers - 1);
}

std::string identify(const identify_question&, const std::chrono::milliseconds& given) {
  return pause_within(given);
}

std::string presence(const presence_question&, const std::string& given) {
  if (given.empty()) return {};
  if (auto problem = object(given); !problem.empty()) return problem;
  const auto whole = proto::whole_presence(given);
  return whole ? std::string() : whole.error().text();
}

std::string verdict(const close_question&, const close_verdict& given) {
  return between(static_cast<std::uint32_t>(given), 0, static_cast<std::uint32_t>(close_verdict::fatal));
}

std::string resumable(const invalid_session_question&, const bool&) {
  return {};
}

std::string pause(const reconnect_question&, const std::chrono::milliseconds& given) {
  return pause_within(given);
}

std::string event(const event_question& asked, const event_answer& given) {
  using enum event_answer::verdict;
  if (given.what == keep) return {};
  if (given.what == rewrite) return object(given.d);
  if (given.what != drop) return "answered none of keep, drop and rewrite";
  if (lives_on(asked.type)) return fmt::format("dropped {}, which every bot lives on", asked.type);
  return {};
}

std::string delivery(const delivery_question&, const bool&) {
  return {};
}

std::string overflow(const overflow_question& asked, const event_group& given) {
  const auto which = static_cast<std::size_t>(given);
  if (which < asked.groups.size() && asked.groups[which].there) return {};
  return "answered a group of which nothing can be given up";
}

std::string expiry(const interaction_question&, const bool&) {
  return {};
}

std::string command(const command_question&, const command_answer& given) {
  using enum command_answer::verdict;
  if (given.what == pass || given.what == drop) return {};
  if (given.what == rewrite) return object(given.d);
  return "answered none of pass, drop and rewrite";
}

std::string member_request(const member_request_question&, const bool&) {
  return {};
}

std::string ready(const ready_question& asked, const std::string& given) {
  if (given == asked.d) return {};
  if (auto problem = object(given); !problem.empty()) return problem;
  return session_id_of(given) == session_id_of(asked.d) ? std::string() : "answered with another session_id";
}

std::string bot(const bot_question&, const std::uint16_t& given) {
  return given == 0 ? std::string() : between(given, 4000, 4999);
}

std::string lanes(const lanes_question&, const std::uint32_t& given) {
  return between(given, 1, shards_max);
}

std::string resharding(const reshard_question&, const std::uint32_t& given) {
  return between(given, 0, shards_max);
}

std::string switching(const switch_question&, const bool&) {
  return {};
}

}  // namespace allowed

desk::desk(const controller_table& overrides, base::logger* log, std::chrono::nanoseconds slow_after) {
  each([log, slow_after](auto& one) { one.counts().configure(log, slow_after); });
  calculate_total_shards.set_function(overrides.calculate_total_shards);
  calculate_worker_id.set_function(overrides.calculate_worker_id);
  permit_identify.set_function(overrides.permit_identify);
  make_presence.set_function(overrides.make_presence);
  judge_close.set_function(overrides.judge_close);
  judge_invalid_session.set_function(overrides.judge_invalid_session);
  reconnect_delay.set_function(overrides.reconnect_delay);
  on_event.set_function(overrides.on_event);
  deliver_event.set_function(overrides.deliver_event);
  choose_overflow.set_function(overrides.choose_overflow);
  expire_interaction.set_function(overrides.expire_interaction);
  on_command.set_function(overrides.on_command);
  coalesce_members.set_function(overrides.coalesce_members);
  make_ready.set_function(overrides.make_ready);
  admit_bot.set_function(overrides.admit_bot);
  calculate_lanes.set_function(overrides.calculate_lanes);
  decide_resharding.set_function(overrides.decide_resharding);
  permit_switch.set_function(overrides.permit_switch);
  if (overrides.deliver_event) function_version_ = overrides.deliver_event_version;
}

const desk& desk::plain() noexcept {
  static const desk none;
  return none;
}

std::uint32_t desk::delivery_version() const noexcept {
  const auto script = script_version_.load(std::memory_order_acquire);
  if (script == 0 && function_version_ == 0) return 0;
  // Two versions made one, so that neither hides the other's change.
  return (script * 0x9e37'79b1u) ^ (function_version_ + 0x85eb'ca6bu);
}

std::vector<controller_status> desk::status() const {
  std::vector<controller_status> out;
  each([&out](const auto& one) { out.push_back(one.status()); });
  return out;
}

}  // namespace evergate::decide
