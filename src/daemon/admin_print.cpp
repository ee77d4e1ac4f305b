#include "daemon/admin_print.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <vector>

#include "flow/position.h"
#include "proto/json_view.h"

namespace evergate::daemon::admin_print {
namespace {

using proto::member;

/// A string without its quotes, anything else as it stands. What would steer a terminal is replaced: some of
/// it came from Discord.
std::string text_of(std::string_view json, std::string_view key) {
  const auto value = member(json, key);
  auto out = proto::decoded_string(value).value_or(std::string(value));
  std::ranges::replace_if(out, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return out;
}

bool is_true(std::string_view json, std::string_view key) {
  return member(json, key) == "true";
}

std::vector<std::string_view> elements(std::string_view array) {
  std::vector<std::string_view> out;
  proto::array_cursor at(array);
  while (at.next()) out.push_back(at.value());
  return out;
}

/// "[0,4]" → "0/4".
std::string pair_of(std::string_view json, std::string_view key) {
  const auto parts = elements(member(json, key));
  return parts.size() == 2 ? fmt::format("{}/{}", parts[0], parts[1]) : std::string("?");
}

using line = std::vector<std::string>;

/// Columns as wide as their widest cell; no trailing blanks.
std::string table(const std::vector<line>& lines) {
  std::vector<std::size_t> widths;
  for (const auto& one : lines) {
    widths.resize(std::max(widths.size(), one.size()));
    for (std::size_t i = 0; i < one.size(); ++i) widths[i] = std::max(widths[i], one[i].size());
  }
  std::string out;
  for (const auto& one : lines) {
    for (std::size_t i = 0; i < one.size(); ++i) {
      out += i + 1 == one.size() ? one[i] : fmt::format("{:<{}}  ", one[i], widths[i]);
    }
    out += '\n';
  }
  return out;
}

std::string given_up_of(std::string_view json) {
  std::string out;
  proto::object_cursor at(member(json, "given_up"));
  while (at.next()) {
    if (at.value() != "0") fmt::format_to(std::back_inserter(out), ", gave up {} {}", at.value(), at.key());
  }
  return out;
}

void append_consumer(std::string_view one, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}{}{}{}\n", text_of(one, "name"),
                 is_true(one, "paused") ? ", PAUSED" : "", is_true(one, "read_only") ? ", read-only" : "",
                 given_up_of(one));
  const auto lanes = elements(member(one, "lanes"));
  if (lanes.empty()) {
    out += "  has no lanes yet\n";
    return;
  }
  std::vector<line> lines{{"  LANE", "BOT", "SEQ", "IN FLIGHT", "CURSOR", "POSITION", "LAG"}};
  for (const auto lane : lanes) {
    const auto* const bot = !is_true(lane, "connected") ? "none"
                            : is_true(lane, "held")     ? "held"
                                                        : "connected";
    lines.push_back({"  " + pair_of(lane, "lane"), bot, text_of(lane, "seq"), text_of(lane, "in_flight"),
                     text_of(lane, "cursor"), text_of(lane, "position"), text_of(lane, "lag")});
  }
  out += table(lines);
}

}  // namespace

std::string status(std::string_view json) {
  const auto shards = member(json, "shards");
  const auto journal = member(json, "journal");
  std::vector<line> lines{
      {"version", text_of(json, "version")},
      {"uptime", text_of(json, "uptime_s") + " s"},
      {"shards", fmt::format("{} of {} ready", text_of(shards, "ready"), text_of(shards, "held"))},
      {"connections", text_of(json, "connections")},
      {"consumers", text_of(json, "consumers")},
      {"head", text_of(journal, "head")},
      {"guilds", text_of(journal, "guilds")},
      {"gaps", text_of(journal, "gaps")},
  };
  proto::object_cursor at(member(journal, "classes"));
  while (at.next()) {
    lines.push_back(
        {std::string(at.key()),
         fmt::format("{} events, {} bytes kept; {} evicted unacknowledged", text_of(at.value(), "events"),
                     text_of(at.value(), "bytes"), text_of(at.value(), "evicted_unacknowledged"))});
  }
  if (is_true(journal, "stalled")) lines.push_back({"STALLED", text_of(journal, "last_error")});
  if (const auto fatal = text_of(json, "fatal"); !fatal.empty()) lines.push_back({"FAILED", fatal});
  return table(lines);
}

std::string shards(std::string_view json) {
  std::vector<line> lines{{"SHARD", "STATE", "SESSION", "LATENCY", "SEQ", "IDENTIFIES", "RESUMES", "GAPS"}};
  for (const auto one : elements(member(json, "shards"))) {
    const auto latency = proto::integer_of(member(one, "latency_us")).value_or(-1);
    lines.push_back({pair_of(one, "shard"), text_of(one, "state"), is_true(one, "session") ? "yes" : "no",
                     latency < 0 ? std::string("-") : fmt::format("{} ms", latency / 1000),
                     text_of(one, "seq_committed"), text_of(one, "identifies"), text_of(one, "resumes"),
                     text_of(one, "gaps")});
  }
  return table(lines);
}

std::string workers(std::string_view json) {
  std::vector<line> lines{{"WORKER", "BUSY", "EVENTS/S", "SHARDS", "CONNECTIONS", "EVENTS"}};
  for (const auto one : elements(member(json, "workers"))) {
    // "0.125" → "12.5 %"
    const double busy = std::strtod(text_of(one, "busy").c_str(), nullptr);
    lines.push_back({text_of(one, "worker"), fmt::format("{:.1f} %", 100 * busy),
                     fmt::format("{:.0f}", std::strtod(text_of(one, "events_per_second").c_str(), nullptr)),
                     text_of(one, "shards"), text_of(one, "connections"), text_of(one, "events")});
  }
  return table(lines);
}

