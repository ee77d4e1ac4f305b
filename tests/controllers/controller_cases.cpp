#include "controller_cases.h"

#include <fmt/format.h>

#include <concepts>
#include <stdexcept>

#include "controllers/script_value.h"

namespace evergate::decide::controllers_test {
namespace {

using namespace std::chrono_literals;

template <class T>
  requires std::unsigned_integral<T> && (!std::same_as<T, bool>)
std::string text(T value) {
  return std::to_string(value);
}
std::string text(std::same_as<bool> auto value) {
  return value ? "true" : "false";
}
std::string text(std::chrono::milliseconds value) {
  return fmt::format("{} ms", value.count());
}
std::string text(const std::string& value) {
  return value;
}
std::string text(close_verdict value) {
  return std::string(script_value::name_of(value));
}
std::string text(event_group value) {
  return std::string(script_value::name_of(value));
}
template <class Fate>
  requires requires(Fate fate) { fate.what; }
std::string text(const Fate& value) {
  const char* const names[] = {"kept", "dropped", "rewritten "};
  return names[static_cast<int>(value.what)] + value.d;
}

/// Asks the slot `which` about `asked`, whose standard answer `plain` makes.
template <auto Which, class Question, class Plain>
std::function<std::string(const desk&)> asking(Question asked, Plain plain) {
  return [asked, plain](const desk& from) { return text((from.*Which).ask(asked, plain)); };
}

template <auto Which, class Override>
cpp_overrides overriding(Override function) {
  using answer =
      typename std::remove_reference_t<decltype(std::declval<controller_table>().*Which)>::result_type;
  return {.changing = [function](controller_table& table) { table.*Which = function; },
          .throwing =
              [](controller_table& table) {
                table.*
                    Which = [](const auto&, const auto&) -> answer { throw std::runtime_error("no idea"); };
              }};
}

constexpr std::string_view ready_text = R"({"v":10,"session_id":"abc"})";

std::vector<controller_case> of_scale() {
  return {
      {"calculate_total_shards", "7", "29",
       "function calculate_total_shards(asked, standard)\n"
       "  return standard({recommended = asked.recommended * 2, max_concurrency = 1}) + 15\nend",
       overriding<&controller_table::calculate_total_shards>([](const auto& asked, const auto& standard) {
         auto other = asked;
         other.recommended *= 2;
         return standard(other) + 15;
       }),
       asking<&desk::calculate_total_shards>(total_shards_question{.recommended = 7, .max_concurrency = 16},
                                             [](const total_shards_question& q) { return q.recommended; })},
      {"calculate_worker_id", "1", "2",
       "function calculate_worker_id(asked) return asked.shard % asked.workers end",
       overriding<&controller_table::calculate_worker_id>(
           [](const auto& asked, const auto&) { return asked.shard % asked.workers; }),
       asking<&desk::calculate_worker_id>(
           worker_id_question{.shard = 5, .shards = 8, .workers = 3, .shards_per_worker = 4},
           [](const worker_id_question& q) { return q.shard / q.shards_per_worker; })},
      {"permit_identify", "0 ms", "2500 ms",
       "function permit_identify(asked, standard)\n"
       "  return asked.cause == 'reconnect' and 2500 or standard(asked)\nend",
       overriding<&controller_table::permit_identify>([](const auto& asked, const auto& standard) {
         return asked.cause == "reconnect" ? 2'500ms : standard(asked);
       }),
       asking<&desk::permit_identify>(identify_question{.shard = 3, .cause = "reconnect"},
                                      [](const identify_question&) { return 0ms; })},
      {"make_presence", R"({"status":"online"})", R"({"status":"idle"})",
       "function make_presence(asked) return (asked.presence:gsub('online', 'idle')) end",
       overriding<&controller_table::make_presence>(
           [](const auto&, const auto&) { return R"({"status":"idle"})"; }),
       asking<&desk::make_presence>(presence_question{.presence = R"({"status":"online"})"},
                                    [](const presence_question& q) { return std::string(q.presence); })},
  };
}

std::vector<controller_case> of_sessions() {
  return {
      {"judge_close", "resume", "identify",
       "function judge_close(asked, standard)\n"
       "  return asked.session and asked.code == 4000 and 'identify' or standard(asked)\nend",
       overriding<&controller_table::judge_close>([](const auto& asked, const auto& standard) {
         return asked.code == 4000 ? close_verdict::identify : standard(asked);
       }),
       asking<&desk::judge_close>(close_question{.code = 4000, .session = true},
                                  [](const close_question&) { return close_verdict::resume; })},
      {"judge_invalid_session", "true", "false",
       "function judge_invalid_session(asked, standard) return not standard(asked) end",
       overriding<&controller_table::judge_invalid_session>(
           [](const auto& asked, const auto& standard) { return !standard(asked); }),
       asking<&desk::judge_invalid_session>(invalid_session_question{.resumable = true},
                                            [](const invalid_session_question& q) { return q.resumable; })},
      {"reconnect_delay", "1500 ms", "3001 ms",
       "function reconnect_delay(asked, standard)\n"
       "  asked.delay = asked.delay * 2\n  return standard(asked) + 1.5\nend",
       overriding<&controller_table::reconnect_delay>(
           [](const auto& asked, const auto&) { return asked.delay * 2 + 1ms; }),
       asking<&desk::reconnect_delay>(reconnect_question{.tries = 2, .delay = 1'500ms},
                                      [](const reconnect_question& q) { return q.delay; })},
  };
}

std::vector<controller_case> of_events() {
  constexpr auto kept = [](const event_question&) { return event_answer{}; };
  overflow_question full;
  full.groups[0] = {.there = true, .events = 3, .bytes = 300, .oldest = 1s};
  full.groups[1] = {.there = true, .events = 9, .bytes = 900, .oldest = 2s};
  return {
      {"on_event", "kept", R"(rewritten {"guild":"81384788765712384"})",
       "function on_event(asked, standard)\n"
       "  if asked.type ~= 'TYPING_START' or not standard(asked) then return false end\n"
       "  return evergate.json.encode({guild = asked.guild})\nend",
       overriding<&controller_table::on_event>([](const auto& asked, const auto&) {
         return event_answer{.what = event_answer::verdict::rewrite,
                             .d = fmt::format(R"({{"guild":"{}"}})", asked.guild)};
       }),
       asking<&desk::on_event>(
           event_question{.type = "TYPING_START", .guild = 81'384'788'765'712'384, .d = "{}"}, kept)},
      {"deliver_event", "true", "false",
       "function deliver_event(asked) return asked.d:find('spam', 1, true) == nil end",
       overriding<&controller_table::deliver_event>(
           [](const auto& asked, const auto&) { return asked.d.find("spam") == std::string_view::npos; }),
       asking<&desk::deliver_event>(
           delivery_question{.consumer = "main", .type = "MESSAGE_CREATE", .d = R"({"content":"spam"})"},
           [](const delivery_question&) { return true; })},
      {"choose_overflow", "ephemeral", "message",
       "function choose_overflow(asked)\n"
       "  local g = asked.groups\n"
       "  return g.message.there and g.message.events > g.ephemeral.events and 'message' or 'ephemeral'\nend",
       overriding<&controller_table::choose_overflow>([](const auto& asked, const auto&) {
         return asked.groups[1].events > asked.groups[0].events ? event_group::message
                                                                : event_group::ephemeral;
       }),
       asking<&desk::choose_overflow>(full, [](const overflow_question&) { return event_group::ephemeral; })},
      {"expire_interaction", "false", "true",
       "function expire_interaction(asked) return asked.age >= 2000 end",
       overriding<&controller_table::expire_interaction>(
           [](const auto& asked, const auto&) { return asked.age >= 2'000ms; }),
       asking<&desk::expire_interaction>(interaction_question{.age = 2s, .d = "{}"},
                                         [](const interaction_question&) { return false; })},
  };
}

std::vector<controller_case> of_bots() {
  return {
      {"on_command", "kept", "dropped", "function on_command(asked) return asked.op ~= 3 end",
       overriding<&controller_table::on_command>([](const auto& asked, const auto&) {
         return asked.op == 3 ? command_answer{.what = command_answer::verdict::drop, .d = {}}
                              : command_answer{};
       }),
       asking<&desk::on_command>(command_question{.consumer = "main", .op = 3, .d = "{}"},
                                 [](const command_question&) { return command_answer{}; })},
      {"coalesce_members", "true", "false",
       "function coalesce_members(asked) return asked.others < 4 and asked.guild ~= nil end",
       overriding<&controller_table::coalesce_members>(
           [](const auto& asked, const auto&) { return asked.others < 4; }),
       asking<&desk::coalesce_members>(member_request_question{.guild = 5, .d = "{}", .others = 4},
                                       [](const member_request_question&) { return true; })},
      {"make_ready", std::string(ready_text), R"({"session_id":"abc"})",
       "function make_ready(asked)\n"
       "  local d = evergate.json.decode(asked.d)\n  d.v = nil\n  return evergate.json.encode(d)\nend",
       overriding<&controller_table::make_ready>(
           [](const auto&, const auto&) { return R"({"session_id":"abc"})"; }),
       asking<&desk::make_ready>(ready_question{.d = ready_text},
                                 [](const ready_question& q) { return std::string(q.d); })},
      {"admit_bot", "0", "4004",
       "function admit_bot(asked) return asked.library == 'eris' and asked.intents & 512 ~= 0 and 4004 or 0 "
       "end",
       overriding<&controller_table::admit_bot>([](const auto& asked, const auto&) {
         return static_cast<std::uint16_t>(asked.library == "eris" ? 4004 : 0);
       }),
       asking<&desk::admit_bot>(bot_question{.intents = 513, .library = "eris"},
                                [](const bot_question&) { return std::uint16_t{0}; })},
      {"calculate_lanes", "1", "4", "function calculate_lanes(asked) return asked.shards // 8 end",
       overriding<&controller_table::calculate_lanes>(
           [](const auto& asked, const auto&) { return asked.shards / 8; }),
       asking<&desk::calculate_lanes>(lanes_question{.shards = 32},
                                      [](const lanes_question&) { return 1u; })},
  };
}

std::vector<controller_case> of_resharding() {
  return {
      {"decide_resharding", "16", "24",
       "function decide_resharding(asked) return asked.due and asked.current * 3 or 0 end",
       overriding<&controller_table::decide_resharding>(
           [](const auto& asked, const auto&) { return asked.current * 3; }),
       asking<&desk::decide_resharding>(reshard_question{.current = 8, .target = 16, .due = true},
                                        [](const reshard_question& q) { return q.due ? q.target : 0; })},
      {"permit_switch", "true", "false", "function permit_switch(asked) return asked.waited >= 60000 end",
       overriding<&controller_table::permit_switch>(
           [](const auto& asked, const auto&) { return asked.waited >= 60s; }),
       asking<&desk::permit_switch>(switch_question{.from = 8, .to = 16, .ready_shards = 16, .waited = 59s},
                                    [](const switch_question&) { return true; })},
  };
}

}  // namespace

const std::vector<controller_case>& controller_cases() {
  static const auto all = [] {
    std::vector<controller_case> out;
    for (auto* const group : {&of_scale, &of_sessions, &of_events, &of_bots, &of_resharding}) {
      for (auto& one : group()) out.push_back(std::move(one));
    }
    return out;
  }();
  return all;
}

}  // namespace evergate::decide::controllers_test
