#include "app/consumer_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "app/errc.h"
#include "app/intents_option.h"
#include "app/option_key.h"
#include "app/option_value.h"
#include "downstream/consumers.h"
#include "proto/intents.h"

namespace evergate::app {
namespace {

using namespace std::chrono_literals;

using rows = std::vector<consumer_option_row>;

constexpr std::int64_t many = 1'000'000'000;
constexpr std::string_view start_allowed =
    "\"now\", \"earliest\", an offset, or a time such as \"2026-11-25T08:00:00Z\"";

// A field of the settings, const or not, as the row makers want it.
#define FIELD(path) [](auto& o) -> auto& { return o.path; }

base::result<void> good(const consumer_settings&) {
  return {};
}

consumer_option_row intents_row(const std::string& key) {
  return {key,
          "bits of 53608447, or an array of names",
          std::to_string(proto::intent::all),
          "At most these; what a bot asks for beyond is left out",
          [key](consumer_settings& o, const option_value& value) -> base::result<void> {
            const auto bits = parse_intents(key, value);
            if (!bits) return std::unexpected(bits.error());
            o.intents = *bits;
            return {};
          },
          [key](const consumer_settings& o) -> base::result<void> {
            if (proto::valid_intents(o.intents)) return {};
            return refuse(key, std::to_string(o.intents), "made of bits of 53608447");
          }};
}

std::optional<start_position> start_of(std::string_view text) {
  const auto found = flow::parse_position(text);
  if (!found) return std::nullopt;
  return start_position{static_cast<start_position::kind>(found->what), found->value};
}
static_assert(static_cast<int>(start_position::kind::time) == static_cast<int>(flow::position::kind::time));

consumer_option_row start_row(const std::string& key) {
  return {
      key,
      std::string(start_allowed),
      "\"now\"",
      "Where it begins when it has never read; later it goes on from its cursor. What is not kept any more "
      "is left out",
      [key](consumer_settings& o, const option_value& value) -> base::result<void> {
        std::string text;
        if (const auto* word = std::get_if<std::string>(&value)) text = *word;
        if (const auto* number = std::get_if<std::int64_t>(&value)) text = std::to_string(*number);
        const auto start = start_of(text);
        if (!start) return refuse(key, shown(value), start_allowed);
        o.start = *start;
        return {};
      },
      good};
}

void add_sight(rows& t, const std::string& prefix) {
  t.push_back(intents_row(prefix + "intents"));
  t.push_back(names_row<consumer_settings>(
      prefix + "events.allow",
      "When not empty, only these events; READY, RESUMED, GUILD_CREATE, GUILD_DELETE and "
      "replies to its own commands come in any case",
      FIELD(events_allow)));
  t.push_back(names_row<consumer_settings>(
      prefix + "events.deny", "Events left out, allowed or not; not those four", FIELD(events_deny)));
  t.push_back(guilds_row<consumer_settings>(
      prefix + "guilds.allow",
      "When not empty, only these guilds and what belongs to none, as direct messages", FIELD(guilds_allow)));
  t.push_back(guilds_row<consumer_settings>(prefix + "guilds.deny", "Guilds left out, allowed or not",
                                            FIELD(guilds_deny)));
  t.push_back(boolean_row<consumer_settings>(
      prefix + "read_only", "Ops 3, 4, 8, 31 and 43 are refused, and REST through /c/NAME is limited to GET",
      FIELD(read_only)));
  t.push_back(start_row(prefix + "start"));
}

void add_delivery(rows& t, const std::string& prefix) {
  t.push_back(choice_row<redelivery_policy, consumer_settings>(
      prefix + "redelivery",
      {{"at_least_once", redelivery_policy::at_least_once},
       {"at_most_once", redelivery_policy::at_most_once}},
      "Whether what was sent but not acknowledged is sent again after an unclean end", FIELD(redelivery)));
  t.push_back(choice_row<clean_close_policy, consumer_settings>(
      prefix + "on_clean_close", {{"sent", clean_close_policy::sent}, {"acked", clean_close_policy::acked}},
      "What counts as delivered when a bot sends a close frame: what was sent, save within close_grace, or "
      "only what was acknowledged",
      FIELD(on_clean_close)));
  t.push_back(duration_row<consumer_settings>(
      prefix + "close_grace", 0ms, 1min,
      "After a clean close, what was sent this long before is sent again (longer of a "
      "bot that was seen to lag, see restarts.md)",
      FIELD(close_grace)));
  t.push_back(choice_row<acknowledgement, consumer_settings>(
      prefix + "acknowledge",
      {{"heartbeat", acknowledgement::heartbeat}, {"explicit", acknowledgement::explicit_only}},
      "What acknowledges events: the bot's heartbeats, or only POST /c/NAME/ack", FIELD(acknowledge)));
  t.push_back(integer_row<consumer_settings>(prefix + "ack_window", 1, 16'777'216,
                                             "Events in flight per lane", FIELD(ack_window)));
  t.push_back(duration_row<consumer_settings>(
      prefix + "session_timeout", 0ms, 24h * 365,
      "A session without a connection cannot be resumed after this; 0 = as long as its events are kept",
      FIELD(session_timeout)));
}

void add_bounds(rows& t, const std::string& prefix) {
  t.push_back(integer_row<consumer_settings>(prefix + "max_events", 0, many,
                                             "Events that may wait for it; past that it is moved forward, "
                                             "the ephemeral ones first. 0 = as many as the "
                                             "queue keeps",
                                             FIELD(max_events)));
  t.push_back(size_row<consumer_settings>(prefix + "max_bytes", 0, 1ull << 44,
                                          "The same in bytes; 0 = as many as the queue keeps",
                                          FIELD(max_bytes)));
  t.push_back(duration_row<consumer_settings>(
      prefix + "max_age", 0s, 24h * 365, "The same in age; 0 = as old as the queue keeps", FIELD(max_age)));
}

#undef FIELD

std::string variable_of(std::string_view key) {
  std::string out = "EVERGATE_";
  std::ranges::transform(key, std::back_inserter(out), [](unsigned char c) {
    return c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return out;
}

base::result<void> apply_given(const std::string& prefix, const rows& table, const given_table& given,
                               consumer_settings& out) {
  for (const auto& [key, one] : given) {
    const auto full = prefix + key;
    const auto row = std::ranges::find(table, full, &consumer_option_row::key);
    if (row == table.end()) return unknown_key(full, one.line, closest_key(full, keys_of(std::span(table))));
    if (auto set = row->set(out, one.value); !set) {
      return base::fail(set.error(), fmt::format("line {}", one.line));
    }
  }
  return {};
}

/// True in `any` when the environment sets something.
base::result<void> apply_variables(const rows& table, const environment& env, consumer_settings& out,
                                   bool& any) {
  for (const auto& row : table) {
    const auto name = variable_of(row.key);
    const auto text = env(name);
    if (!text) continue;
    any = true;
    if (auto set = set_from_text(row, out, *text); !set) return base::fail(set.error(), name);
  }
  return {};
}

base::result<downstream::consumer_filter> filter_of(const consumer_settings& from) {
  return downstream::consumer_filter::make(
      {from.events_allow, from.events_deny, from.guilds_allow, from.guilds_deny});
}

downstream::policy_ptr policy_of(const consumer_settings& from, const decide::desk& decisions) {
  downstream::consumer_policy out;
  out.decisions = &decisions;
  out.intents = from.intents;
  out.filter = filter_of(from).value_or(downstream::consumer_filter{});
  out.read_only = from.read_only;
  out.start = {static_cast<flow::position::kind>(from.start.what), from.start.value};
  out.redeliver = from.redelivery == redelivery_policy::at_least_once ? downstream::redelivery::at_least_once
                                                                      : downstream::redelivery::at_most_once;
  out.on_clean_close = from.on_clean_close == clean_close_policy::sent ? downstream::clean_close::sent
                                                                       : downstream::clean_close::acked;
  out.close_grace = from.close_grace;
  out.acknowledge = from.acknowledge == acknowledgement::heartbeat
                        ? downstream::acknowledge_by::heartbeat
                        : downstream::acknowledge_by::explicit_call;
  out.ack_window = from.ack_window;
  out.session_timeout = from.session_timeout;
  out.max_events = from.max_events;
  out.max_bytes = from.max_bytes;
  out.max_age = from.max_age;
  return std::make_shared<const downstream::consumer_policy>(std::move(out));
}

}  // namespace

std::vector<consumer_option_row> consumer_rows(std::string_view prefix) {
  rows t;
  const std::string text(prefix);
  add_sight(t, text);
  add_delivery(t, text);
  add_bounds(t, text);
  return t;
}

std::vector<option_row> general_consumer_rows() {
  rows t;
  add_delivery(t, "downstream.");
  std::vector<option_row> out;
  for (auto& row : t) {
    option_row general{row.key, row.allowed, row.fallback, row.help, {}, {}};
    general.set = [set = std::move(row.set)](gateway_options& o, const option_value& value) {
      return set(o.downstream.consumer, value);
    };
    general.judge = [judge = std::move(row.judge)](const gateway_options& o) {
      return judge(o.downstream.consumer);
    };
    out.push_back(std::move(general));
  }
  return out;
}

base::result<void> apply_consumers(const std::map<std::string, given_table>& given, const std::string& file,
                                   const environment& env, gateway_options& out) {
  auto all = given;
  all.try_emplace("main");
  for (const auto& [name, table] : all) {
    const auto prefix = fmt::format("consumers.{}.", name);
    const auto known = consumer_rows(prefix);
    consumer_settings settings = out.downstream.consumer;
    bool any = given.contains(name);
    if (auto applied = apply_given(prefix, known, table, settings); !applied) {
      return base::fail(applied.error(), file);
    }
    if (auto applied = apply_variables(known, env, settings, any); !applied) return applied;
    if (any) out.consumers.insert_or_assign(name, std::move(settings));
  }
  return {};
}

base::result<void> judge_consumers(const gateway_options& options) {
  for (const auto& [name, settings] : options.consumers) {
    if (!downstream::consumers::valid_name(name)) {
      return base::fail(errc::bad_option,
                        fmt::format("consumers.{}: a name must be 1 to 32 of a-z, 0-9, - and _", name));
    }
    const auto prefix = fmt::format("consumers.{}.", name);
    for (const auto& row : consumer_rows(prefix)) {
      if (auto judged = row.judge(settings); !judged) return judged;
    }
    // The filter names the key below the consumer.
    if (const auto filter = filter_of(settings); !filter) {
      return base::fail(errc::bad_option, prefix + filter.error().detail);
    }
  }
  return {};
}

downstream::consumer_policies policies_of(const gateway_options& options, const decide::desk& decisions) {
  downstream::consumer_policies out;
  out.fallback = policy_of(options.downstream.consumer, decisions);
  out.unlisted = options.downstream.unlisted_consumers;
  for (const auto& [name, settings] : options.consumers)
    out.named.emplace(name, policy_of(settings, decisions));
  return out;
}

}  // namespace evergate::app