std::string consumers(std::string_view json) {
  std::string out;
  for (const auto one : elements(member(json, "consumers"))) append_consumer(one, out);
  return out.empty() ? "No consumer has ever read.\n" : out;
}

std::string consumer(std::string_view json) {
  std::string out;
  append_consumer(json, out);
  return out;
}

std::string gaps(std::string_view json) {
  const auto all = elements(member(json, "gaps"));
  if (all.empty()) return "No gaps.\n";
  std::vector<line> lines{{"OFFSET", "TIME", "SHARD", "LAST SEQ", "CAUSE"}};
  for (const auto one : all) {
    const auto gap = member(one, "gap");
    const auto time = proto::integer_of(member(gap, "time_ms")).value_or(0);
    lines.push_back({text_of(one, "offset"), time > 0 ? flow::rfc3339(time) : "-", pair_of(gap, "shard"),
                     text_of(gap, "last_seq"), text_of(gap, "cause")});
  }
  return table(lines);
}

std::string drain(std::string_view json) {
  std::string out = is_true(json, "drained") ? "Drained.\n" : "NOT drained: time is over.\n";
  std::vector<line> lines{{"LANE", "STATE", "UNACKNOWLEDGED", "CURSOR"}};
  for (const auto lane : elements(member(json, "lanes"))) {
    lines.push_back({pair_of(lane, "lane"), text_of(lane, "state"), text_of(lane, "unacknowledged"),
                     text_of(lane, "cursor")});
  }
  return out + table(lines);
}

std::string letters(std::string_view json) {
  const auto all = elements(member(json, "letters"));
  if (all.empty()) return "No dead letters.\n";
  std::vector<line> lines{{"CONSUMER", "OFFSET", "TIME", "TYPE", "GUILD", "BYTES"}};
  for (const auto one : all) {
    lines.push_back({text_of(one, "consumer"), text_of(one, "offset"), text_of(one, "time"),
                     text_of(one, "type"), text_of(one, "guild"), text_of(one, "bytes")});
  }
  return table(lines);
}

std::string reshard_plan(std::string_view json) {
  return text_of(json, "text") + '\n';
}

std::string reshard(std::string_view json) {
  std::vector<line> lines{{"phase", text_of(json, "phase")}};
  if (!member(json, "from").empty()) {
    lines.push_back({"shards", text_of(json, "from") + " -> " + text_of(json, "to")});
    lines.push_back({"began", text_of(json, "began")});
    lines.push_back({"why", text_of(json, "cause")});
    lines.push_back({"ready", text_of(json, "ready_shards") + " new shards"});
    lines.push_back(
        {"guilds", fmt::format("{} of {} left", text_of(json, "guilds_left"), text_of(json, "guilds"))});
    if (const auto why = text_of(json, "abort_cause"); !why.empty()) lines.push_back({"aborted", why});
  }
  if (const auto why = text_of(json, "refusal"); !why.empty()) lines.push_back({"not begun", why});
  const auto last = member(json, "last");
  if (last.starts_with('{')) {
    const auto receipt = member(last, "receipt");
    const auto events = member(receipt, "events");
    const auto ended = proto::integer_of(member(last, "ended_ms")).value_or(0);
    lines.push_back({"last", fmt::format("{} -> {}, {}, {}", text_of(receipt, "from"), text_of(receipt, "to"),
                                         text_of(receipt, "outcome"), flow::rfc3339(ended))});
    lines.push_back({"", fmt::format("{} guilds, {} with a GAP; {} events lost, {} doubled; {} ms",
                                     text_of(member(receipt, "guilds"), "all"),
                                     text_of(member(receipt, "guilds"), "with_gap"), text_of(events, "lost"),
                                     text_of(events, "doubled"), text_of(receipt, "duration_ms"))});
  }
  return table(lines);
}

std::string controllers(std::string_view json) {
  const auto script = member(json, "script");
  auto out = text_of(script, "file").empty() ? std::string("no script\n")
                                             : fmt::format("script {}, version {}\n", text_of(script, "file"),
                                                           text_of(script, "version"));
  std::vector<line> lines{
      {"NAME", "OVERRIDDEN IN", "CALLS", "FAILURES", "SLOW", "MEAN", "SLOWEST", "LAST FAILURE"}};
  const auto microseconds = [](const std::string& ns) {
    return fmt::format("{:.1f} us", std::strtod(ns.c_str(), nullptr) / 1'000);
  };
  for (const auto one : elements(member(json, "controllers"))) {
    std::string where;
    for (const auto in : elements(member(one, "overridden_in"))) {
      where += (where.empty() ? "" : ", ") + proto::decoded_string(in).value_or("?");
    }
    if (where.empty()) {
      lines.push_back({text_of(one, "name"), "-"});
      continue;
    }
    lines.push_back({text_of(one, "name"), where, text_of(one, "calls"), text_of(one, "failures"),
                     text_of(one, "slow"), microseconds(text_of(one, "mean_ns")),
                     microseconds(text_of(one, "slowest_ns")), text_of(one, "last_failure")});
  }
  return out + table(lines);
}

std::string as_it_came(std::string_view json) {
  return std::string(json);
}

std::string failure(std::string_view json) {
  const auto message = text_of(member(json, "error"), "message");
  return message.empty() ? std::string(json) : message;
}

}  // namespace evergate::daemon::admin_print
