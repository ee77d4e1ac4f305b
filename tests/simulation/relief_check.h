// Whether a consumer past its own bounds is relieved of what the policy names and nothing else: of what is
// too old, then of ephemeral events, then messages, then state, only as far as it is over a bound; all of it
// counted and told in GAP records. Told each time its backlog is looked at, and after each commit. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "flow/journal.h"

namespace evergate::simulation {

struct relief_bounds {
  std::uint64_t events = 0;  ///< 0 = any
  std::uint64_t bytes = 0;
  std::int64_t age_ms = 0;
};

/// One look at a consumer's backlog, before and after.
struct relief_look {
  static constexpr std::size_t classes = proto::event_class_count;
  template <class T>
  using each = std::array<T, classes>;

  std::int64_t now_ms = 0;
  each<flow::offset> from{};       ///< what had to be kept for it lay past this
  each<flow::offset> to{};         ///< and lies past this now
  each<std::uint64_t> given_up{};  ///< so many were counted
  each<std::vector<flow::stretch>> before{};
  each<std::vector<flow::stretch>> after{};
};

class relief_check {
 public:
  explicit relief_check(relief_bounds most) : most_(most) {}

  /// A committed row that is for somebody, in order.
  void row(std::uint64_t offset, std::size_t kind) { rows_[kind].push_back(offset); }
  /// A GAP record of the consumer's own.
  void gap(std::uint64_t messages, std::uint64_t of_state);
  /// `floor`: what of a class is gone from the journal, for all.
  void looked(const relief_look& what, const std::function<std::uint64_t(std::size_t)>& floor);
  /// The stored record's count, by class, after a commit whose GAP records have been told.
  void stored(const relief_look::each<std::uint64_t>& given_up);

  [[nodiscard]] bool given_up(std::uint64_t offset) const { return given_up_.contains(offset); }
  [[nodiscard]] std::uint64_t given_up_rows() const noexcept { return given_up_.size(); }
  [[nodiscard]] const std::vector<std::string>& findings() const noexcept { return findings_; }

 private:
  void found(std::string what);
  void check_bounds(const relief_look& what);
  void check_need(const relief_look& what);
  [[nodiscard]] bool aged(const flow::stretch& one, std::int64_t now_ms) const {
    return most_.age_ms > 0 && one.time_ms < now_ms - most_.age_ms;
  }
  [[nodiscard]] bool over(std::uint64_t events, std::uint64_t bytes) const {
    return (most_.events > 0 && events > most_.events) || (most_.bytes > 0 && bytes > most_.bytes);
  }

  const relief_bounds most_;
  relief_look::each<std::vector<std::uint64_t>> rows_;
  relief_look::each<std::uint64_t> told_{};
  std::set<std::uint64_t> given_up_;
  std::vector<std::string> findings_;
};

}  // namespace evergate::simulation
