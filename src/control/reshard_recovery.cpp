#include "control/reshard_recovery.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "control/junction.h"
#include "proto/json_view.h"

namespace evergate::control {
namespace {

using records_map = std::map<std::string, std::string>;

std::string text_of(const records_map& records, const char* name) {
  const auto found = records.find(name);
  return found == records.end() ? std::string() : found->second;
}

/// The fleet that the last resharding left, unless the option has changed since.
std::optional<fleet_shape> kept_shape(const records_map& records, std::uint32_t total) {
  const auto text = text_of(records, reshard_records::fleet);
  const auto count = proto::integer_of(proto::member(text, "count"));
  if (!count || *count < 1 || *count > 65'535) return std::nullopt;
  fleet_shape out;
  out.twin = proto::member(text, "twin") == "true";
  out.count = static_cast<std::uint32_t>(*count);
  if (proto::integer_of(proto::member(text, "total")) != std::int64_t{total}) out.count = total;
  return out;
}

void take_moved(const records_map& records, cutover_remains& out) {
  const auto prefix = std::string(junction::owner_prefix);
  for (auto at = records.lower_bound(prefix); at != records.end() && at->first.starts_with(prefix); ++at) {
    proto::snowflake guild = 0;
    const char* end = at->first.data() + at->first.size();
    const auto read = std::from_chars(at->first.data() + prefix.size(), end, guild);
    if (read.ec == std::errc{} && read.ptr == end) out.moved.emplace(guild, junction::kind_in(at->second));
  }
}

void take_marks(const records_map& records, std::string_view named, cutover_remains& out) {
  const std::string prefix(named);
  for (auto at = records.lower_bound(prefix); at != records.end() && at->first.starts_with(prefix); ++at) {
    out.shard_marks.insert(*at);
  }
}

/// What was written down of a resharding that does not go on.
void forget(const cutover_remains& remains, left_behind& out) {
  out.records.push_back({reshard_records::task, {}});
  out.records.push_back({std::string(cutover::counts_record), {}});
  for (const auto& [guild, kind] : remains.moved) out.records.push_back({junction::owner_record(guild), {}});
  for (const auto& [name, value] : remains.shard_marks) out.records.push_back({name, {}});
}

bool belongs(const flow::stored_session& one, const fleet_shape& shape) {
  return one.record.shard == shape.key(one.record.shard.id);
}

void sort_sessions(std::vector<flow::stored_session> stored, bool known, left_behind& out) {
  for (auto& one : stored) {
    const bool twin = (one.record.shard.count & flow::twin_fleet) != 0;
    const bool serves =
        known && out.serving.count != 0 ? belongs(one, out.serving) : twin == out.serving.twin;
    const bool prepared = out.task && belongs(one, out.task->to);
    if (!serves && !prepared) {
      out.ended.push_back(one.record);
      continue;
    }
    one.record.shard.count &= ~flow::twin_fleet;
    if (prepared && !one.record.session_id.empty() && !one.seq.none()) {
      out.remains.started[one.record.shard.id] = true;
    }
    (prepared ? out.new_sessions : out.serving_sessions).push_back(std::move(one));
  }
}

void take_task(reshard_task task, std::uint32_t total, std::int64_t now_ms, left_behind& out) {
  using enum reshard_phase;
  out.serving = task.from;
  // In drain, guilds may have come back to sessions that were to be closed.
  const bool moving = task.phase == cut || (task.phase == drain && out.left > 0);
  if (moving || (task.phase == back && !out.remains.moved.empty())) {
    out.remains.started.resize(task.to.count);
    out.task = std::move(task);
    return;
  }
  forget(out.remains, out);
  out.completed = !task.turned && (task.phase == drain || task.phase == leave);
  out.given_up = !out.completed;
  auto& what = out.remains.counts;
  what.from_count = task.from.count;
  what.to_count = task.to.count;
  what.aborted = out.given_up;
  what.duration_ms = now_ms - task.began_ms;
  ++task.restarts;
  if (out.given_up && task.abort_cause.empty())
    task.abort_cause = "the daemon ended while it was being prepared";
  out.last = receipt_record(task, what, now_ms);
  out.records.push_back({reshard_records::last, out.last});
  if (out.given_up) return;
  // Every guild had moved; the old sessions were only being closed.
  out.serving = task.to;
  out.records.push_back(fleet_record(task.to, total));
}

}  // namespace

std::string receipt_record(const reshard_task& task, const receipt& what, std::int64_t now_ms) {
  std::string out = fmt::format(R"({{"ended_ms":{},"began_ms":{},"restarts":{},"cause":)", now_ms,
                                task.began_ms, task.restarts);
  proto::append_quoted(out, task.cause);
  out += R"(,"abort_cause":)";
  proto::append_quoted(out, task.abort_cause);
  return out + R"(,"receipt":)" + what.to_json() + '}';
}

flow::control_record fleet_record(const fleet_shape& serving, std::uint32_t total) {
  return {reshard_records::fleet,
          fmt::format(R"({{"count":{},"twin":{},"total":{}}})", serving.count, serving.twin, total)};
}

left_behind what_was_left(const records_map& records, std::vector<flow::stored_session> stored,
                          std::uint32_t total, std::int64_t now_ms) {
  left_behind out;
  out.last = text_of(records, reshard_records::last);
  const auto kept = kept_shape(records, total);
  out.serving = kept.value_or(fleet_shape{total});
  take_moved(records, out.remains);
  const auto counts = text_of(records, std::string(cutover::counts_record).c_str());
  out.left = proto::integer_of(proto::member(counts, "left")).value_or(0);
  out.remains.counts = receipt::parse(proto::member(counts, "receipt"));
  take_marks(records, cutover::mark_prefix, out.remains);
  take_marks(records, cutover::awaits_prefix, out.remains);
  take_marks(records, cutover::repeats_prefix, out.remains);
  auto task = parse_task(text_of(records, reshard_records::task));
  if (task) take_task(std::move(*task), total, now_ms, out);
  const bool known = kept.has_value() || !out.records.empty() || out.task;
  sort_sessions(std::move(stored), known, out);
  return out;
}

}  // namespace evergate::control
