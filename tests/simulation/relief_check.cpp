#include "relief_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace evergate::simulation {
namespace {

constexpr std::array<const char*, relief_look::classes> class_names{"ephemeral", "message", "state"};
constexpr std::size_t sentences_max = 20;
constexpr auto message = static_cast<std::size_t>(proto::event_class::message);
constexpr auto state = static_cast<std::size_t>(proto::event_class::state);

struct total {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};

total sum_of(const relief_look::each<std::vector<flow::stretch>>& all) {
  total out;
  for (const auto& kind : all) {
    for (const auto& one : kind) {
      out.events += one.events;
      out.bytes += one.bytes;
    }
  }
  return out;
}

}  // namespace

void relief_check::found(std::string what) {
  if (findings_.size() < sentences_max) findings_.push_back(std::move(what));
}

void relief_check::gap(std::uint64_t messages, std::uint64_t of_state) {
  told_[message] += messages;
  told_[state] += of_state;
}

void relief_check::check_bounds(const relief_look& what) {
  const auto left = sum_of(what.after);
  if (over(left.events, left.bytes)) {
    found(fmt::format("relief: {} events of {} bytes wait, {} and {} are allowed", left.events, left.bytes,
                      most_.events, most_.bytes));
  }
  for (std::size_t kind = 0; kind < relief_look::classes; ++kind) {
    // Behind one that is not too old they wait: the clock was set back meanwhile.
    const auto& waits = what.after[kind];
    if (!waits.empty() && aged(waits.front(), what.now_ms))
      found(fmt::format("relief: {} events that are too old wait", class_names[kind]));
  }
}

/// The last that went for room, of the dearest class, would not have had any.
void relief_check::check_need(const relief_look& what) {
  std::optional<std::size_t> dearest;
  flow::stretch last;
  for (std::size_t kind = 0; kind < relief_look::classes; ++kind) {
    for (const auto& one : what.before[kind]) {
      if (one.last > what.to[kind] || aged(one, what.now_ms)) continue;
      dearest = kind;
      last = one;
    }
  }
  if (!dearest) return;
  for (std::size_t cheaper = 0; cheaper < *dearest; ++cheaper) {
    if (what.after[cheaper].empty()) continue;
    found(fmt::format("relief: {} events went before {} ones", class_names[*dearest], class_names[cheaper]));
  }
  const auto left = sum_of(what.after);
  if (over(left.events + last.events, left.bytes + last.bytes)) return;
  found(
      fmt::format("relief: {} events of {} bytes are left of {} and {} allowed, after {} of {} bytes too "
                  "many were given up",
                  left.events, left.bytes, most_.events, most_.bytes, last.events, last.bytes));
}

void relief_check::looked(const relief_look& what, const std::function<std::uint64_t(std::size_t)>& floor) {
  for (std::size_t kind = 0; kind < relief_look::classes; ++kind) {
    const auto& all = rows_[kind];
    const auto from = std::max(what.from[kind].value, floor(kind));
    const auto first = std::ranges::upper_bound(all, from);
    const auto end = std::ranges::upper_bound(all, std::max(what.to[kind].value, from));
    const auto gone = static_cast<std::uint64_t>(end - first);
    if (what.given_up[kind] != gone && (what.given_up[kind] > 0 || what.to[kind] > what.from[kind])) {
      found(fmt::format("relief: {} {} events were given up, counted are {}", gone, class_names[kind],
                        what.given_up[kind]));
    }
    given_up_.insert(first, end);
  }
  check_bounds(what);
  check_need(what);
}

void relief_check::stored(const relief_look::each<std::uint64_t>& given_up) {
  for (const auto kind : {message, state}) {
    if (given_up[kind] == told_[kind]) continue;
    found(fmt::format("relief: {} {} events are given up, GAP records tell of {}", given_up[kind],
                      class_names[kind], told_[kind]));
  }
}

}  // namespace evergate::simulation
