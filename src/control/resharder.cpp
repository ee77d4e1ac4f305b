#include "control/resharder.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/check.h"
#include "proto/json_view.h"

namespace evergate::control {
namespace {

constexpr std::array<std::string_view, 7> names{"idle",  "prepare", "overlap", "cut",
                                                "drain", "back",    "leave"};

std::string json_of(const fleet_shape& shape) {
  return fmt::format("[{},{}]", shape.count, shape.twin);
}

std::optional<fleet_shape> shape_of(std::string_view json) {
  proto::array_cursor at(json);
  if (!at.next()) return std::nullopt;
  const auto count = proto::integer_of(at.value());
  if (!count || *count < 1 || *count > 65'535 || !at.next()) return std::nullopt;
  return fleet_shape{static_cast<std::uint32_t>(*count), at.value() == "true"};
}

}  // namespace

std::string_view name_of(reshard_phase phase) noexcept {
  return names[static_cast<std::size_t>(phase)];
}

std::string reshard_task::to_json() const {
  auto out =
      fmt::format(R"({{"phase":"{}","from":{},"to":{},"began_ms":{},"restarts":{},"turned":{},"cause":)",
                  name_of(phase), json_of(from), json_of(to), began_ms, restarts, turned);
  proto::append_quoted(out, cause);
  out += R"(,"abort_cause":)";
  proto::append_quoted(out, abort_cause);
  return out + '}';
}

std::optional<reshard_task> parse_task(std::string_view json) {
  reshard_task out;
  const auto phase = proto::decoded_string(proto::member(json, "phase"));
  const auto from = shape_of(proto::member(json, "from"));
  const auto to = shape_of(proto::member(json, "to"));
  if (!phase || !from || !to || *from == *to) return std::nullopt;
  std::size_t place = 0;
  while (place < names.size() && names[place] != *phase) ++place;
  if (place == names.size()) return std::nullopt;
  out.phase = static_cast<reshard_phase>(place);
  out.from = *from;
  out.to = *to;
  out.began_ms = proto::integer_of(proto::member(json, "began_ms")).value_or(0);
  out.restarts = static_cast<std::uint32_t>(proto::integer_of(proto::member(json, "restarts")).value_or(0));
  out.turned = proto::member(json, "turned") == "true";
  out.cause = proto::decoded_string(proto::member(json, "cause")).value_or("");
  out.abort_cause = proto::decoded_string(proto::member(json, "abort_cause")).value_or("");
  return out;
}

void resharder::enter(reshard_phase phase, reshard_orders& out, base::instant now) {
  task_.phase = phase;
  since_ = now;
  out.changed = true;
}

void resharder::begin(reshard_task task, base::instant now) {
  base::check(!busy(), "one resharding at a time");
  task_ = std::move(task);
  task_.phase = reshard_phase::prepare;
  since_ = now;
  ready_shards_ = 0;
  complete_since_.reset();
  retired_.clear();
}

void resharder::go_on(reshard_task task, base::instant now) {
  const auto phase = task.turned ? reshard_phase::back : reshard_phase::cut;
  begin(std::move(task), now);
  task_.phase = phase;
  ++task_.restarts;
}

reshard_orders resharder::step(const reshard_facts& seen, base::instant now) {
  reshard_orders out;
  switch (task_.phase) {
    case reshard_phase::idle:
      break;
    case reshard_phase::prepare:
      if (seen.ready_shards != std::exchange(ready_shards_, seen.ready_shards)) since_ = now;
      if (seen.ready_shards == task_.to.count) {
        enter(reshard_phase::overlap, out, now);
      } else if (now - since_ >= options_.stall_max) {
        (void)abort(fmt::format("{} of {} new shards are ready and no further one has come for {} s",
                                seen.ready_shards, task_.to.count, options_.stall_max.count() / 1'000),
                    out, now);
      }
      break;
    case reshard_phase::overlap:
      if (!may_open(seen.awaited, now)) break;
      if (!seen.permitted) {
        if (now - since_ < options_.stall_max) break;
        (void)abort(
            fmt::format("permit_switch has not allowed it for {} s", options_.stall_max.count() / 1'000), out,
            now);
        break;
      }
      enter(reshard_phase::cut, out, now);
      out.open = true;
      break;
    case reshard_phase::cut:
      if (seen.complete) enter(reshard_phase::drain, out, now);
      break;
    case reshard_phase::drain:
    case reshard_phase::back:
      step_drain(seen, now, out);
      break;
    case reshard_phase::leave:
      out.finish = seen.ended;
      break;
  }
  return out;
}

/// The fleet that is left is closed shard by shard, as nothing more is to be learnt from each.
void resharder::step_drain(const reshard_facts& seen, base::instant now, reshard_orders& out) {
  if (!seen.complete) return complete_since_.reset();
  if (!complete_since_) complete_since_ = now;
  const auto waited = now - *complete_since_;
  const auto count = task_.turned ? task_.to.count : task_.from.count;
  for (std::uint32_t shard = 0; shard < count; ++shard) {
    if (retired_.contains(shard)) continue;
    const bool speaks = !task_.turned && shard < seen.voice.size() && seen.voice[shard];
    if (speaks && waited < options_.voice_drain_max) continue;
    const bool closable = shard < seen.closable.size() && seen.closable[shard];
    if (!closable && waited < options_.drain_max) continue;
    out.retire.push_back(shard);
  }
  if (retired_.size() < count) return;
  enter(reshard_phase::leave, out, now);
  out.end_fleet = true;
}

bool resharder::abort(std::string why, reshard_orders& out, base::instant now) {
  switch (task_.phase) {
    case reshard_phase::prepare:
    case reshard_phase::overlap:
      task_.turned = true;
      task_.abort_cause = std::move(why);
      enter(reshard_phase::leave, out, now);
      out.turn_back = out.end_fleet = true;
      return true;
    case reshard_phase::cut:
    case reshard_phase::drain:
      if (!retired_.empty()) return false;
      task_.turned = true;
      task_.abort_cause = std::move(why);
      complete_since_.reset();
      enter(reshard_phase::back, out, now);
      out.turn_back = true;
      return true;
    case reshard_phase::idle:
    case reshard_phase::back:
    case reshard_phase::leave:
      break;
  }
  return false;
}

}  // namespace evergate::control
