#include "sim/fault_book.h"

#include <algorithm>

#include "sim/json_writer.h"

namespace evergate::sim {
namespace {

constexpr std::array<std::string_view, fault_kinds> names{"rst",
                                                          "fin",
                                                          "stall",
                                                          "half_open",
                                                          "close",
                                                          "op7",
                                                          "op9",
                                                          "op1",
                                                          "corrupt_frame",
                                                          "huge",
                                                          "bad_utf8",
                                                          "lone_surrogate",
                                                          "broken_stream",
                                                          "split_stream",
                                                          "missing_ack",
                                                          "late_ack",
                                                          "seq_jump",
                                                          "seq_repeat",
                                                          "drop_type",
                                                          "lag",
                                                          "refuse_upgrade",
                                                          "slow_upgrade",
                                                          "silent_upgrade",
                                                          "no_hello",
                                                          "slow_hello",
                                                          "op7_first",
                                                          "op9_after_identify",
                                                          "no_ready",
                                                          "close_after_identify",
                                                          "refuse_resume",
                                                          "op9_true_after_resume",
                                                          "close_after_resume",
                                                          "no_resumed",
                                                          "silent_guild",
                                                          "unavailable_create",
                                                          "resume_host",
                                                          "gateway_url",
                                                          "rest_status"};
static_assert(names.back() == "rest_status");
static_assert(fault_kinds <= 64);

}  // namespace

std::string_view name_of(fault_kind kind) noexcept {
  return names[static_cast<std::size_t>(kind)];
}

std::optional<fault_kind> fault_named(std::string_view name) noexcept {
  const auto at = std::ranges::find(names, name);
  if (at == names.end()) return std::nullopt;
  return static_cast<fault_kind>(at - names.begin());
}

bool fits(const fault_book::armed_fault& armed, const fault_book::target& at) noexcept {
  const fault_order& order = armed.order;
  if (order.kind == fault_kind::drop_type &&
      (order.type != at.subject || at.session >= armed.sessions_before)) {
    return false;
  }
  const bool present = at.session < armed.sessions_before;
  if (order.sessions == which_sessions::present && !present) return false;
  if (order.sessions == which_sessions::later && present) return false;
  if (order.kind == fault_kind::rest_status && order.rest_path != at.subject) return false;
  if (order.shard && order.shard != at.shard) return false;
  if (order.count && order.count != at.count) return false;
  return order.path == path_choice::any || (order.path == path_choice::resume) == at.resume_path;
}

bool fault_book::arm(const fault_order& order, std::uint32_t sessions_before) {
  if (armed_.size() >= orders_max) return false;
  armed_.push_back({order, ++numbered_, 0, sessions_before});
  refresh();
  return true;
}

void fault_book::clear() noexcept {
  armed_.clear();
  refresh();
}

void fault_book::refresh() noexcept {
  kinds_ = 0;
  for (const auto& a : armed_) kinds_ |= std::uint64_t{1} << static_cast<unsigned>(a.order.kind);
}

fault_book::armed_fault* fault_book::find(fault_kind kind, const target& at) noexcept {
  if (none(kind)) return nullptr;
  const auto found =
      std::ranges::find_if(armed_, [&](const auto& a) { return a.order.kind == kind && fits(a, at); });
  return found == armed_.end() ? nullptr : &*found;
}

void fault_book::fire(armed_fault& what) {
  ++what.fired;
  count(what.order.kind, 1);
  if (what.order.times == 0 || what.fired < what.order.times) return;
  std::erase_if(armed_, [number = what.number](const auto& a) { return a.number == number; });
  refresh();
}

std::optional<fault_order> fault_book::take(fault_kind kind, const target& at) {
  armed_fault* found = find(kind, at);
  if (found == nullptr) return std::nullopt;
  fault_order order = found->order;
  fire(*found);
  return order;
}

bool fault_book::led_astray() const noexcept {
  const auto first = static_cast<std::size_t>(fault_kind::refuse_upgrade);
  const auto last = static_cast<std::size_t>(fault_kind::resume_host);
  return std::any_of(&fired_[first], &fired_[last] + 1, [](std::uint64_t times) { return times != 0; });
}

void fault_book::write(std::string& out) const {
  json_writer json(out);
  json.begin_object();
  json.array("armed");
  for (const auto& a : armed_) {
    json.begin_object();
    json.number("number", static_cast<std::int64_t>(a.number));
    json.text("kind", name_of(a.order.kind));
    if (a.order.shard) json.number("shard", *a.order.shard);
    if (a.order.count) json.number("count", *a.order.count);
    if (a.order.path != path_choice::any)
      json.text("path", a.order.path == path_choice::main ? "main" : "resume");
    json.number("times", a.order.times);
    json.number("fired", static_cast<std::int64_t>(a.fired));
    json.end_object();
  }
  json.end_array();
  json.object("fired");
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    if (fired_[i] != 0) json.number(names[i], static_cast<std::int64_t>(fired_[i]));
  }
  json.end_object();
  json.end_object();
}

}  // namespace evergate::sim
