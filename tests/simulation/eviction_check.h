// Whether the journal gives up what its policy names and nothing else: what is too old, then what every
// consumer has acknowledged, then ephemeral events, then messages, then state; only when it is over a bound;
// all of it counted, and what a consumer had not had told in GAP records, by class. Told after each commit;
// knows blobs as numbers only. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace evergate::simulation {

/// As the store's ledger says after a commit.
struct class_account {
  std::uint64_t floor = 0;  ///< everything of the class up to here is gone
  std::uint64_t evicted = 0;
  std::uint64_t evicted_unacked = 0;
};

/// What the journal may keep; 0 = any.
struct kept_bounds {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  std::int64_t age_ms = 0;
};

/// One of a commit's rows.
struct kept_row {
  std::uint64_t offset = 0;
  std::uint64_t guild = 0;
  bool internal = false;     ///< nobody's
  bool interaction = false;  ///< due past another cursor
};

class eviction_check {
 public:
  static constexpr std::size_t classes = 3;  ///< ephemeral, message, state
  static constexpr std::size_t message = 1;
  static constexpr std::size_t state = 2;
  using accounts = std::array<class_account, classes>;
  using offsets = std::array<std::uint64_t, classes>;

  /// What the store holds after a commit, and what somebody waits for.
  struct outline {
    std::int64_t time_ms = 0;  ///< of the commit, by the daemon's clock
    accounts ledger{};
    offsets acknowledged{};  ///< by class: what every consumer has had
    /// By class and last offset of their commit: bytes and time of each blob that is there.
    std::map<std::pair<std::size_t, std::uint64_t>, std::pair<std::uint64_t, std::int64_t>> blobs{};
    std::function<bool(std::size_t, const kept_row&)> due{};  ///< the consumer has not had it
  };

  explicit eviction_check(kept_bounds most) : most_(most) {}

  /// A row of the commit that comes next.
  void row(std::size_t kind, const kept_row& one) { fresh_[kind].push_back(one); }
  /// A GAP record: of from..to so many were given up.
  void gap(std::uint64_t from, std::uint64_t to, std::uint64_t messages, std::uint64_t of_state);
  void committed(const outline& now);
  /// When all is quiet.
  void finish();

  /// Given up though some consumer had not had it.
  [[nodiscard]] bool lost(std::uint64_t offset) const { return lost_.contains(offset); }
  [[nodiscard]] std::uint64_t lost_rows() const noexcept { return lost_.size(); }
  /// All of the class up to here is gone.
  [[nodiscard]] std::uint64_t floor(std::size_t kind) const noexcept { return floors_[kind]; }
  [[nodiscard]] const std::vector<std::string>& findings() const noexcept { return findings_; }

 private:
  struct blob {
    std::vector<kept_row> rows;
    std::uint64_t round_last = 0;  ///< of all classes: state also holds what the mirror needs of messages
    std::uint64_t bytes = 0;       ///< 0 = gone in the commit that brought it
    std::int64_t time_ms = 0;
    [[nodiscard]] std::uint64_t first() const { return rows.front().offset; }
    [[nodiscard]] std::uint64_t last() const { return rows.back().offset; }
  };
  void found(std::string what);
  void learn(const outline& now);
  void take(std::size_t kind, const outline& now);
  void give_up(std::size_t kind, const blob& gone, const outline& now);
  void check_need(const outline& now);
  void check_order(const outline& now);
  [[nodiscard]] bool aged(const blob& one, std::int64_t time_ms) const {
    return most_.age_ms > 0 && one.time_ms + most_.age_ms < time_ms;
  }
  [[nodiscard]] std::uint64_t kept() const;

  kept_bounds most_;
  std::array<std::vector<kept_row>, classes> fresh_;
  std::array<std::deque<blob>, classes> blobs_;
  std::array<class_account, classes> counted_{};
  std::uint64_t perhaps_unacked_ = 0;  ///< more state, which holds a part of an unacknowledged message
  std::set<std::uint64_t> lost_;
  std::set<std::uint64_t> owed_;                    ///< of these, what GAP records must tell
  std::array<std::uint64_t, classes> owed_each_{};  ///< by class
  std::array<std::uint64_t, classes> told_each_{};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps_;
  offsets floors_{};
  bool whole_ = false;         ///< something was given up in this commit for room
  std::uint64_t largest_ = 0;  ///< rows of the largest blob that was
  std::uint64_t largest_bytes_ = 0;
  std::uint64_t kept_bytes_ = 0;
  std::int64_t time_ms_ = 0;
  std::array<bool, classes> gave_up_{};  ///< unacknowledged ones of the class, in this commit
  std::vector<std::string> findings_;
};

}  // namespace evergate::simulation
